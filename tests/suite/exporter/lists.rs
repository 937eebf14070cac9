//! Lists of targets, read again when they change.

use std::fs;

use super::{Exporter, wait_for};
use crate::support::{pem, run_in, start, stderr};

/// The names that `/sd` has.
fn discovered(exporter: &Exporter) -> Vec<String> {
    let groups: serde_json::Value = serde_json::from_str(&exporter.get("/sd").body).unwrap();
    let groups = groups.as_array().unwrap().iter();
    groups
        .map(|group| group["targets"][0].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_list_is_read_again_and_a_broken_one_changes_nothing() {
    let server = start("rejecting").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list");
    let prod = format!("{} name=prod", server.address());
    fs::write(&file, &prod).unwrap();
    let exporter = Exporter::start(folder.path(), &["-f", "list", "--min-interval", "10m"]);
    assert_eq!(exporter.probe("prod").verdict(), Some("rejected"));

    fs::write(&file, format!("{prod}\n192.0.2.1 hunter2\n")).unwrap();
    let said = exporter.says("list:2:11: invalid annotation");
    assert!(!said.contains("hunter2"), "{said}");
    exporter.says("the earlier targets stay");
    assert_eq!(exporter.own("targets_last_reload_successful"), 0);
    assert_eq!(discovered(&exporter), ["prod"]);

    fs::write(&file, format!("{prod}\n192.0.2.0/24\n")).unwrap();
    exporter.says("list:2: a CIDR or range has no place here");
    assert_eq!(discovered(&exporter), ["prod"]);

    fs::write(&file, format!("{prod}\n192.0.2.1:6443 name=new\n")).unwrap();
    exporter.says("2 targets, 1 new, 0 removed");
    assert_eq!(exporter.own("targets_last_reload_successful"), 1);
    assert_eq!(discovered(&exporter), ["new", "prod"]);
    // What is known stays known.
    assert_eq!(exporter.probe("prod").verdict(), Some("rejected"));
    assert_eq!(server.stats().connections(), 1);

    // Another server under the same name is asked itself.
    let other = start("exposed").await;
    fs::write(&file, format!("{} name=prod", other.address())).unwrap();
    wait_for("the new list", || {
        (discovered(&exporter) == ["prod"]).then_some(())
    });
    assert_eq!(exporter.probe("prod").verdict(), Some("exposed"));
    assert_eq!(exporter.get("/probe?target=new").status, 404);
}

/// An acceptance, an expectation or an option that is changed counts, and a broken settings file changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn changed_settings_are_read_again_and_broken_ones_change_nothing() {
    let server = start("exposed").await;
    let folder = tempfile::tempdir().unwrap();
    let target = format!("{} name=prod", server.address());
    let settings = |text: &str| fs::write(folder.path().join("kubeknock.toml"), text).unwrap();
    settings("[exporter]\ndeep = true\n");
    let exporter = Exporter::start(folder.path(), &[&target, "--min-interval", "10m"]);
    let deep = || exporter.get("/probe?target=prod&module=deep").status;
    let accepted = || exporter.probe("prod").value("kubeknock_verdict_accepted");
    let expected = || exporter.probe("prod").value("kubeknock_as_expected");
    assert_eq!((deep(), accepted(), expected()), (200, Some(0.0), None));

    let accept = "[[accept]]\nrule = \"*\"\nat-most = \"critical\"\ntarget = \"prod\"\nreason = \"a lab\"\n\
                  owner = \"me\"\nexpires = 2099-01-01\n[[expect]]\ntarget = \"prod\"\nverdict = \"exposed\"\n";
    settings(accept);
    exporter
        .says("the settings and the lists of targets were read again: 1 targets, 0 new, 0 removed");
    exporter.says("deep probes are not allowed any more, and scrapes with module=deep fail");
    // Answers of the earlier settings are not served again.
    assert_eq!(
        (deep(), accepted(), expected()),
        (404, Some(1.0), Some(1.0))
    );

    for (broken, said) in [
        (
            "[[accept]]\nhunter2 = 1\n",
            "kubeknock.toml:2:1: [[accept]] 1: unknown key",
        ),
        (
            "[scan]\nrate = \"hunter2\"\n",
            "kubeknock.toml:2:1: [scan] rate: ",
        ),
        (
            "[scan]\nipv4 = true\nipv6 = true\n",
            "kubeknock.toml: [scan] has options that exclude each other",
        ),
        ("[scan]\nca-file = \"none.pem\"\n", "none.pem"),
    ] {
        settings(broken);
        let line = exporter.says(said);
        assert!(!line.contains("hunter2"), "{line}");
        exporter.says("the earlier targets stay, and the earlier settings");
        assert_eq!(
            exporter.own("targets_last_reload_successful"),
            0,
            "{broken}"
        );
        assert_eq!((deep(), accepted()), (404, Some(1.0)), "{broken}");
    }

    settings("");
    exporter.says("the settings and the lists of targets were read again");
    assert_eq!(exporter.own("targets_last_reload_successful"), 1);
    assert_eq!((accepted(), expected()), (Some(0.0), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn renewed_certificates_of_a_ca_are_read_again() {
    let server = start("default").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let ca = |name: &str| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        (params.distinguished_name).push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        fs::write(&file, pem(params.self_signed(&key).unwrap().der())).unwrap();
    };
    ca("one");
    let target = format!("{} name=prod", server.address());
    let args = [&target, "--ca-file", "ca.pem", "--min-interval", "10m"];
    let exporter = Exporter::start(folder.path(), &args);
    exporter.probe("prod");
    assert_eq!(server.stats().connections(), 1);
    ca("two");
    exporter.says("the settings and the lists of targets were read again");
    exporter.probe("prod");
    assert_eq!(server.stats().connections(), 2, "it is asked anew");
    fs::write(&file, "hunter2").unwrap();
    let said = exporter.says("ca.pem");
    assert!(!said.contains("hunter2"), "{said}");
    exporter.says("the earlier settings");
}

#[test]
fn a_file_that_takes_the_place_of_another_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, next) = (folder.path().join("list"), folder.path().join("next"));
    fs::write(&file, "192.0.2.1:6443").unwrap();
    fs::write(folder.path().join("closed"), "198.51.100.1").unwrap();
    let exporter = Exporter::start(folder.path(), &["-f", "list", "--exclude", "@closed"]);
    fs::write(&next, "192.0.2.2:6443\n192.0.2.3:6443").unwrap();
    fs::rename(&next, &file).unwrap();
    exporter.says("2 targets, 2 new, 1 removed");
    fs::write(folder.path().join("closed"), "192.0.2.2").unwrap();
    exporter.says("1 targets, 0 new, 1 removed");
    assert_eq!(discovered(&exporter), ["192.0.2.3:6443"]);
}

/// Sends a signal to the exporter.
#[cfg(unix)]
fn signal(exporter: &Exporter, name: &str) {
    let id = exporter.id().to_string();
    let sent = std::process::Command::new("kill")
        .args([name, &id])
        .status();
    assert!(sent.unwrap().success());
}

#[cfg(unix)]
#[test]
fn a_hangup_reads_the_lists_and_the_end_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("list"), "192.0.2.1:6443").unwrap();
    let mut exporter = Exporter::start(folder.path(), &["-f", "list"]);
    let read = |exporter: &Exporter| {
        let metrics = exporter.get("/metrics");
        metrics.value("kubeknock_exporter_targets_last_reload_success_timestamp_seconds")
    };
    let before = read(&exporter).unwrap();
    signal(&exporter, "-HUP");
    wait_for("the list", || (read(&exporter)? > before).then_some(()));
    signal(&exporter, "-TERM");
    assert_eq!(exporter.end(), Some(0));
}

