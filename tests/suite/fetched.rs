//! `--from http-sd https://…`: target groups that are fetched over TLS, from a service on loopback.

use serde_json::Value;

use crate::service::{End, Service};
use crate::support::{run, start, stderr, stdout};

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_fetches_its_targets_once() {
    let server = start("rejecting").await;
    let target = server.address();
    let service = Service::groups(&format!(
        r#"[{{"targets": ["{target}"], "labels": {{"name": "lab", "team": "sre", "__meta_x": "y"}}}}]"#
    ));
    let output = service.run(&[
        "-vv",
        "scan",
        "--from",
        "http-sd",
        &service.url(),
        "-o",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let endpoint = &report["endpoints"][0];
    assert_eq!(endpoint["verdict"], "rejected");
    assert_eq!(endpoint["name"], "lab");
    assert_eq!(endpoint["declared"]["inventory"], "http-sd");
    assert_eq!(endpoint["declared"]["labels"]["team"], "sre");
    let origin = &report["coverage"]["specs"][0]["origin"];
    assert_eq!(origin["source"], "url");
    assert_eq!(origin["file"], *service.shown());
    let requests = service.requests();
    let [request] = &requests[..] else {
        panic!("{requests:?}")
    };
    assert!(request.starts_with("GET /targets?token=hunter2 HTTP/1.1\r\n"));
    let lower = request.to_lowercase();
    assert_eq!(
        lower.matches("user-agent: kubeknock/").count(),
        1,
        "{request}"
    );
    for header in ["authorization", "cookie", "referer"] {
        assert!(!lower.contains(header), "{request}");
    }
}

#[test]
fn nothing_is_fetched_unless_it_is_asked_for() {
    let service = Service::groups(r#"[{"targets": ["192.0.2.7:6443"], "labels": {"env": "a"}}]"#);
    let (url, shown) = (&service.url(), service.shown());
    let dry = service.run(&["scan", "--dry-run", "--from", "http-sd", url]);
    assert_eq!(dry.status.code(), Some(0), "{}", stderr(&dry));
    let plan = stdout(&dry);
    assert!(plan.starts_with("Dry run: nothing is sent.\n"), "{plan}");
    assert!(
        plan.contains(&format!("  GET {shown}  (not fetched now")) && plan.contains("no probe"),
        "{plan}"
    );
    let listed = service.run(&["targets", "--from", "http-sd", url]);
    assert_eq!(listed.status.code(), Some(2));
    assert!(
        stderr(&listed).contains(&format!("{shown} is not fetched: add --fetch")),
        "{}",
        stderr(&listed)
    );
    // Another list is shown without it.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.txt");
    std::fs::write(&file, "192.0.2.8\n").unwrap();
    let file = file.to_str().unwrap();
    let listed = service.run(&["targets", file, "--from", "http-sd", url, "-o", "lines"]);
    assert_eq!(stdout(&listed), "192.0.2.8\n", "{}", stderr(&listed));
    assert!(service.requests().is_empty());

    let dry = service.run(&["scan", "--dry-run", "--fetch", "--from", "http-sd", url]);
    let plan = stdout(&dry);
    assert!(
        plan.contains(&format!("  192.0.2.7:6443  ({shown}:1)")) && plan.contains("(fetched now)"),
        "{plan}{}",
        stderr(&dry)
    );
    assert_eq!(service.requests().len(), 1);
    let listed = service.run(&[
        "targets", "--fetch", "--from", "http-sd", url, "-o", "lines",
    ]);
    assert_eq!(stdout(&listed), "192.0.2.7:6443\n", "{}", stderr(&listed));
    assert_eq!(service.requests().len(), 2);
    let lonely = service.run(&["scan", "192.0.2.7", "--fetch"]);
    assert_eq!(lonely.status.code(), Some(2), "{}", stdout(&lonely));
}

#[test]
fn an_answer_that_is_no_list_says_what_to_do() {
    let other = Service::groups("[]");
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {}", other.url());
    for (service, said) in [
        (
            Service::start(&redirect, ""),
            "it answers 302, and redirects are not followed",
        ),
        (
            Service::start("HTTP/1.1 401 Unauthorized", "hunter2"),
            "it answers 401, and kubeknock sends no credentials: fetch the list with your own tool",
        ),
        (
            Service::start("HTTP/1.1 500 Oops", "hunter2"),
            "it answers 500; expected 200 with target groups in JSON",
        ),
        (
            Service::start("HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\nX: x", ""),
            "invalid content-length",
        ),
        (
            Service::groups(&format!("[{}]", " ".repeat(17 << 20))),
            "the answer is larger than 16 MiB",
        ),
        (
            Service::groups("<html>\nhunter2"),
            ":1: invalid JSON at character 1: expected target groups of Prometheus",
        ),
        (
            Service::groups("- targets: [192.0.2.1]"),
            ":1: invalid JSON",
        ),
        (
            Service::groups("[{\"targets\": [\"192.0.2.1\"]},\n {\"hunter2\": 1}]"),
            ":2: unexpected value before character 15",
        ),
    ] {
        let output = service.run(&["scan", "--from", "http-sd", &service.url()]);
        assert_eq!(output.status.code(), Some(2), "{said}");
        let error = stderr(&output);
        assert!(
            error.contains(said) && error.contains(&service.shown()),
            "{said}: {error}"
        );
        assert_eq!(service.requests().len(), 1, "{said}");
    }
    assert!(other.requests().is_empty(), "a redirect was followed");
}

#[test]
fn a_certificate_that_nobody_vouches_for_ends_the_request() {
    let (service, other) = (Service::groups("[]"), Service::groups("[]"));
    let url = service.url();
    let untrusting = other.run(&["scan", "--from", "http-sd", &url]);
    assert_eq!(untrusting.status.code(), Some(2));
    let error = stderr(&untrusting);
    assert!(
        error.contains("does not trust the issuer") && error.contains("SSL_CERT_FILE"),
        "{error}"
    );
    // The certificate is for an address.
    let named = url.replace("127.0.0.1", "localhost");
    let misnamed = service.run(&["scan", "--from", "http-sd", &named]);
    assert_eq!(misnamed.status.code(), Some(2));
    assert!(
        stderr(&misnamed).contains("not valid for name"),
        "{}",
        stderr(&misnamed)
    );
    for request in service.requests() {
        assert_eq!(request, "", "nothing is sent to a stranger");
    }
}

/// A library's words about these mean nothing to a reader, so they are recognised and said in plain words.
#[test]
fn a_certificate_that_signs_itself_and_an_answer_that_ends_early_are_said_plainly() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json";
    let is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let service = Service::with_certificate(head, "[]", is_ca);
    let output = service.run(&["scan", "--from", "http-sd", &service.url()]);
    assert_eq!(output.status.code(), Some(2));
    let error = stderr(&output);
    assert!(
        error.contains(
            ": its certificate is self-signed, a CA certificate that signs itself: give the server"
        ),
        "{error}"
    );
    let service = Service::groups("[]");
    for end in [End::Early, End::EarlyAndUnannounced, End::Silent] {
        service.end(end);
        let output = service.run(&["scan", "--from", "http-sd", &service.url()]);
        assert_eq!(output.status.code(), Some(2));
        let error = stderr(&output);
        assert!(
            error.contains(": it closed the connection before the end of its answer"),
            "{error}"
        );
    }
}

#[test]
fn a_service_that_is_silent_or_gone_is_named() {
    let gone = crate::support::closed_port();
    let output = run(&["scan", "--from", "http-sd", &format!("https://{gone}/t")]);
    assert_eq!(output.status.code(), Some(2));
    let error = stderr(&output);
    assert!(
        error.contains(&format!("cannot fetch https://{gone}/t: ")) && error.contains("refused"),
        "{error}"
    );
    for (format, url, said) in [
        ("http-sd", "https://me:hunter2@host/t", "user information"),
        (
            "http-sd",
            "http://host/t?hunter2",
            "only https:// URLs are fetched",
        ),
        (
            "auto",
            "https://host/t?hunter2",
            "only --from http-sd fetches a URL",
        ),
        (
            "file-sd",
            "https://host/t?hunter2",
            "only --from http-sd fetches a URL",
        ),
    ] {
        for command in ["scan", "targets"] {
            let output = run(&[command, "--from", format, url]);
            assert_eq!(output.status.code(), Some(2), "{url}");
            let error = stderr(&output);
            assert!(
                error.contains(said) && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}
