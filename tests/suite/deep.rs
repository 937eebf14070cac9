//! `--deep` shows what is open without taking data. Also the handshake without SNI, and `--ca-file`.

use std::fs;

use kubeknock::config::ScanConfig;
use kubeknock::kubernetes::PathClass;
use kubeknock::model::{ClueKind, EndpointReport, Method, Trust, Verdict};
use kubeknock::scan::deep;

use crate::recordings::recording;
use crate::support::{config, documentation_counts, knock, pem, run, serve, start, stderr, stdout};

/// A marker in every list and metric that a simulated server could leak.
const OBJECT: &str = "zz-object-name-7f3a";
const DATA: &str = "enotZHVtbXktdG9rZW4=";

fn deeply() -> ScanConfig {
    config().with(|config| config.deep = true)
}

fn granted(report: &EndpointReport) -> Vec<&str> {
    let mut paths: Vec<&str> = report
        .grants
        .iter()
        .map(|grant| grant.path.as_str())
        .collect();
    paths.sort_unstable();
    paths
}

/// All outputs count the same paths. The paths that k3s opens by design are not API paths and are not counted.
#[tokio::test(flavor = "multi_thread")]
async fn all_outputs_agree_on_the_number_of_open_paths() {
    let server = start("k3s").await;
    let report = knock(deeply(), &server.address().to_string()).await;
    let asked = report.requests.len();
    let api = asked
        - deep()
            .filter(|request| request.class == PathClass::Product)
            .count();
    assert!(api < asked);
    let said = format!("401 on {api} of {api} API paths asked (");
    assert!(report.reason.starts_with(&said), "{}", report.reason);
    let sentence = report.posture.unwrap().sentence;
    assert!(
        sentence.contains(&format!("anonymous refused on all {api} API paths asked")),
        "{sentence}"
    );
    let spec = server.address().to_string();
    let output = tokio::task::spawn_blocking(move || run(&["scan", "-q", "--deep", &spec]))
        .await
        .unwrap();
    let said = format!("/cacerts, /ping; nothing on {api} of {api} API paths; as documented");
    let said = if documentation_counts() {
        said
    } else {
        said.replace("; as documented", "")
    };
    assert!(stdout(&output).contains(&said), "{}", stdout(&output));
}

