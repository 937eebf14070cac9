//! Words that people type out of habit, because other tools have them: each works, or says what to write instead.

use std::fmt::Write as _;
use std::fs;

use crate::support::{kubeknock, stderr, stdout};

/// What is typed. Nothing is asked: `--dry-run` shows what it means, and errors come before the scan.
const TYPED: &[&str] = &[
    "192.0.2.7",
    "scan -t 192.0.2.7 --dry-run",
    "scan -u https://192.0.2.7:6443 --dry-run",
    "scan --target=192.0.2.7 --dry-run",
    "scan --host 192.0.2.7 --dry-run",
    "scan -t 50 192.0.2.7 --dry-run",
    "scan -l list.txt --dry-run",
    "scan -iL list.txt --dry-run",
    "scan --list list.txt --dry-run",
    "scan 192.0.2.7:6443,192.0.2.8:6443",
    "scan 192.0.2.7 --port 6443 --dry-run",
    "scan 192.0.2.7 --threads 9 --dry-run",
    "scan 192.0.2.7 --rate-limit 50 --dry-run",
    "scan 192.0.2.7 --timeout 5",
    "scan 192.0.2.7 --top-ports 100",
    "scan 192.0.2.7 -o report.json",
    "scan 192.0.2.7 -oX report.xml",
    "scan 192.0.2.7 -oJ report.json",
    "scan 192.0.2.7 --output-file report.json",
    "scan 192.0.2.7 --exit-code 1",
    "scan 192.0.2.7 --min-severity high",
    "scan 192.0.2.7 --severity HIGH,CRITICAL --dry-run",
    "scan 192.0.2.7 --ignorefile .ignore",
    "scan --kubeconfig config",
    "scan 192.0.2.7 --context prod",
    "scan 192.0.2.7 --token abc",
    "scan 192.0.2.7 -k",
    "scan 192.0.2.7 --namespace default",
    "scan 192.0.2.7 -sV",
    "scan 192.0.2.7 -Pn",
    "scan 192.0.2.7 --open",
    "scan 192.0.2.7 --resolvers resolvers.txt",
    "scan 192.0.2.7 --follow-redirects",
    "scan 192.0.2.7 -silent --dry-run",
    "scan 192.0.2.7 --debug --dry-run",
    "scan 192.0.2.7 --no-color --dry-run",
    "scan 192.0.2.0/30 --excludefile list.txt --dry-run",
    "rules --threads 4",
    "rules --json",
    "rules --severity high",
    "scan 192.0.2.7 --http-proxy http://127.0.0.1:3128 --dry-run",
    "scan 192.0.2.7 --socks5 127.0.0.1:1080",
    "scan --u 192.0.2.7 --dry-run",
    "scan 192.0.2.7 -severity high --dry-run",
    "-severity high scan 192.0.2.7",
    "scan 192.0.2.7 -format yaml",
    "-silent scan 192.0.2.7 --dry-run",
    "-json scan 192.0.2.7 --dry-run",
    "scan 192.0.2.7 --template x.yaml",
    "scan 192.0.2.7 -tags k8s",
    "scan 192.0.2.7 --no-verify",
    "scan 192.0.2.7 --skip-verify",
    "scan 192.0.2.7 -i",
    "scan 192.0.2.7 -d x",
    "scan 192.0.2.7 -X POST",
    "scan 192.0.2.7 --delay 1s",
    "scan 192.0.2.7 -w",
    "scan -t list.txt --dry-run",
    "scan list.txt --dry-run",
    "scan 192.0.2.7 -o json out2.json",
    "identify out2.json",
    "scan 192.0.2.7 -o json:out.json",
    "scan 192.0.2.7 -sL",
    "scan 192.0.2.7 --script vuln",
    "scan 192.0.2.7 --fail-threshold 5",
    "scan 192.0.2.7 --user-agent=x -agent y",
    "scan 192.0.2.7 --cacert ca.pem",
    "scan 192.0.2.7 --tls-server-name api.example",
    "scan 192.0.2.7 --bearer abc",
    "scan --cidr 192.0.2.0/31 -p 443 --dry-run",
    "scan --remote 192.0.2.7 --active",
    "scan 192.0.2.7 --max-time 5s --dry-run",
    "scan 192.0.2.7 --offline",
    "scan 192.0.2.7 --loglevel debug",
    "scan 192.0.2.7 --watch",
    "scan 192.0.2.7 --frobnicate",
    "scan 192.0.2.7 -z",
    "scan 192.0.2.7 --fail-onn new",
];

#[test]
fn habits_of_other_tools_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("list.txt"), "192.0.2.1\n").unwrap();
    let mut table = String::new();
    for typed in TYPED {
        let output = kubeknock()
            .current_dir(folder.path())
            .args(typed.split(' '))
            .output()
            .unwrap();
        let code = output.status.code().unwrap();
        writeln!(table, "$ kubeknock {typed}\n[{code}]").unwrap();
        // What differs from scan to scan of the plan.
        let plan = stdout(&output);
        let plan = plan.lines().filter(|line| {
            let line = line.trim_start();
            line.starts_with("Where")
                || line.starts_with("192.")
                || line.starts_with("https:")
                || line.contains("new connections per second")
        });
        for line in plan {
            writeln!(table, "{line}").unwrap();
        }
        table.push_str(&stderr(&output));
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

/// Where the report goes, for words that choose its format.
#[test]
fn formats_of_other_tools_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let scan = |words: &str| {
        kubeknock()
            .current_dir(folder.path())
            .args(["scan", "-q", "127.0.0.1:1", "--require-coverage", "0"])
            .args(words.split(' '))
            .output()
            .unwrap()
    };
    let report = |words: &str| {
        let output = scan(words);
        let code = output.status.code();
        assert_eq!(code, Some(0), "{words}: {}", stderr(&output));
        stdout(&output)
    };
    for (words, begins) in [
        ("--json", "{"),
        ("-json", "{"),
        ("--format json", "{"),
        ("--jsonl", "{\"record\""),
        ("--sarif", "{"),
        ("--csv", "verdict"),
        ("--format table", "no endpoint"),
    ] {
        let text = report(words);
        assert!(
            text.starts_with(begins)
                || (begins == "no endpoint" && text.contains("unreachable"))
                || (words == "--csv" && text.contains(',')),
            "{words}: {text}"
        );
    }
    for words in [
        "--format json --output one",
        "--format json -o one",
        "--json -o one",
        "-o one --json",
    ] {
        assert_eq!(report(words), "", "{words}");
        let path = folder.path().join("one");
        assert!(
            fs::read_to_string(&path).unwrap().starts_with('{'),
            "{words}"
        );
        fs::remove_file(path).unwrap();
    }
}
