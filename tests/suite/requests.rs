//! What a server sees: one connection, one handshake, GET requests without credentials.

use kubeknock::model::{OneAtATime, Request, Verdict};
use kubeknock::simulator::LoggedRequest;

use crate::support::{config, knock, run, scan, start, stderr, targets};

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_gets_one_connection_and_one_handshake() {
    for name in [
        "default",
        "rejecting",
        "health-only",
        "exposed",
        "nginx-fronted",
    ] {
        let server = start(name).await;
        let record = knock(config(), &server.address().to_string()).await;
        let stats = server.stats();
        assert_eq!((stats.connections(), stats.handshakes()), (1, 1), "{name}");
        assert_eq!((record.connections, record.handshakes), (1, 1), "{name}");
    }
    // Nothing shows which answer of another server belongs to which request.
    let server = start("kube-controller-manager").await;
    let record = knock(config(), &server.address().to_string()).await;
    assert_eq!((record.connections, server.stats().connections()), (2, 2));
    assert_eq!(record.one_at_a_time, Some(OneAtATime::Misfit));
    let one_at_a_time = config().with(|config| config.one_at_a_time = true);
    let record = knock(one_at_a_time, &server.address().to_string()).await;
    assert_eq!((record.connections, record.one_at_a_time), (1, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn further_connections_to_a_closing_server_are_recorded() {
    let server = start("closes-each").await;
    let record = knock(config(), &server.address().to_string()).await;
    assert_eq!(record.verdict, Verdict::Forbidden, "{}", record.reason);
    assert_eq!(record.connections, 3);
    assert_eq!(server.stats().connections(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recheck_opens_one_more_connection() {
    let server = start("starting").await;
    let record = knock(config(), &server.address().to_string()).await;
    assert_eq!(record.verdict, Verdict::Forbidden, "{}", record.reason);
    assert_eq!(record.connections, 2);
    assert!(
        record
            .requests
            .iter()
            .any(|request| request.exchange.probe == 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_get_and_head_requests_without_credentials_are_sent() {
    let server = start("exposed").await;
    let mut config = config();
    config.requests = vec![
        Request::for_path("/api/v1/secrets").unwrap(),
        Request::for_path("/apis").unwrap(),
    ];
    knock(config, &server.address().to_string()).await;
    let log = server.stats().log();
    let asked: Vec<String> = log
        .iter()
        .map(|entry| format!("{} {}", entry.method, entry.path))
        .collect();
    assert_eq!(
        asked,
        [
            "GET /version",
            "GET /api",
            "GET /healthz",
            "HEAD /api/v1/secrets?limit=1",
            "GET /apis"
        ]
    );
    for entry in &log {
        for name in [
            "authorization",
            "cookie",
            "referer",
            "proxy-authorization",
            "impersonate-user",
            "accept-encoding",
        ] {
            assert!(entry.header(name).is_none(), "{name} was sent");
        }
        assert_eq!(
            entry.header("user-agent"),
            Some(kubeknock::config::USER_AGENT)
        );
        assert!(entry.header("audit-id").is_none(), "only with --audit-id");
        assert_eq!(
            entry.header("host"),
            Some(server.address().to_string().as_str())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_is_sent_in_sni_and_host_and_the_prefix_before_the_path() {
    let server = start("default").await;
    let port = server.address().port();
    let spec = format!("https://127.0.0.1:{port}/k8s/clusters/c-1 sni=api.prod.example");
    let record = knock(config(), &spec).await;
    let log = server.stats().log();
    assert_eq!(log[0].path, "/k8s/clusters/c-1/version");
    assert_eq!(
        log[0].header("host"),
        Some(format!("api.prod.example:{port}").as_str())
    );
    assert_eq!(log[0].sni.as_deref(), Some("api.prod.example"));
    assert_eq!(
        record.endpoint.unwrap().name.as_deref(),
        Some("api.prod.example")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed() {
    let server = start("sso-redirect").await;
    let config = config().with(|config| config.one_at_a_time = true);
    let record = knock(config, &server.address().to_string()).await;
    assert_eq!(server.stats().log().len(), record.requests.len());
    assert!(
        server
            .stats()
            .log()
            .iter()
            .all(|entry| ["/version", "/api", "/healthz"].contains(&entry.path.as_str()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_agent_can_be_set_and_a_contact_can_be_added() {
    let server = start("default").await;
    let address = server.address().to_string();
    let sent = |words: &[&str]| {
        let output = run(&[&["scan", &address, "-q"], words].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let log = server.stats().log();
        log.last().unwrap().header("user-agent").unwrap().to_owned()
    };
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        sent(&["--contact", "sec@corp.example", "--run-id", "r-1"]),
        format!(
            "kubeknock/{version} (run r-1; unauthenticated Kubernetes API check) contact: sec@corp.example"
        )
    );
    assert_eq!(sent(&["--user-agent", "corp/1 (scan)"]), "corp/1 (scan)");
    assert_eq!(
        sent(&["--user-agent", "corp/1 (scan)", "--run-id", "r-1"]),
        "corp/1 (run r-1; scan)"
    );
    // Without one, each run has a random id.
    let random = [sent(&[]), sent(&[])];
    for agent in &random {
        let id = agent
            .split("(run ")
            .nth(1)
            .unwrap()
            .split(';')
            .next()
            .unwrap();
        assert!(
            id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{agent}"
        );
    }
    assert_ne!(random[0], random[1]);
    let output = run(&["scan", &address, "--user-agent", "bad\nagent"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--user-agent"),
        "{}",
        stderr(&output)
    );
}

/// One more request, with an id of ours on each, and the same verdict and grants as without.
#[tokio::test(flavor = "multi_thread")]
async fn the_audit_canary_is_recorded_and_is_no_part_of_the_verdict() {
    // `exposed` answers 404 to a path that it does not have, which would be a grant.
    for (profile, status) in [("default", 403), ("rejecting", 401), ("exposed", 404)] {
        let server = start(profile).await;
        let address = server.address().to_string();
        let folder = tempfile::tempdir().unwrap();
        let report = |words: &[&str]| {
            let path = folder.path().join("report.json");
            let output = format!("json={}", path.display());
            let words = [
                &["scan", &address, "-q", "--fail-on", "never", "-o", &output],
                words,
            ]
            .concat();
            let ran = run(&words);
            assert!(ran.status.success(), "{}", stderr(&ran));
            let text = std::fs::read_to_string(path).unwrap();
            serde_json::from_str::<serde_json::Value>(&text).unwrap()
        };
        let plain = report(&["--run-id", "r1"]);
        let asked = server.stats().log().len();
        let ours = report(&["--run-id", "r1", "--audit-id", "--audit-canary"]);
        let log = server.stats().log().split_off(asked);
        let paths = |log: &[LoggedRequest]| {
            log.iter()
                .map(|entry| entry.path.clone())
                .collect::<Vec<_>>()
        };
        let mut expected = paths(&server.stats().log()[..asked]);
        expected.push("/kubeknock-audit-r1".to_owned());
        assert_eq!(paths(&log), expected, "{profile}");
        let ids: std::collections::HashSet<&str> = log
            .iter()
            .map(|entry| entry.header("audit-id").unwrap())
            .collect();
        assert_eq!(
            ids.len(),
            log.len(),
            "{profile}: each request has an id of its own"
        );

        let [plain, ours] = [&plain, &ours].map(|report| &report["endpoints"][0]);
        for key in ["verdict", "reason", "grants", "not_asked", "posture"] {
            assert_eq!(plain[key], ours[key], "{profile}: {key}");
        }
        assert_eq!(
            ours["requests"].as_array().unwrap().len(),
            asked,
            "{profile}"
        );
        let canary = &ours["audit_canary"];
        assert_eq!(canary["path"], "/kubeknock-audit-r1", "{profile}");
        assert_eq!(canary["status"], status, "{profile}");
        assert!(plain["audit_canary"].is_null(), "{profile}");
    }
    // What is no API server is not asked.
    let server = start("catch-all-200").await;
    let ran = run(&[
        "scan",
        &server.address().to_string(),
        "-q",
        "--audit-canary",
        "--require-coverage",
        "0",
    ]);
    assert!(ran.status.success(), "{}", stderr(&ran));
    let log = server.stats().log();
    assert!(
        !log.iter()
            .any(|entry| entry.path.contains("kubeknock-audit"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_requested_by_get_if_a_front_end_answers_head() {
    // This front end answers HEAD itself, so only the GET form shows whether the list is open.
    let server = start("front-answers-head").await;
    let config = config()
        .with(|config| config.requests = vec![Request::for_path("/api/v1/secrets").unwrap()]);
    let record = knock(config, &server.address().to_string()).await;
    let asked: Vec<String> = server
        .stats()
        .log()
        .iter()
        .skip(3)
        .map(|entry| format!("{} {}", entry.method, entry.path))
        .collect();
    assert_eq!(
        asked,
        [
            "HEAD /api/v1/secrets?limit=1",
            "GET /api/v1/secrets?limit=1&continue=bogus"
        ]
    );
    assert_eq!(record.verdict, Verdict::Exposed, "{}", record.reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_given_several_times_is_probed_once() {
    let server = start("default").await;
    let address = server.address();
    let (records, summary) = scan(
        config(),
        targets(&[
            address.to_string(),
            format!("https://{address} name=again"),
            format!("127.0.0.0/30 ports={}", address.port()),
        ]),
    )
    .await;
    assert_eq!(server.stats().connections(), 1);
    let asked: Vec<_> = records.iter().filter(|record| record.connected()).collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].target.label.as_deref(),
        Some("again"),
        "no annotation is lost"
    );
    assert_eq!(summary.coverage.named(), 2);
    assert_eq!(summary.coverage.covered(), 2);
}
