//! No output shows a password, or any text of a file that was given by mistake: many people read the logs
//! that errors and reports go to.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::{kubeknock, stderr, stdout};

/// The text placed wherever a secret could be.
const CANARY: &str = "hunter2canary";

/// Runs the program with verbose output.
fn run_verbose(folder: &Path, args: &[&str]) -> (Output, String) {
    let output = kubeknock()
        .current_dir(folder)
        .args(args)
        .arg("-vv")
        .output()
        .unwrap();
    let all = stdout(&output) + &stderr(&output);
    assert!(!all.contains(CANARY), "{args:?}: {all}");
    (output, all)
}

/// Runs the program and expects an error of a few lines.
fn refused(folder: &Path, args: &[&str]) {
    let (output, all) = run_verbose(folder, args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {all}");
    assert!(
        all.contains("error: ") && all.lines().count() <= 7,
        "{args:?}: {all}"
    );
}

fn files() -> Vec<(&'static str, String)> {
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {CANARY}\nclusters:\n- name: a\n  cluster:\n    server: \
         https://user:{CANARY}@api.example\n    certificate-authority-data: {CANARY}\nusers:\n- name: {CANARY}\n  \
         user:\n    token: {CANARY}\n    client-key-data: {CANARY}==\n    password: {CANARY}\n"
    );
    // A part of it, whose beginning does not show what it is.
    let users = kubeconfig.split_once("users:\n").unwrap().1.repeat(3);
    let key = format!("-----BEGIN PRIVATE KEY-----\n{CANARY}!\n-----END PRIVATE KEY-----\n");
    let broken = format!("-----BEGIN CERTIFICATE-----\n{CANARY}\n-----BEGIN {CANARY}\n");
    vec![
        ("kubeconfig", kubeconfig),
        ("users", users),
        (
            "kubeconfig.json",
            format!(
                "{{\"kind\":\"Config\",\"clusters\":[],\"users\":[{{\"token\":\"{CANARY}\"}}]}}\n"
            ),
        ),
        (
            "record.json",
            format!(
                "{{\"record\":\"endpoint\",\"target\":{{\"{CANARY}\":1}},\"verdict\":\"{CANARY}\"}}\n"
            ),
        ),
        (
            "schema.json",
            format!("{{\"schema\":\"{CANARY}\",\"{CANARY}\":1}}\n"),
        ),
        (
            "type.json",
            format!(
                "{{\"schema\":\"kubeknock/report/v2\",\"scan\":{{\"started\":\"{CANARY}\"}}}}\n"
            ),
        ),
        (
            "tool.json",
            format!("{{\"schema\":\"kubeknock/report/v2\",\"tool\":\"{CANARY}\"}}\n"),
        ),
        ("list.json", format!("[\"{CANARY}\"]\n")),
        (
            "env",
            format!(
                "export TOKEN={CANARY}\nPASSWORD={CANARY}\n{CANARY}=\n{CANARY}!\nuser:{CANARY}@api.example\n192.0.2.1 {CANARY}\n"
            ),
        ),
        ("users.csv", format!("saddr,password\n{CANARY},{CANARY}\n")),
        (
            "page.xml",
            format!(
                "<nmaprun><{CANARY}><host><address addr=\"{CANARY}\" addrtype=\"{CANARY}\"/></nmaprun>\n"
            ),
        ),
        ("key.pem", key),
        ("broken.pem", broken),
        (
            "settings.toml",
            format!("[scan]\nrate = 7\npassword = \"{CANARY}\"\n"),
        ),
        (
            "broken.toml",
            format!("[scan]\nproxy = \"{CANARY}\" {CANARY}\n"),
        ),
        ("table.toml", format!("{CANARY} = 1\n")),
        ("value.toml", format!("[scan]\nrate = \"{CANARY}\"\n")),
        ("word.toml", format!("[scan]\nfail-on = \"{CANARY}\"\n")),
        ("possible.toml", format!("[scan]\ncolor = \"{CANARY}\"\n")),
        (
            "proxy.toml",
            format!("[scan]\nproxy = \"http://user:{CANARY}@bastion\"\n"),
        ),
        (
            "scheme.toml",
            format!("[scan]\nproxy = \"{CANARY}:user@bastion\"\n"),
        ),
        (
            "path.toml",
            format!("[scan]\npath = [\"/api/v1/secrets/{CANARY}/x/y\"]\n"),
        ),
        ("ports.toml", format!("[scan]\nports = \"{CANARY}\"\n")),
        (
            "from.toml",
            format!("[scan]\nfrom = [[\"{CANARY}\", \"x\"]]\n"),
        ),
        ("output.toml", format!("[scan]\noutput = [\"{CANARY}\"]\n")),
        (
            "resolver.toml",
            format!("[scan]\nresolver = \"{CANARY}\"\n"),
        ),
        ("shard.toml", format!("[scan]\nshard = \"job/{CANARY}\"\n")),
        (
            "exclude.toml",
            format!("[scan]\nexclude = [\"{CANARY}!\"]\n"),
        ),
        ("rule.toml", format!("[severity]\n{CANARY} = \"low\"\n")),
        (
            "severity.toml",
            format!("[severity]\nanonymous-auth-enabled = \"{CANARY}\"\n"),
        ),
        (
            "expires.toml",
            format!(
                "[[accept]]\nrule = \"anonymous-auth-enabled\"\ntarget = \"x\"\nreason = \"x\"\nowner = \"x\"\nexpires = \"{CANARY}\"\n"
            ),
        ),
        (
            "verdict.toml",
            format!("[[expect]]\ntarget = \"x\"\nverdict = \"{CANARY}\"\n"),
        ),
    ]
}

