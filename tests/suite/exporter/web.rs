//! The web configuration: TLS, passwords, certificates of clients.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{Exporter, wait_for};
use crate::skip::without;
use crate::support::{run_in, stderr};

/// A certificate for localhost and its key, in the files of a folder.
pub(crate) fn certify(folder: &Path, name: &str) -> Vec<u8> {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    fs::write(folder.join(format!("{name}.crt")), certificate.pem()).unwrap();
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    certificate.der().to_vec()
}

fn basic(user: &str, password: &str) -> String {
    let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {encoded}\r\n")
}

/// The status of an answer on a connection that stays open.
fn ask(mut stream: &TcpStream, headers: &str) -> u16 {
    let request = format!("HEAD /sd HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn only_users_with_the_right_password_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let hash = |password| bcrypt::hash(password, 4).unwrap();
    let config = |alice: &str| {
        format!(
            "basic_auth_users:\n  alice: {alice}\n  bob: {}\n",
            hash("b")
        )
    };
    let file = folder.path().join("web.yml");
    fs::write(&file, config(&hash("a"))).unwrap();
    let exporter = Exporter::start(
        folder.path(),
        &[
            "192.0.2.1:6443",
            "--web.config.file",
            "web.yml",
            "--listen",
            "0.0.0.0:0",
        ],
    );
    exporter.says("passwords come over plain HTTP");
    let status = |path, headers: &str| exporter.get_with(path, headers).status;
    for path in [
        "/",
        "/metrics",
        "/sd",
        "/probe?target=192.0.2.1:6443",
        "/other",
    ] {
        let answer = exporter.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert!(
            answer.head.contains("www-authenticate: Basic"),
            "{}",
            answer.head
        );
    }
    for headers in [
        basic("alice", "b"),
        basic("alice", ""),
        basic("carol", "a"),
        basic("", "a"),
        "Authorization: Bearer a\r\n".to_owned(),
        "Authorization: Basic %\r\n".to_owned(),
    ] {
        assert_eq!(status("/sd", &headers), 401, "{headers}");
    }
    for _ in 0..2 {
        assert_eq!(status("/sd", &basic("alice", "a")), 200);
        assert_eq!(status("/sd", &basic("bob", "b")), 200);
    }
    assert_eq!(status("/healthz", ""), 200, "it tells nothing");

    // A new password counts, and the old one does not, on an open connection too.
    let open = TcpStream::connect(exporter.address).unwrap();
    assert_eq!(ask(&open, &basic("alice", "a")), 200);
    fs::write(&file, config(&hash("new"))).unwrap();
    exporter.says("the web configuration was read again");
    assert_eq!(ask(&open, &basic("alice", "a")), 401);
    assert_eq!(status("/sd", &basic("alice", "a")), 401);
    assert_eq!(status("/sd", &basic("alice", "new")), 200);

    // A broken one, and one without users, change nothing.
    fs::write(&file, "basic_auth_users: {alice: hunter2}").unwrap();
    let said = exporter.says("the earlier one stays");
    assert!(
        said.contains("hashed with bcrypt") && !said.contains("hunter2"),
        "{said}"
    );
    fs::write(&file, "{}").unwrap();
    let said = exporter.says("the earlier one stays");
    assert!(said.contains("--listen-unprotected"), "{said}");
    assert_eq!(status("/sd", ""), 401);
    let successful = |value: u8| {
        let metrics = exporter.get_with("/metrics", &basic("alice", "new")).body;
        let series = format!("kubeknock_exporter_web_config_last_reload_successful {value}\n");
        assert!(metrics.contains(&series), "{metrics}");
    };
    successful(0);
    fs::write(&file, config(&hash("new"))).unwrap();
    exporter.says("the web configuration was read again");
    successful(1);
}

#[test]
fn mistakes_are_named_and_secrets_are_not() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "server");
    fs::write(folder.path().join("hunter2.key"), "hunter2").unwrap();
    let tls = |more: &str| {
        format!("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{more}")
    };
    for (config, said) in [
        (
            "hunter2".to_owned(),
            "web.yml:1:1: expected tls_server_config",
        ),
        (
            "basic_auth_user:\n  a: hunter2\n".to_owned(),
            "expected tls_server_config",
        ),
        (
            "basic_auth_users:\n  hunter2: hunter2\n".to_owned(),
            "user 1: expected the password",
        ),
        (
            "tls_server_config:\n  cert_file: server.crt\n".to_owned(),
            "both needed",
        ),
        (
            tls("").replace("server.key", "server.crt"),
            "server.crt: no private key",
        ),
        (
            tls("").replace("server.crt", "server.key"),
            "server.key: no certificate",
        ),
        (
            tls("").replace("server.crt", "missing.crt"),
            "missing.crt: cannot read it",
        ),
        (
            tls("  min_version: TLS11\n"),
            "min_version: expected TLS12 or TLS13",
        ),
        (
            tls("  min_version: TLS13\n  max_version: TLS12\n"),
            "above max_version",
        ),
        (
            tls("  client_auth_type: RequireAnyClientCert\n"),
            "check no certificate",
        ),
        (
            tls("  client_auth_type: RequireAndVerifyClientCert\n"),
            "client_ca_file belongs",
        ),
        (
            tls("  client_ca_file: server.crt\n"),
            "client_ca_file belongs",
        ),
        (
            tls("  cipher_suites: [hunter2]\n"),
            "cipher_suites is not supported",
        ),
        (
            "http_server_config: {headers: {X: hunter2}}".to_owned(),
            "headers is not supported",
        ),
        (
            "rate_limit: {burst: 1}".to_owned(),
            "rate_limit is not supported",
        ),
    ] {
        fs::write(folder.path().join("web.yml"), &config).unwrap();
        let output = run_in(
            folder.path(),
            &[
                "exporter",
                "192.0.2.1",
                "--listen=127.0.0.1:0",
                "--web.config.file",
                "web.yml",
            ],
        );
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{config}: {error}");
        assert!(error.contains(said), "{config}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

/// `curl` with these arguments: its exit code, and the status of the answer.
fn curl(folder: &Path, url: &str, args: &[&str]) -> Option<(i32, String)> {
    let output = Command::new("curl")
        .current_dir(folder)
        .args([
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--noproxy",
            "*",
        ])
        .args(args)
        .arg(url)
        .output();
    let Ok(output) = output else {
        without("curl", "the exporter over TLS");
        return None;
    };
    let status = String::from_utf8(output.stdout).unwrap();
    Some((output.status.code().unwrap(), status))
}

#[test]
fn answers_come_over_tls_and_a_renewed_certificate_is_used() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "server");
    certify(folder.path(), "client");
    fs::copy(
        folder.path().join("server.crt"),
        folder.path().join("old.crt"),
    )
    .unwrap();
    fs::write(
        folder.path().join("web.yml"),
        "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_ca_file: client.crt\n  \
         client_auth_type: RequireAndVerifyClientCert\nhttp_server_config:\n  http2: true\n",
    )
    .unwrap();
    let exporter = Exporter::start(
        folder.path(),
        &[
            "192.0.2.1:6443",
            "--web.config.file",
            "web.yml",
            "--listen",
            "0.0.0.0:0",
        ],
    );
    let url = format!("https://127.0.0.1:{}/sd", exporter.address.port());
    let client = ["--cert", "client.crt", "--key", "client.key"];
    let get =
        |ca: &str, more: &[&str]| curl(folder.path(), &url, &[&["--cacert", ca], more].concat());
    let ok = || Some((0, "200".to_owned()));
    if get("server.crt", &client).is_none() {
        return;
    }
    assert_eq!(get("server.crt", &client), ok());
    let without_certificate = get("server.crt", &[]).unwrap();
    assert_eq!(without_certificate.1, "000", "{without_certificate:?}");
    let plain = exporter.send("GET", "/sd", "");
    let mut text = Vec::new();
    let _ = std::io::Read::read_to_end(&mut { plain }, &mut text);
    assert!(!text.starts_with(b"HTTP"), "{text:?}");

    certify(folder.path(), "server");
    exporter.says("the web configuration was read again");
    assert_eq!(get("server.crt", &client), ok());
    wait_for("the new certificate", || {
        (get("old.crt", &client).unwrap().1 == "000").then_some(())
    });
}
