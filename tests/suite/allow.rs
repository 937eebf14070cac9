//! Where a scan may go, and where it comes from: `--allow`, `--source-address`, `--interface`, `--header`.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::support::{kubeknock, run, start, stderr, stdout};

fn scan(words: &[&str]) -> (Output, Value) {
    let output = kubeknock()
        .args(["scan", "-o", "json"])
        .args(words)
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output, report)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_of_the_allowlist_is_asked() {
    let (inside, outside) = (start("rejecting").await, start("exposed").await);
    let [first, second] = [&inside, &outside].map(|server| server.address().to_string());
    let port = inside.address().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("allowed.txt");
    fs::write(&list, format!("# ours\n{first}\n")).unwrap();
    let from_file = format!("@{}", list.display());
    for allow in [first.as_str(), &from_file] {
        let (output, report) = scan(&[&first, &second, "--allow", allow]);
        // The other target is counted and not covered.
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let coverage = &report["coverage"];
        assert_eq!(coverage["targets"], 2, "{coverage}");
        assert_eq!(coverage["outside_allow"], 1, "{coverage}");
        assert_eq!(
            (&coverage["named"], &coverage["covered"]),
            (&2.into(), &1.into())
        );
        assert_eq!(coverage["specs"][1]["unasked"][0]["why"], "outside-allow");
        assert_eq!(
            report["summary"]["complete"], true,
            "all that may be asked was"
        );
    }
    assert_eq!(outside.stats().connections(), 0);
    // A range is cut, and exclusions hold as well.
    let (output, report) = scan(&[
        "127.0.0.0/24",
        "-p",
        &port,
        "--allow",
        "127.0.0.0/30",
        "--allow",
        "192.0.2.1",
        "--exclude",
        "127.0.0.2",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let coverage = &report["coverage"];
    assert_eq!(
        (&coverage["outside_allow"], &coverage["excluded"]),
        (&252.into(), &1.into())
    );
    assert_eq!(coverage["verdicts"]["rejected"], 1, "{coverage}");
    // All outside: nothing is asked, nothing is covered.
    let (output, report) = scan(&[&second, "--allow", "192.0.2.0/24"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(report["coverage"]["outside_allow"], 1);
    assert_eq!(outside.stats().connections(), 0);
    // Formats for people say so.
    for format in ["table", "markdown", "html", "junit", "github"] {
        let output = kubeknock()
            .args([
                "scan", "-q", &first, &second, "--allow", &first, "-o", format,
            ])
            .output()
            .unwrap();
        assert!(
            stdout(&output).contains("outside of --allow"),
            "{format}: {}",
            stdout(&output)
        );
    }
    let plan = kubeknock()
        .args([
            "scan",
            "127.0.0.0/24",
            "-p",
            "6443",
            "--allow",
            "127.0.0.0/30",
            "--dry-run",
        ])
        .output()
        .unwrap();
    assert!(
        stdout(&plan).contains("(4 targets, 0 excluded, 252 outside of --allow)"),
        "{}",
        stdout(&plan)
    );
    // Errors have a place.
    let (output, _) = scan(&[&first, "--allow", "https://192.0.2.1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--allow 1: unexpected URL"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_leads_only_to_allowed_addresses_unless_it_is_allowed_itself() {
    let server = start("rejecting").await;
    let name = format!("localhost:{}", server.address().port());
    for (allow, asked) in [
        ("127.0.0.1", 1),
        ("127.0.0.9", 0),
        ("localhost", 1),
        ("other.example", 0),
    ] {
        let before = server.stats().connections();
        let (output, report) = scan(&[&name, "-4", "--allow", allow]);
        assert_eq!(
            server.stats().connections() - before,
            asked,
            "{allow}: {}",
            stderr(&output)
        );
        let expected = if asked == 1 { 0 } else { 3 };
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{allow}: {}",
            stderr(&output)
        );
        assert_eq!(report["coverage"]["outside_allow"], 1 - asked, "{allow}");
    }
    // A proxy that resolves names shows no addresses.
    for option in ["--allow", "--exclude"] {
        let words = [
            &name,
            option,
            "127.0.0.1",
            "--proxy",
            "socks5h://127.0.0.1:1",
        ];
        let (output, _) = scan(&words);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains("their addresses are unknown"),
            "{}",
            stderr(&output)
        );
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_scan_comes_from_the_address_and_the_interface_that_it_should() {
    let server = start("rejecting").await;
    let address = server.address().to_string();
    let (output, report) = scan(&[
        &address,
        "--source-address",
        "127.0.0.5",
        "--interface",
        "lo",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        report["scan"]["vantage"]["source_addresses"],
        serde_json::json!(["127.0.0.5"])
    );
    assert_eq!(
        report["scan"]["settings"]["source_addresses"],
        serde_json::json!(["127.0.0.5"])
    );
    assert_eq!(report["scan"]["settings"]["interface"], "lo");
    // A wrong one is an error before the scan, and leaves no checkpoint behind.
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let asked = server.stats().connections();
    for (option, value) in [
        ("--source-address", "192.0.2.77"),
        ("--interface", "no-such-0"),
    ] {
        let words = [
            &address,
            option,
            value,
            "--checkpoint",
            checkpoint.to_str().unwrap(),
        ];
        let (output, _) = scan(&words);
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(
            stderr(&output).contains(&format!("{option}: cannot use")),
            "{}",
            stderr(&output)
        );
        assert!(!checkpoint.exists());
    }
    assert_eq!(server.stats().connections(), asked);
    // A target of the other family is not the target's failure.
    let (output, report) = scan(&["[::1]:1", "--source-address", "127.0.0.5"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("no --source-address for IPv6"), "{said}");
    assert!(!said.contains("resources"), "{said}");
    assert_eq!(report["coverage"]["not_attempted"], 1);
    // Queries come from there too: a name server on loopback cannot be reached from another interface's address.
    let (output, _) = scan(&[
        "name.example",
        "--resolver",
        "127.0.0.1:1",
        "--source-address",
        "::1",
        "--timeout",
        "1s",
    ]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_headers_of_a_scan_can_be_added() {
    let server = start("rejecting").await;
    let address = server.address().to_string();
    let (output, report) = scan(&[&address, "--header", "X-Scan-Id: SEC-42"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        report["scan"]["settings"]["headers"],
        serde_json::json!(["x-scan-id: SEC-42"])
    );
    // Another header may be a credential, which no error repeats.
    for header in [
        "Authorization: Bearer hunter2",
        "cookie:hunter2",
        "X-Token: hunter2",
    ] {
        for words in [
            ["--header", header].as_slice(),
            &[&*format!("--header={header}")],
        ] {
            let output = run(&[&["scan", &address], words].concat());
            assert_eq!(output.status.code(), Some(2));
            let said = stderr(&output);
            assert!(
                said.contains("X-Scan-") && !said.contains("hunter2"),
                "{said}"
            );
        }
    }
    let plan = kubeknock()
        .args([
            "scan",
            &address,
            "--dry-run",
            "--header",
            "X-Scan-Id: SEC-42",
        ])
        .output()
        .unwrap();
    assert!(
        stdout(&plan).contains("  x-scan-id: SEC-42\n"),
        "{}",
        stdout(&plan)
    );
    let asked = server.stats().connections();
    let many: Vec<String> = (0..9)
        .map(|number| format!("--header=X-Scan-{number}: x"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (words, said) in [
        (
            &["--header", "Authorization: Bearer hunter2"][..],
            "only headers whose name begins with X-Scan-",
        ),
        (
            &["--header", "X-Scan-Id: a\r\nCookie: b"],
            "printable ASCII",
        ),
        (&many, "--header: may be given 8 times"),
    ] {
        let (output, _) = scan(&[&[address.as_str()], words].concat());
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(
            stderr(&output).contains(said),
            "{words:?}: {}",
            stderr(&output)
        );
    }
    assert_eq!(server.stats().connections(), asked);
}
