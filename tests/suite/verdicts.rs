//! Simulated and recorded servers get the expected verdicts, over real sockets and real TLS.

use std::sync::Arc;

use kubeknock::config::ScanConfig;
use kubeknock::model::{EndpointReport, Grade, ScanSummary, Signature, Verdict};
use kubeknock::policy::{Evaluator, Policy};
use kubeknock::record::{self, Contents, ScanInfo};
use kubeknock::simulator::{self, Scenario};

use crate::recordings::recording;
use crate::support::{config, knock, scan, serve, start, targets};

/// Scans all scenarios at once, without `--deep` and with it.
#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_gets_its_expected_verdicts() {
    assert_verdicts(config(), |scenario| scenario.expect).await;
    assert_verdicts(config().with(|config| config.deep = true), |scenario| {
        scenario.expect_deep
    })
    .await;
}

async fn assert_verdicts(config: ScanConfig, expected: fn(&Scenario) -> Verdict) {
    let mut servers = Vec::new();
    let mut specs = Vec::new();
    for scenario in simulator::scenarios() {
        let scenario = Arc::clone(scenario);
        let server = serve(Arc::clone(&scenario)).await;
        let scheme = if scenario.plain_http() {
            "http"
        } else {
            "https"
        };
        specs.push(format!(
            "{scheme}://{} name={}",
            server.address(),
            scenario.name
        ));
        servers.push((scenario, server));
    }
    let deep = config.deep;
    let (records, _) = scan(config, targets(&specs)).await;
    assert_eq!(records.len(), servers.len());
    let mut wrong = Vec::new();
    for (record, (scenario, _)) in records.iter().zip(&servers) {
        let expected = expected(scenario);
        if record.verdict != expected {
            wrong.push(format!(
                "{}: {}, not {expected} ({})",
                scenario.name, record.verdict, record.reason
            ));
        }
    }
    assert!(wrong.is_empty(), "deep {deep}: {}", wrong.join("\n"));
}

/// A report about every simulated server is read back and written again with the same bytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_report_of_every_scenario_survives_a_round_trip() {
    let mut servers = Vec::new();
    let mut specs = Vec::new();
    for scenario in simulator::scenarios() {
        let server = serve(Arc::clone(scenario)).await;
        let scheme = if scenario.plain_http() {
            "http"
        } else {
            "https"
        };
        specs.push(format!(
            "{scheme}://{} name={} expect={}",
            server.address(),
            scenario.name,
            scenario.expect
        ));
        servers.push(server);
    }
    let config = config();
    let (records, summary) = scan(config.clone(), targets(&specs)).await;
    let written = document(&ScanInfo::new(&config), &records, &summary);
    let mut read = Vec::new();
    let saved = record::read(
        "report",
        &mut written.as_bytes(),
        &mut |record| read.push(record),
        &mut |record| panic!("carried: {record:?}"),
    );
    let saved = saved.unwrap().unwrap();
    assert_eq!(read.len(), servers.len());
    assert_eq!(document(&saved.info(), &read, &saved.summary), written);
}

/// The JSON report of a scan, with its findings.
fn document(info: &ScanInfo<'_>, records: &[EndpointReport], summary: &ScanSummary) -> String {
    let policy = Policy::default();
    let mut judge = Evaluator::new(&policy, summary.started);
    for record in records {
        judge.add(record);
    }
    let findings = judge.finish(&summary.coverage).findings;
    assert!(!findings.is_empty());
    let contents = Contents {
        info: *info,
        summary,
        findings: &findings,
        unused_acceptances: &[],
    };
    let mut out = Vec::new();
    record::write_document(
        &mut out,
        &contents,
        records.iter(),
        std::iter::empty::<EndpointReport>(),
    )
    .unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_requests_by_default_and_five_to_a_rejecting_server() {
    for (name, asked) in [
        ("default", &["/version", "/api", "/healthz"][..]),
        (
            "rejecting",
            &["/version", "/api", "/healthz", "/livez", "/readyz"],
        ),
        ("health-only", &["/version", "/api", "/healthz"]),
    ] {
        let server = start(name).await;
        let record = knock(config(), &server.address().to_string()).await;
        let paths: Vec<&str> = record
            .requests
            .iter()
            .map(|r| r.exchange.request.path.as_str())
            .collect();
        assert_eq!(paths, asked, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handshake_is_recorded_even_if_every_path_answers_401() {
    for name in ["anonymous-auth-off", "default-rbac"] {
        let server = serve(recording(name)).await;
        let tls = knock(config(), &server.address().to_string())
            .await
            .tls
            .unwrap();
        assert_eq!(
            tls.client_ca_names.kept,
            ["CN=kubernetes", "CN=front-proxy-ca"],
            "{name}"
        );
        assert!(
            tls.client_certificate_requested && tls.signature == Signature::Valid,
            "{name}"
        );
        let certificate = tls.certificate.unwrap();
        assert_eq!(
            (&*certificate.subject, &*certificate.issuer),
            ("CN=kube-apiserver", "CN=kubernetes")
        );
        assert!(
            certificate.sans.any(|san| san == "kubernetes.default.svc"),
            "{name}"
        );
        assert!(certificate.sans.any(|san| san == "10.96.0.1"), "{name}");
    }
    let fronted = serve(recording("behind-nginx-tls")).await;
    let record = knock(config(), &fronted.address().to_string()).await;
    assert!(record.identification.unwrap().through_front);
    assert!(!record.tls.unwrap().client_certificate_requested);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_cluster_is_never_exposed_and_the_reason_says_what_was_not_requested() {
    let server = start("default").await;
    let record = knock(config(), &server.address().to_string()).await;
    assert_eq!(record.verdict, Verdict::Forbidden);
    assert!(
        record
            .grants
            .iter()
            .all(|grant| grant.grade == Grade::PublicInfo)
    );
    assert!(
        record.reason.contains("resources not asked"),
        "{}",
        record.reason
    );
}