#[test]
fn inventories_are_lists_too() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("groups.json"),
        r#"[{"targets": ["192.0.2.1:6443"], "labels": {"name": "eu prod", "region": "eu-1", "team": "a"}}]"#,
    )
    .unwrap();
    let exporter = Exporter::start(folder.path(), &["--from", "file-sd", "groups.json"]);
    let groups: serde_json::Value = serde_json::from_str(&exporter.get("/sd").body).unwrap();
    assert_eq!(
        groups[0]["labels"]["__meta_kubeknock_target"], "192.0.2.1:6443",
        "{groups}"
    );
    assert_eq!(
        groups[0]["labels"]["__meta_kubeknock_team"], "a",
        "{groups}"
    );
}

#[test]
fn what_cannot_be_served_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (args, said) in [
        (
            &["192.0.2.0/24"][..],
            "argument 1: a CIDR or range has no place here",
        ),
        (&["-f", "-"], "name a file in place of standard input"),
        (&["192.0.2.1", "--deep"], "deep = true in [exporter]"),
        (
            &["192.0.2.1", "--max-duration", "1m"],
            "runs until it is stopped",
        ),
        (
            &["192.0.2.1", "--max-probes", "0"],
            "--max-probes: must be 1 or more",
        ),
        (
            &["192.0.2.1", "--listen", "0.0.0.0:0"],
            "--listen-unprotected",
        ),
        (&["192.0.2.1", "--listen", ":0"], "which clusters are open"),
        (
            &["192.0.2.1", "--listen", "nine"],
            "expected an address with a port",
        ),
        (&[], "no targets"),
    ] {
        let output = run_in(folder.path(), &[&["exporter"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let error = stderr(&output);
        assert!(error.contains(said), "{args:?}: {error}");
    }
}

/// The same server under two names: the exporter has both, and nothing says that it ignores one.
#[test]
fn a_server_may_have_two_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("list"),
        "192.0.2.1:6443 name=a\n192.0.2.1:6443 name=b\n",
    )
    .unwrap();
    let exporter = Exporter::start(folder.path(), &["-f", "list"]);
    let said = exporter.says("list:2: ");
    assert!(
        said.ends_with("reports call this target a, as an earlier line does, and not b"),
        "{said}"
    );
    assert_eq!(discovered(&exporter), ["a", "b"]);
}