/// Every file, for every option that takes a file.
#[test]
fn a_file_given_by_mistake_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files() {
        fs::write(folder.path().join(name), content).unwrap();
        let to_scan = |option: &[&str]| {
            let args = [&["scan", "192.0.2.1:7", "--dry-run"], option].concat();
            let (output, all) = run_verbose(folder.path(), &args);
            // Some files are valid for some options.
            let refused = output.status.code() == Some(2) && stderr(&output).lines().count() <= 7;
            assert!(refused || output.status.success(), "{args:?}: {all}");
        };
        to_scan(&["-f", name]);
        to_scan(&["--exclude-file", name]);
        to_scan(&["--config", name]);
        to_scan(&["--ca-file", name]);
        to_scan(&["--resume", name]);
        for format in [
            "masscan-json",
            "masscan-list",
            "nmap-xml",
            "zmap",
            "naabu",
            "httpx-json",
        ] {
            to_scan(&["--from", format, name]);
        }
        refused(folder.path(), &["report", "table", name]);
        refused(folder.path(), &["diff", name, name]);
        refused(folder.path(), &["scan", "192.0.2.1:7", "--baseline", name]);
    }
}

/// The text before an @ on the command line, in a target or an option.
#[test]
fn a_password_on_the_command_line_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("https://user:{CANARY}@api.example:6443");
    let bare = format!("{CANARY}@api.example");
    let query = format!("https://api.example/?token={CANARY}");
    let proxy = format!("--proxy=http://user:{CANARY}@bastion:3128");
    let resolver = format!("--resolver={bare}");
    let path = format!("--path=/api/v1/secrets/x?token={CANARY}");
    for args in [
        &["scan", &url][..],
        &["scan", &bare],
        &["scan", &query],
        &["scan", "192.0.2.1", "--exclude", &url],
        &["scan", "192.0.2.1", &proxy],
        &["scan", "192.0.2.1", &resolver],
        &["scan", "192.0.2.1", &path],
        &["scan", "192.0.2.1", "--no-such-option", &url],
        &["identify", &url],
        &["identify", "192.0.2.1", &url],
        &[&url],
    ] {
        let (output, all) = run_verbose(folder.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {all}");
    }
}