/// The RBAC note of each recording states what is open.
#[tokio::test(flavor = "multi_thread")]
async fn grants_of_recordings_match_their_rbac() {
    let public = ["/healthz", "/livez", "/readyz", "/version"];
    let mut everything: Vec<String> = deep()
        .map(|request| request.bare_path().to_owned())
        .collect();
    everything.extend(["/version", "/api", "/healthz"].map(str::to_owned));
    everything.sort_unstable();
    let everything: Vec<&str> = everything.iter().map(String::as_str).collect();
    for (name, verdict, open) in [
        ("default-rbac", Verdict::Forbidden, &public[..]),
        ("anonymous-auth-off", Verdict::Rejected, &[]),
        ("cluster-admin-to-anonymous", Verdict::Exposed, &everything),
        ("public-info-removed", Verdict::Forbidden, &[]),
        ("behind-nginx-tls", Verdict::Forbidden, &public),
    ] {
        let server = serve(recording(name)).await;
        let report = knock(deeply(), &server.address().to_string()).await;
        assert_eq!(report.verdict, verdict, "{name}: {}", report.reason);
        assert_eq!(granted(&report), open, "{name}");
        // For each resource, the request and the response.
        for request in deep().filter(|request| request.method == Method::Head) {
            let asked = report
                .requests
                .iter()
                .find(|asked| asked.exchange.request == request);
            assert!(
                asked.is_some_and(|asked| asked.exchange.outcome.is_ok()),
                "{name}: {}",
                request.path
            );
        }
        for seen in server.stats().log() {
            assert!(
                matches!(seen.method.as_str(), "GET" | "HEAD"),
                "{}",
                seen.method
            );
            let list = seen.path.starts_with("/api/v1/")
                || seen.path.matches('/').count() > 3 && seen.path.starts_with("/apis/");
            let asks_no_data = seen.method == "HEAD" || seen.path.ends_with("&continue=bogus");
            assert!(!list || asks_no_data, "{} {}", seen.method, seen.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_lists_are_found_on_servers_that_look_closed() {
    let server = start("lists-nodes").await;
    let shallow = knock(config(), &server.address().to_string()).await;
    assert_eq!(shallow.verdict, Verdict::Forbidden);
    assert!(shallow.reason.contains("resources not asked"));
    let report = knock(deeply(), &server.address().to_string()).await;
    assert_eq!(report.verdict, Verdict::Exposed, "{}", report.reason);
    let open = [
        "/api/v1/namespaces",
        "/api/v1/nodes",
        "/healthz",
        "/livez",
        "/metrics",
        "/readyz",
        "/version",
    ];
    assert_eq!(granted(&report), open);
    let metrics = report
        .requests
        .iter()
        .find(|asked| asked.exchange.request.path == "/metrics")
        .unwrap();
    assert!(
        metrics.exchange.outcome.as_ref().unwrap().body_size <= 2048,
        "the first bytes only"
    );
}

/// Servers without signs of Kubernetes get only the usual requests.
#[tokio::test(flavor = "multi_thread")]
async fn other_servers_get_no_deep_requests() {
    for name in ["web-server", "kubelet", "basic-401", "catch-all-200"] {
        let server = start(name).await;
        let report = knock(deeply(), &server.address().to_string()).await;
        assert!(
            report.requests.len() <= 5,
            "{name}: {}",
            report.requests.len()
        );
        assert_eq!(report.connections, report.handshakes, "{name}");
    }
}

/// The paths of the RKE2 supervisor identify it and change no verdict.
#[tokio::test(flavor = "multi_thread")]
async fn product_paths_identify_the_product_and_do_not_expose_it() {
    let server = start("rke2-supervisor").await;
    let report = knock(deeply(), &server.address().to_string()).await;
    assert_eq!(report.verdict, Verdict::NotApiServer, "{}", report.reason);
    assert_eq!(granted(&report), ["/cacerts", "/ping"]);
    let identification = report.identification.unwrap();
    assert_eq!(identification.product().unwrap().id, "rke2");
    assert!(
        identification
            .clues
            .iter()
            .any(|clue| clue.kind == ClueKind::ProductAnswer)
    );

    let server = start("k3s").await;
    let report = knock(deeply(), &server.address().to_string()).await;
    assert_eq!(report.verdict, Verdict::Rejected, "{}", report.reason);
    assert_eq!(granted(&report), ["/cacerts", "/ping"]);
    let posture = report.posture.unwrap();
    assert_eq!(
        posture.status.as_str(),
        if documentation_counts() {
            "as-documented"
        } else {
            "unknown"
        },
        "{}",
        posture.sentence
    );
}

/// No report, output or log contains a byte of leaked data.
#[tokio::test(flavor = "multi_thread")]
async fn no_object_name_reaches_a_report_or_a_log() {
    for name in ["lists-nodes", "leaks-lists"] {
        let server = start(name).await;
        let address = server.address().to_string();
        let folder = tempfile::tempdir().unwrap();
        let path = |file: &str| folder.path().join(file).display().to_string();
        let output = tokio::task::spawn_blocking({
            let outputs = ["json", "jsonl", "table", "markdown", "html"]
                .map(|format| format!("-o={format}={}", path(format)));
            let lists = [
                "--path=/api/v1/secrets",
                "--path=/api/v1/pods",
                "--path=/api/v1/nodes",
            ];
            move || {
                let mut args = vec!["scan", "-vv", "--deep", "--fail-on=never", &address];
                args.extend(outputs.iter().map(String::as_str));
                args.extend(lists);
                let scan = run(&args);
                let identify = run(&["identify", "-vv", "--deep", &address]);
                [scan, identify]
            }
        })
        .await
        .unwrap();
        let mut written: Vec<String> = output
            .iter()
            .flat_map(|output| [stdout(output), stderr(output)])
            .collect();
        for file in ["json", "jsonl", "table", "markdown", "html"] {
            written.push(fs::read_to_string(path(file)).unwrap());
        }
        assert!(
            written.iter().any(|text| text.contains("exposed")),
            "{name}: {written:?}"
        );
        for text in &written {
            for taken in [OBJECT, DATA] {
                assert!(!text.contains(taken), "{name}: {text}");
            }
        }
        if name == "leaks-lists" {
            let forms = server.stats().log();
            assert!(
                forms
                    .iter()
                    .any(|seen| seen.path.ends_with("&continue=bogus")),
                "the other form was asked"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openshift_shows_its_internal_certificate_without_sni() {
    let server = start("openshift-custom-certificate").await;
    let spec = format!("{} sni=api.build01.example.com", server.address());
    let shallow = knock(config(), &spec).await;
    assert!(shallow.without_sni.is_none() && shallow.handshakes == 1);
    assert_ne!(
        shallow
            .identification
            .unwrap()
            .product()
            .map(|product| product.id.to_string()),
        Some("openshift".into())
    );

    let report = knock(deeply(), &spec).await;
    let other = report.without_sni.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(other.sni, None);
    assert_eq!(
        other.certificate.as_ref().unwrap().sans.kept[0],
        "openshift"
    );
    let identification = report.identification.as_ref().unwrap();
    assert_eq!(identification.product().unwrap().id, "openshift");
    let mark = &identification.attribution.marks[0];
    assert_eq!(
        identification.clues[mark.clue].kind,
        ClueKind::WithoutServerName
    );
    assert_eq!(
        server.stats().log().last().unwrap().sni.as_deref(),
        Some("api.build01.example.com")
    );
    assert_eq!(report.connections, report.handshakes);

    // For an address there is no SNI in the first place.
    let bare = knock(deeply(), &server.address().to_string()).await;
    assert!(bare.without_sni.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_file_shows_whether_it_is_the_right_server() {
    let scenario = kubeknock::simulator::scenario("default").unwrap();
    let own = scenario.issuer().unwrap().unwrap();
    let other = kubeknock::simulator::scenario("rejecting")
        .unwrap()
        .issuer()
        .unwrap()
        .unwrap();
    let server = serve(scenario).await;
    let spec = server.address().to_string();
    let trust = |ca: Vec<u8>| {
        let config = config().with(|config| config.trusted_cas = vec![ca]);
        let spec = spec.clone();
        async move { knock(config, &spec).await }
    };
    let right = trust(own.clone()).await;
    assert_eq!(
        right.tls.unwrap().trust,
        Some(Trust::Anchored {
            by: "CN=kubernetes".into()
        })
    );
    // A CA with the same name and another key.
    let wrong = trust(other).await;
    assert!(matches!(
        wrong.tls.unwrap().trust,
        Some(Trust::NotAnchored { .. })
    ));
    assert_eq!(wrong.verdict, Verdict::Forbidden, "never a reason to stop");
    assert_eq!(knock(config(), &spec).await.tls.unwrap().trust, None);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem").display().to_string();
    let pem = pem(&own);
    fs::write(&file, pem).unwrap();
    let output = tokio::task::spawn_blocking(move || run(&["identify", "--ca-file", &file, &spec]))
        .await
        .unwrap();
    assert!(
        stdout(&output).contains("the chain ends at CN=kubernetes, which was given"),
        "{}",
        stdout(&output)
    );
    let output = run(&["scan", "--ca-file", "no/such/ca.pem", "127.0.0.1:9"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--ca-file no/such/ca.pem"),
        "{}",
        stderr(&output)
    );
}
