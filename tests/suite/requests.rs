//! What a server sees: one connection, one handshake, GET requests without credentials.

use kubeknock::model::{Request, Verdict};

use crate::support::{config, knock, run, scan, start, stderr, targets};

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_gets_one_connection_and_one_handshake() {
    for name in [
        "default",
        "rejecting",
        "health-only",
        "exposed",
        "nginx-fronted",
        "kube-controller-manager",
    ] {
        let server = start(name).await;
        let record = knock(config(), &server.address().to_string()).await;
        let stats = server.stats();
        assert_eq!((stats.connections(), stats.handshakes()), (1, 1), "{name}");
        assert_eq!((record.connections, record.handshakes), (1, 1), "{name}");
    }
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
    let record = knock(config(), &server.address().to_string()).await;
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
    let output = run(&["scan", &address, "-q", "--contact", "sec@corp.example"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let agent = server.stats().log()[0]
        .header("user-agent")
        .unwrap()
        .to_owned();
    assert_eq!(
        agent,
        format!(
            "{} contact: sec@corp.example",
            kubeknock::config::USER_AGENT
        )
    );
    let output = run(&["scan", &address, "--user-agent", "bad\nagent"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--user-agent"),
        "{}",
        stderr(&output)
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
