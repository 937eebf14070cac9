//! Bad input: every error at once, with file, line and advice, exit code 2, and nothing is sent.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use crate::support::{kubeknock, run, start, stderr, stdout};

/// Runs a scan of this file and gives exit code and standard error.
fn scan_file(content: &[u8]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("targets.txt");
    fs::write(&path, content).unwrap();
    let output = kubeknock()
        .args(["scan", "-f", "targets.txt"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    (output.status.code(), stderr(&output))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_bad_lines_are_reported_at_once_and_nothing_is_sent() {
    let server = start("default").await;
    let lines = format!(
        "{}\n10.0.0.0/33\n# fine\n10.0.0.1:0\n10.0.0.1:70000\n10.0.0.9-10.0.0.1\nhttps://user:pw@host.example\n\
         10.0.0.256\n[2001:db8::1\n10.0.0.0/24:6443\n10.0.0.1 expect=maybe\n10.0.0.1 colour=red\nftp://host.example\n\
         bad_host!.example\n10.0.0.1 ports=\n",
        server.address()
    );
    let (code, errors) = scan_file(lines.as_bytes());
    assert_eq!(code, Some(2), "{errors}");
    let places: Vec<&str> = errors
        .lines()
        .filter_map(|line| line.split(": ").nth(1))
        .collect();
    let lines = [2, 4, 5, 6, 7].map(|line| format!("targets.txt:{line}:1"));
    assert_eq!(
        places,
        lines
            .iter()
            .map(String::as_str)
            .chain(["targets.txt"])
            .collect::<Vec<_>>()
    );
    assert!(
        errors.ends_with("\nerror: targets.txt: and 8 more\n"),
        "{errors}"
    );
    assert!(
        !errors.contains("pw") && !errors.contains("10.0.0"),
        "nothing of a line in messages: {errors}"
    );
    assert_eq!(server.stats().connections(), 0);
}

#[test]
fn files_that_cannot_be_read_are_errors() {
    let output = run(&["scan", "-f", "no-such-file.txt"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("no-such-file.txt"),
        "{}",
        stderr(&output)
    );

    let folder = tempfile::tempdir().unwrap();
    let output = run(&["scan", "-f", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let said = format!(
        "{}: is a directory; expected a file\n",
        folder.path().display()
    );
    assert!(stderr(&output).ends_with(&said), "{}", stderr(&output));

    let (code, errors) = scan_file(b"10.0.0.1\n\xff\xfe\n");
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("targets.txt:2") && errors.contains("UTF-8"),
        "{errors}"
    );
}

#[test]
fn a_line_of_ten_megabytes_is_one_short_error() {
    let mut content = vec![b'x'; 10 * 1024 * 1024];
    content.extend_from_slice(b"\n10.0.0.0/99\n");
    let (code, errors) = scan_file(&content);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("targets.txt:1: ") && errors.contains("targets.txt:2:1: "),
        "{}",
        errors.len()
    );
    assert!(errors.len() < 2000, "the line is not repeated");
}

#[test]
fn an_empty_list_is_an_error() {
    for content in ["", "\n\n", "# only a comment\n"] {
        let (code, errors) = scan_file(content.as_bytes());
        assert_eq!(code, Some(2), "{content:?}: {errors}");
    }
    let output = run(&["scan"]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["scan", "10.0.0.1", "--exclude", "10.0.0.0/24"]);
    assert_eq!(
        output.status.code(),
        Some(2),
        "all excluded: {}",
        stderr(&output)
    );
}

#[test]
fn a_large_range_needs_an_option() {
    let output = run(&["scan", "10.0.0.0/7", "--dry-run"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--allow-large"),
        "{}",
        stderr(&output)
    );
    let output = run(&["scan", "10.0.0.0/7", "--dry-run", "--allow-large"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let output = run(&["scan", "2001:db8::/64", "--dry-run"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn host_bits_get_a_warning() {
    let output = run(&["scan", "192.0.2.77/24", "--dry-run", "--ports", "6443"]);
    assert!(output.status.success());
    assert!(
        stdout(&output).contains("256 targets"),
        "{}",
        stdout(&output)
    );
    assert!(
        stderr(&output).contains("192.0.2.0/24"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_come_from_standard_input() {
    let server = start("default").await;
    let mut child = kubeknock()
        .args(["scan", "-q", "-f", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = format!("# inventory\n\n{} name=prod # the one\n", server.address());
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["endpoints"][0]["name"], "prod");
    assert_eq!(report["endpoints"][0]["origin"]["line"], 3);
    assert_eq!(report["endpoints"][0]["origin"]["source"], "stdin");
}

#[test]
fn bad_options_are_named_with_advice() {
    for (args, words) in [
        (&["--timeout", "10"][..], &["--timeout", "10s"][..]),
        (&["--timeout", "0s"], &["--timeout"]),
        (&["--max-body", "1GB"], &["--max-body", "KiB"]),
        (&["--concurrency", "0"], &["--concurrency"]),
        (
            &["--path", "/api/v1/namespaces/default/secrets/token"],
            &["--path", "lists"],
        ),
        (
            &["--path", "/api/v1/nodes/n/proxy"],
            &["--path", "sub-resource"],
        ),
        (&["--ports", "6443,0"], &["--ports"]),
        (&["--proxy", "ftp://x"], &["--proxy", "socks5://"]),
        (
            &["--resolver", "dns.example"],
            &["--resolver", "192.0.2.53"],
        ),
        (&["-4", "-6"], &["--ipv4", "--ipv6"]),
        (
            &["--require-coverage", "50.5"],
            &[
                "--require-coverage",
                "invalid percentage: expected a whole number from 0 to 100",
            ],
        ),
        (
            &["--rate", "-1"],
            &[
                "--rate",
                "'-1'",
                "invalid number: expected a whole number, 0 or more",
            ],
        ),
        (&["--seed", "1e3"], &["--seed", "'1e3'", "invalid number"]),
        (
            &["--timeout", "-1s"],
            &["--timeout", "'-1s'", "it is negative"],
        ),
        (&["--max-body", "-1"], &["--max-body", "KiB"]),
        (
            &["--contact", "a\nb"],
            &["error: --contact: must be one line"],
        ),
        (
            &["--user-agent", "a\nb", "--contact", "c"],
            &["error: --user-agent: must be one line"],
        ),
    ] {
        let mut all = vec!["scan", "192.0.2.1"];
        all.extend_from_slice(args);
        let output = run(&all);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        for word in words {
            assert!(
                stderr(&output).contains(word),
                "{args:?}: {word} is not in {}",
                stderr(&output)
            );
        }
        assert!(
            stderr(&output).starts_with("error: "),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(
            !stderr(&output).contains("'-- "),
            "no option becomes a target: {}",
            stderr(&output)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn identify_rejects_an_expectation() {
    let server = start("default").await;
    let output = run(&[
        "identify",
        &format!("{} name=prod expect=rejected", server.address()),
    ]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(
        stderr(&output).contains("does not check expect=, kubeknock scan does"),
        "{}",
        stderr(&output)
    );
    assert_eq!(server.stats().connections(), 0);
    let output = run(&["identify", &format!("{} name=prod", server.address())]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_that_another_scanner_found_are_asked() {
    let server = start("default").await;
    let port = server.address().port();
    let folder = tempfile::tempdir().unwrap();
    let [masscan, nmap] = ["masscan.txt", "nmap.xml"].map(|name| folder.path().join(name));
    fs::write(
        &masscan,
        format!("#masscan\nopen tcp {port} 127.0.0.1 1700000000\nopen tcp 9 127.0.0.1 1\n# end\n"),
    )
    .unwrap();
    let host = |address: &str, port: &str| {
        format!(
            "<host><address addr=\"{address}\" addrtype=\"ipv4\"/><ports><port protocol=\"tcp\" \
             portid=\"{port}\"><state state=\"open\"/></port></ports></host>"
        )
    };
    fs::write(
        &nmap,
        format!(
            "<nmaprun>\n{}\n</nmaprun>",
            host("127.0.0.1", &port.to_string())
        ),
    )
    .unwrap();
    let [from_masscan, from_nmap] = [&masscan, &nmap].map(|path| path.to_str().unwrap());
    let both = [
        "--from",
        "masscan-list",
        from_masscan,
        "--from",
        "nmap-xml",
        from_nmap,
    ];
    let output = run(&[&["scan", "-q", "-o", "json"], &both[..]].concat());
    assert_eq!(
        output.status.code(),
        Some(0),
        "no named target is missing: {}",
        stderr(&output)
    );
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["coverage"]["targets"], 2, "found twice, asked once");
    assert_eq!(report["coverage"]["named"], 0);
    assert_eq!(report["endpoints"][0]["origin"]["line"], 2);
    assert_eq!(server.stats().connections(), 1);

    fs::write(
        &masscan,
        "open tcp 443 127.0.0.1 1\nopen tcp ? 127.0.0.1 1\nnonsense\n",
    )
    .unwrap();
    fs::write(
        &nmap,
        format!("<nmaprun>\n{}\n</nmaprun>", host("127.0.0.1", "seven")),
    )
    .unwrap();
    let output = run(&[&["scan"], &both[..]].concat());
    assert_eq!(output.status.code(), Some(2));
    for place in [
        format!("{from_masscan}:2: "),
        format!("{from_masscan}:3: "),
        format!("{from_nmap}:2: "),
    ] {
        assert!(
            stderr(&output).contains(&place),
            "{place}: {}",
            stderr(&output)
        );
    }
    fs::write(&masscan, format!("[\n{{\"ip\":\"127.0.0.1\",\"ports\":[{{\"port\":{port},\"proto\":\"tcp\",\"status\":\"open\"}}]}}\n")).unwrap();
    let output = run(&["scan", "--from", "masscan-json", from_masscan]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains(&format!("{from_masscan}:2: truncated file")),
        "{}",
        stderr(&output)
    );
    let output = run(&["scan", "--from", "nmap", from_nmap]);
    assert!(stderr(&output).contains("nmap-xml"), "{}", stderr(&output));
}

/// A port where nmap saw plain HTTP is probed both over plain HTTP and over TLS. Other ports are
/// probed over TLS first.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_where_nmap_saw_plain_http_is_asked_both_ways() {
    let server = start("insecure-http").await;
    let folder = tempfile::tempdir().unwrap();
    let nmap = folder.path().join("nmap.xml");
    let scan = |service: &str| {
        fs::write(
            &nmap,
            format!(
                "<nmaprun><host><address addr=\"127.0.0.1\" addrtype=\"ipv4\"/><hostnames><hostname \
                 name=\"api.example\" type=\"user\"/></hostnames><ports><port protocol=\"tcp\" \
                 portid=\"{}\"><state state=\"open\"/>{service}</port></ports></host></nmaprun>",
                server.address().port()
            ),
        )
        .unwrap();
        run(&[
            "scan",
            "-q",
            "-o",
            "json",
            "--from",
            "nmap-xml",
            nmap.to_str().unwrap(),
        ])
    };
    let output = scan("<service name=\"http\" method=\"probed\"/>");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let verdicts: Vec<_> = report["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| (&record["scheme"], &record["verdict"]))
        .collect();
    assert!(
        verdicts.contains(&(&"http".into(), &"exposed".into())),
        "{verdicts:?}"
    );
    assert!(
        verdicts.contains(&(&"https".into(), &"unreachable".into())),
        "{verdicts:?}"
    );
    let rules: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| &found["rule"])
        .collect();
    assert!(rules.contains(&&"insecure-http-api".into()), "{rules:?}");
    let output = scan("<service name=\"http\" method=\"table\"/>");
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let records = report["endpoints"].as_array().unwrap();
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(
        (&records[0]["scheme"], &records[0]["verdict"]),
        (&"http".into(), &"exposed".into())
    );
}

/// Users of another scanner's results must know that it failed.
#[test]
fn failures_of_another_scanner_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let scan = |format: &str, content: &str, more: &[&str]| {
        fs::write(folder.path().join("found"), content).unwrap();
        let args = [
            &[
                "scan",
                "--dry-run",
                "--from",
                format,
                "found",
                "127.0.0.1:9",
            ],
            more,
        ]
        .concat();
        kubeknock()
            .args(args)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let nmap = |host: &str, exit: &str| {
        format!("<nmaprun>\n{host}<runstats><finished exit=\"{exit}\"/></runstats></nmaprun>\n")
    };
    let output = scan("nmap-xml", &nmap("", "error"), &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = "error: found:2: nmap failed";
    assert!(stderr(&output).starts_with(said), "{}", stderr(&output));
    let late = nmap(
        "<host timedout=\"true\"><address addr=\"127.0.0.2\" addrtype=\"ipv4\"/></host>\n",
        "success",
    );
    let output = scan("nmap-xml", &late, &[]);
    assert_eq!(output.status.code(), Some(0));
    let said = "kubeknock: found:2: nmap gave up on this host (timedout=\"true\")";
    assert!(stderr(&output).starts_with(said), "{}", stderr(&output));
    assert_eq!(
        stderr(&scan("nmap-xml", &late, &["-q"])),
        "",
        "a note, which -q leaves out"
    );

    // Other formats of the same tools.
    let ndjson = "{\"ip\":\"192.0.2.5\",\"timestamp\":\"1\",\"port\":6443,\"proto\":\"tcp\",\"rec_type\":\"status\",\
                  \"data\":{\"status\":\"open\",\"reason\":\"syn-ack\",\"ttl\":56}}\n";
    let json =
        "{\"saddr\":\"192.0.2.6\",\"sport\":6443,\"classification\":\"synack\",\"success\":1}\n";
    for (format, content, target) in [
        ("masscan-json", ndjson, "192.0.2.5:6443"),
        ("zmap", json, "192.0.2.6:6443"),
    ] {
        let output = scan(format, content, &["-q"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(
            stdout(&output).contains(&format!("  {target}  (found:1)\n")),
            "{}",
            stdout(&output)
        );
    }
}

fn utf_16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

/// Editors and shells of Windows write a byte order mark, or UTF-16.
#[test]
fn a_byte_order_mark_is_skipped_and_utf_16_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let nmap = "<?xml version=\"1.0\"?><nmaprun><host><address addr=\"192.0.2.1\" addrtype=\"ipv4\"/><ports>\
                <port protocol=\"tcp\" portid=\"7\"><state state=\"open\"/></port></ports></host></nmaprun>\n";
    let masscan = "[\n{\"ip\":\"192.0.2.1\",\"ports\":[{\"port\":7,\"proto\":\"tcp\",\"status\":\"open\"}]}\n]\n";
    let certificate = rcgen::generate_simple_self_signed(["ca.example".to_owned()])
        .unwrap()
        .cert
        .pem();
    let scan = ["scan", "--dry-run", "-q", "--ports", "7"];
    let target = ["192.0.2.1:7"];
    let with = |more: &[&'static str]| [&scan[..], more].concat();
    for (content, args, said) in [
        ("192.0.2.1\n", with(&["-f", "file"]), "192.0.2.1:7"),
        (
            "192.0.2.1\n",
            with(&["192.0.2.0/31", "--exclude-file", "file"]),
            "(1 targets, 1 excluded)",
        ),
        (nmap, with(&["--from", "nmap-xml", "file"]), "192.0.2.1:7"),
        (
            masscan,
            with(&["--from", "masscan-json", "file"]),
            "192.0.2.1:7",
        ),
        (
            "#masscan\nopen tcp 7 192.0.2.1 1\n# end\n",
            with(&["--from", "masscan-list", "file"]),
            "192.0.2.1:7",
        ),
        (
            "saddr,sport\n192.0.2.1,7\n",
            with(&["--from", "zmap", "file"]),
            "192.0.2.1:7",
        ),
        (
            "192.0.2.1:7\n",
            with(&["--from", "naabu", "file"]),
            "192.0.2.1:7",
        ),
        (
            "{\"url\":\"https://192.0.2.1:7\"}\n",
            with(&["--from", "httpx-json", "file"]),
            "192.0.2.1:7",
        ),
        (
            "[scan]\nrate = 7\n",
            [&with(&["--config", "file"])[..], &target].concat(),
            "at most 7 new connections",
        ),
        (
            &certificate,
            [&with(&["--ca-file", "file"])[..], &target].concat(),
            "192.0.2.1:7",
        ),
        (
            include_str!("../data/report-v2.json"),
            vec!["report", "-q", "table", "file"],
            "exposed",
        ),
        (
            include_str!("../data/report-v2.jsonl"),
            vec!["report", "-q", "table", "file"],
            "exposed",
        ),
    ] {
        let run = |bytes: &[u8]| {
            fs::write(folder.path().join("file"), bytes).unwrap();
            kubeknock()
                .args(&args)
                .current_dir(folder.path())
                .output()
                .unwrap()
        };
        let marked = run(format!("\u{feff}{content}").as_bytes());
        assert!(
            stdout(&marked).contains(said),
            "{args:?}: {}{}",
            stdout(&marked),
            stderr(&marked)
        );
        let wide = run(&utf_16(content));
        assert_eq!(wide.status.code(), Some(2), "{args:?}: {}", stdout(&wide));
        assert_eq!(stderr(&wide).lines().count(), 1, "{}", stderr(&wide));
        assert!(
            stderr(&wide).contains("unsupported encoding UTF-16: save the file as UTF-8"),
            "{args:?}: {}",
            stderr(&wide)
        );
    }
}

/// No more than the limit is read into memory.
#[cfg(target_os = "linux")]
#[test]
fn endless_files_are_rejected() {
    for (args, said) in [
        (
            &["scan", "192.0.2.1", "--dry-run", "--config", "/dev/zero"][..],
            "larger than 4 MiB",
        ),
        (
            &["scan", "192.0.2.1", "--dry-run", "--ca-file", "/dev/zero"],
            "larger than 1 MiB",
        ),
        (
            &["scan", "--dry-run", "-f", "/dev/zero"],
            "a binary file, not a list of targets",
        ),
        (
            &[
                "scan",
                "192.0.2.1",
                "--dry-run",
                "--exclude-file",
                "/dev/zero",
            ],
            "not a list of exclusions",
        ),
        (
            &["scan", "--dry-run", "--from", "nmap-xml", "/dev/zero"],
            "a tag or text of more than 16 MiB",
        ),
    ] {
        // A program that asks for more memory than this is killed without an error message.
        let output = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 4000000; exec \"$0\" \"$@\""])
            .arg(env!("CARGO_BIN_EXE_kubeknock"))
            .args(args)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(2),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(said),
            "{args:?}: {}",
            stderr(&output)
        );
    }
}

/// A file may have any name, and errors with the name go to terminals and CI servers.
#[cfg(unix)]
#[test]
fn file_names_cannot_act_as_commands() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "::warning::owned",
        "x\u{1b}[31mred",
        "a\n::error::b",
        "##vso[task.complete]",
    ];
    for name in names {
        fs::write(folder.path().join(name), "a b\nc d\n").unwrap();
        fs::create_dir(folder.path().join(format!("{name}.d"))).unwrap();
        let list = folder.path().join(format!("{name}.d/list"));
        fs::write(&list, "192.0.2.1\n192.0.2.77/30\n").unwrap();
        let list = format!("{name}.d/list");
        let output_here = format!("json={name}.d");
        for args in [
            &["scan", "-f", name][..],
            &["scan", "-f", &list, "--dry-run"],
            &["scan", "192.0.2.1", "--exclude-file", name],
            &["scan", "--from", "zmap", name],
            &["scan", "192.0.2.1", "--config", name],
            &["scan", "192.0.2.1", "--ca-file", name],
            &["scan", "192.0.2.1", "-o", &output_here],
            &["scan", "192.0.2.1", "--baseline", name],
            &["scan", "192.0.2.1", "--resume", name],
            &["scan", "192.0.2.1", "--rate", name],
            &["report", "table", name],
            &["diff", name, name],
            &["rules", name],
            &[name],
        ] {
            let output = kubeknock()
                .args(args)
                .current_dir(folder.path())
                .output()
                .unwrap();
            for text in [stderr(&output), stdout(&output)] {
                assert!(
                    !text.contains('\u{1b}') && !text.contains("##"),
                    "{args:?}: {text}"
                );
                assert!(
                    !text.lines().any(|line| line.trim_start().starts_with("::")),
                    "{args:?}: {text}"
                );
            }
            assert!(!stderr(&output).is_empty(), "{args:?}");
        }
    }
}
