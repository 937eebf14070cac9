//! Names, answered by a name server of the tests: which of their addresses are asked, and which are not.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::ResponseCode;
use kubeknock::config::{Family, MAX_ADDRESSES, Order};
use kubeknock::model::{Coverage, EndpointReport, FailureKind, LeftOutReason, Verdict};
use kubeknock::scan::Scanner;
use kubeknock::simulator::Scenario;
use kubeknock::targets::{TargetOptions, TargetSetBuilder};
use serde_json::{Value, json};

use crate::name_server::{EKS, NameServer};
use crate::support::{config, run, scan, serve, start, stderr, stdout, targets};

/// An API server that refuses, with a certificate of a private CA.
const OWN_CERTIFICATE: &str = "
name = 'own-certificate'
about = 'an API server under a certificate of its owner'
source = 'composed'
expect = 'rejected'
extends = 'rejecting'
[tls]
subject = 'CN=alias.example'
issuer = 'O=Example, CN=Issuing CA 7'
sans = ['alias.example']
";

#[tokio::test(flavor = "multi_thread")]
async fn a_name_goes_into_sni_and_host() {
    let names = NameServer::start().await;
    let server = start("default").await;
    let port = server.address().port();
    let (records, summary) = scan(names.config(), targets(&[format!("one.example:{port}")])).await;
    assert_eq!(
        records[0].verdict,
        Verdict::Forbidden,
        "{}",
        records[0].reason
    );
    assert_eq!(server.stats().log()[0].sni.as_deref(), Some("one.example"));
    assert_eq!(
        server.stats().log()[0].header("host"),
        Some(format!("one.example:{port}").as_str())
    );
    assert_eq!(summary.resolvers, [names.address]);
    assert!(records[0].timings.resolve.is_some());
}

/// An answer has the addresses and the aliases of the name; the last alias identifies the provider.
#[tokio::test(flavor = "multi_thread")]
async fn an_alias_identifies_the_provider() {
    let names = NameServer::start().await;
    // The certificate does not identify a product.
    let server = serve(Arc::new(Scenario::parse(OWN_CERTIFICATE).unwrap())).await;
    let port = server.address().port();
    let config = names.config().with(|config| config.family = Family::V4);
    let (records, _) = scan(config.clone(), targets(&[format!("alias.example:{port}")])).await;
    let aliases: Vec<&str> = records[0].aliases.iter().map(|alias| &**alias).collect();
    assert_eq!(aliases, ["hop.example", EKS.trim_end_matches('.')]);
    assert_eq!(
        records[0].endpoint.as_ref().unwrap().name.as_deref(),
        Some("alias.example"),
        "asked as written"
    );
    let identification = records[0].identification.as_ref().unwrap();
    assert_eq!(identification.product().unwrap().id, "eks");
    let mark = &identification.attribution.marks[0];
    assert_eq!(mark.seen, EKS.trim_end_matches('.'));
    assert!(
        identification.clues[mark.clue]
            .seen
            .contains("alias.example, an alias of hop.example")
    );
    assert_eq!(names.queries(), 1);
    // With kubeadm's certificate and CA names the alias contradicts them, and no provider is named.
    let kubeadm = start("rejecting").await;
    let spec = format!("alias.example:{}", kubeadm.address().port());
    let (records, _) = scan(config, targets(&[spec])).await;
    let identification = records[0].identification.as_ref().unwrap();
    assert_eq!(identification.product().unwrap().id, "kubeadm");
    assert_eq!(
        identification.attribution.against[0].seen,
        EKS.trim_end_matches('.')
    );
}

/// Both addresses of a name are shown if one listens.
#[tokio::test(flavor = "multi_thread")]
async fn every_address_is_an_endpoint() {
    let names = NameServer::start().await;
    let server = start("default").await;
    let port = server.address().port();
    let (records, summary) = scan(names.config(), targets(&[format!("two.example:{port}")])).await;
    let seen: Vec<(IpAddr, Verdict)> = records
        .iter()
        .map(|r| {
            (
                r.endpoint.as_ref().unwrap().address().unwrap().ip(),
                r.verdict,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (Ipv4Addr::LOCALHOST.into(), Verdict::Forbidden),
            (Ipv4Addr::new(127, 0, 0, 2).into(), Verdict::Unreachable)
        ]
    );
    assert_eq!(summary.coverage.further_addresses, 1);
    assert_eq!(summary.coverage.covered(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_of_the_name_server_is_the_outcome() {
    let names = NameServer::start().await;
    for (name, kind) in [
        ("nowhere.example", FailureKind::NameNotFound),
        ("empty.example", FailureKind::NoAddress),
        ("servfail.example", FailureKind::ResolverFailure),
    ] {
        let (records, summary) = scan(names.config(), targets(&[format!("{name}:6443")])).await;
        assert_eq!(records[0].verdict, Verdict::Unreachable, "{name}");
        assert_eq!(
            records[0].failure.as_ref().unwrap().kind,
            kind,
            "{name}: {}",
            records[0].reason
        );
        assert!(records[0].endpoint.is_none());
        assert_eq!(summary.coverage.unreachable.get(&kind), Some(&1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ipv4_mapped_address_is_the_ipv4_address() {
    let names = NameServer::start().await;
    let server = start("default").await;
    let spec = [format!("both.example:{}", server.address().port())];
    let (records, _) = scan(names.config(), targets(&spec)).await;
    assert_eq!(records.len(), 1, "one address, not two");
    let only_v6 = names.config().with(|config| config.family = Family::V6);
    let (records, _) = scan(only_v6, targets(&spec)).await;
    assert_eq!(
        records[0].failure.as_ref().unwrap().kind,
        FailureKind::NoAddress
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn exclusions_hold_for_the_addresses_of_a_name() {
    let names = NameServer::start().await;
    let server = start("default").await;
    let target = format!("two.example:{}", server.address().port());
    let resolver = names.address.to_string();
    let output = run(&[
        "scan",
        &target,
        "--resolver",
        &resolver,
        "--allow-special",
        "--exclude",
        "127.0.0.1",
        "-q",
        "-o",
        "json",
        "--fail-on",
        "never",
    ]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        server.stats().connections(),
        0,
        "an excluded address is never touched"
    );
    assert_eq!(report["coverage"]["excluded_addresses"], 1);
    assert_eq!(
        output.status.code(),
        Some(3),
        "its other address did not answer"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_asked_once_for_all_its_ports() {
    let names = NameServer::start().await;
    let sequential = names.config().with(|config| config.concurrency = 1);
    scan(
        sequential,
        targets(&["nowhere.example ports=1-5".to_owned()]),
    )
    .await;
    let asked = names.queries();
    assert!(asked <= 4, "{asked} queries for one name");
}

/// The coverage of one specification, in a scan that asks no special address unless `allow` is set.
async fn strictly(
    names: &NameServer,
    specs: &[String],
    allow: bool,
) -> (Vec<EndpointReport>, Coverage) {
    let config = names.strict().with(|config| config.allow_special = allow);
    let (records, summary) = scan(config, targets(specs)).await;
    (records, summary.coverage)
}

/// A name server must not lead a scan to services of this machine.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_at_a_special_address_is_not_asked_there() {
    let names = NameServer::start().await;
    let server = start("exposed").await;
    let port = server.address().port();
    for (name, example) in [
        ("one.example", "127.0.0.1, loopback"),
        ("zero.example", "0.0.0.0, unspecified"),
        ("zero6.example", "::, unspecified"),
        ("mapped.example", "127.0.0.1, loopback"),
        ("nat64.example", "64:ff9b::7f00:1, loopback"),
    ] {
        let (records, coverage) = strictly(&names, &[format!("{name}:{port}")], false).await;
        assert!(records.is_empty(), "{records:?}");
        assert_eq!(
            (
                coverage.left_out_count(LeftOutReason::SpecialAddress),
                coverage.covered(),
                coverage.is_complete()
            ),
            (1, 0, false)
        );
        let [left_out] = coverage.specs[0].left_out.as_slice() else {
            panic!("{name}: {coverage:?}")
        };
        assert_eq!(
            left_out.examples.iter().collect::<Vec<_>>(),
            [example],
            "{name}"
        );
    }
    assert_eq!(server.stats().connections(), 0);
    // An address that is itself a target is asked.
    let given = [format!("one.example:{port}"), "127.0.0.1:9".to_owned()];
    let (records, coverage) = strictly(&names, &given, false).await;
    assert_eq!(
        (
            records[0].verdict,
            coverage.left_out_count(LeftOutReason::SpecialAddress)
        ),
        (Verdict::Exposed, 0)
    );
    let (records, _) = strictly(&names, &[format!("one.example:{port}")], true).await;
    assert_eq!(records[0].verdict, Verdict::Exposed);
    // `localhost` leads to this machine in any case.
    let (records, _) = strictly(&names, &[format!("localhost:{port}")], false).await;
    assert_eq!(
        records[0].verdict,
        Verdict::Exposed,
        "{}",
        records[0].reason
    );
}

/// Report, gate and the output for a single server show it.
#[tokio::test(flavor = "multi_thread")]
async fn a_special_address_is_reported_everywhere() {
    let names = NameServer::start().await;
    let server = start("exposed").await;
    let target = format!("one.example:{}", server.address().port());
    let resolver = format!("--resolver={}", names.address);
    let folder = tempfile::tempdir().unwrap();
    let file = |format: &str| format!("{format}={}", folder.path().join(format).display());
    let (json, junit, html) = (file("json"), file("junit"), file("html"));
    let args = ["-o", "table", "-o", &json, "-o", &junit, "-o", &html];
    let output = run(&[&["scan", &target, &resolver], &args[..]].concat());
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let message = "not asked: 1 special address without --allow-special (127.0.0.1, loopback)";
    let read = |format: &str| std::fs::read_to_string(folder.path().join(format)).unwrap();
    for (format, text) in [
        ("table", stdout(&output)),
        ("junit", read("junit")),
        ("html", read("html")),
    ] {
        assert!(text.contains(message), "{format}: {text}");
    }
    let report: Value = serde_json::from_str(&read("json")).unwrap();
    assert_eq!(
        (
            &report["coverage"]["special_addresses"],
            &report["summary"]["complete"]
        ),
        (&json!(1), &json!(false))
    );
    assert_eq!(
        report["coverage"]["specs"][0]["unasked"],
        json!([{"why": "special-address", "count": 1, "examples": ["127.0.0.1, loopback"]}])
    );
    // Saved and merged reports keep it.
    let saved = folder.path().join("json").display().to_string();
    let second = folder.path().join("second").display().to_string();
    let output = run(&[
        "scan",
        "zero.example",
        &resolver,
        "-q",
        "-o",
        &format!("json={second}"),
    ]);
    assert_eq!(output.status.code(), Some(3));
    let both = run(&["report", "json", &saved, &second]);
    let both: Value = serde_json::from_str(&stdout(&both)).unwrap();
    assert_eq!(
        both["coverage"]["special_addresses"], 4,
        "{}",
        both["coverage"]
    );
    let specs = both["coverage"]["specs"].as_array().unwrap();
    let zero = specs
        .iter()
        .find(|spec| spec["origin"]["text"] == "zero.example")
        .unwrap();
    assert_eq!(zero["unasked"][0]["count"], 3, "one for each port");

    let output = run(&["identify", &target, &resolver]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("no address (1 special address without"),
        "{}",
        stdout(&output)
    );
    assert_eq!(server.stats().connections(), 0);
    let output = run(&["identify", &target, &resolver, "--allow-special"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

/// A checkpoint keeps what was not asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_scan_reports_what_was_not_asked() {
    let names = NameServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint").display().to_string();
    let resolver = format!("--resolver={}", names.address);
    let mut reports = Vec::new();
    for option in ["--checkpoint", "--resume"] {
        let args = [
            "scan",
            "zero.example:9",
            "two.example:9",
            &resolver,
            option,
            &checkpoint,
            "-o",
            "json",
            "-q",
        ];
        let report: Value = serde_json::from_str(&stdout(&run(&args))).unwrap();
        reports.push(report["coverage"].clone());
    }
    assert_eq!(reports[0]["special_addresses"], 3);
    assert_eq!(reports[0], reports[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exclusion_holds_for_every_form_of_an_address() {
    let server = start("exposed").await;
    let port = server.address().port();
    let scan_without = |specs: &'static [&'static str], exclusion: &str| {
        let mut options = TargetOptions::default();
        options.ports = vec![port];
        let mut builder = TargetSetBuilder::new(options);
        for spec in specs {
            builder.argument(spec);
        }
        builder.exclude(exclusion);
        Arc::new(builder.build().unwrap())
    };
    // One address is left out of the set, the one in a range during the scan.
    let set = scan_without(
        &[
            "127.0.0.9",
            "64:ff9b::7f00:1",
            "[::7f00:1]:9",
            "[::ffff:127.0.0.1]:9",
        ],
        "127.0.0.1",
    );
    assert_eq!((set.len(), set.excluded()), (1, 3));
    let set = scan_without(&["64:ff9b::7f00:0/127"], "127.0.0.0/31");
    let (records, summary) = scan(config(), set).await;
    assert_eq!(
        (
            records.len(),
            summary
                .coverage
                .left_out_count(LeftOutReason::ExcludedAddress)
        ),
        (0, 2)
    );
    assert_eq!(server.stats().connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_of_an_excluded_name_is_excluded() {
    let names = NameServer::start().await;
    let server = start("exposed").await;
    let target = format!("alias.example:{}", server.address().port());
    for (exclusion, connections) in [("hop.example", 0), (EKS, 0), ("hop.example:9", 1)] {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument(&target);
        builder.exclude(exclusion);
        let set = Arc::new(builder.build().unwrap());
        let (_, summary) = scan(
            names.config().with(|config| config.family = Family::V4),
            set,
        )
        .await;
        assert_eq!(
            summary
                .coverage
                .left_out_count(LeftOutReason::ExcludedAddress),
            1 - connections,
            "{exclusion}"
        );
        assert_eq!(server.stats().connections(), connections, "{exclusion}");
    }
}

/// Of more addresses than the limit, the seed draws some, and the others are counted.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_beyond_the_limit_are_reported() {
    let names = NameServer::start().await;
    let mut drawn = Vec::new();
    for seed in [1, 1, 2] {
        let config = names.config().with(|config| {
            config.order = Order::Seeded(seed);
            config.retries = 0;
        });
        let (records, summary) = scan(config, targets(&["many.example:9".to_owned()])).await;
        let coverage = summary.coverage;
        assert_eq!(records.len(), MAX_ADDRESSES);
        assert_eq!(
            (
                coverage.further_addresses,
                coverage.left_out_count(LeftOutReason::BeyondLimit)
            ),
            (199, 136)
        );
        assert!(!coverage.is_complete());
        let message = coverage.specs[0].left_out_text().unwrap();
        assert!(message.contains("64 of 200 are asked"), "{message}");
        drawn.push(
            records
                .iter()
                .map(|record| record.endpoint.as_ref().unwrap().address().unwrap().ip())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(drawn[0], drawn[1]);
    assert_ne!(drawn[0], drawn[2]);
    let lowest: Vec<IpAddr> = (0..64)
        .map(|host| Ipv4Addr::new(127, 45, 0, host).into())
        .collect();
    assert_ne!(drawn[0], lowest);
}

/// If one question fails and the other is answered, the known addresses are asked and the gap is reported.
#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_is_used_and_reported_as_half() {
    let names = NameServer::start().await;
    let server = start("default").await;
    let port = server.address().port();
    let quick = names
        .config()
        .with(|config| config.timeout = Duration::from_secs(1));
    for (name, message) in [
        ("half-servfail.example", "AAAA: resolver failure"),
        ("half-missing.example", "AAAA: name not found"),
        ("half-silent.example", "AAAA: resolver timed out"),
        ("half-a.example", "A: resolver failure"),
    ] {
        let (records, summary) = scan(quick.clone(), targets(&[format!("{name}:{port}")])).await;
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!(
            records[0]
                .endpoint
                .as_ref()
                .unwrap()
                .address()
                .unwrap()
                .ip()
                .is_ipv6(),
            name == "half-a.example"
        );
        let coverage = summary.coverage;
        assert_eq!(
            (
                coverage.left_out_count(LeftOutReason::HalfResolved),
                coverage.is_complete()
            ),
            (1, false),
            "{name}"
        );
        assert!(
            coverage.specs[0].left_out_text().unwrap().contains(message),
            "{name}: {coverage:?}"
        );
    }
    // If one family has no address, the failure of the other one is the failure.
    let (records, _) = scan(
        quick.clone(),
        targets(&["half-none.example:6443".to_owned()]),
    )
    .await;
    assert_eq!(
        records[0].failure.as_ref().unwrap().kind,
        FailureKind::ResolverFailure
    );
    // A family that is not asked for is not missing.
    let only_v4 = quick.with(|config| config.family = Family::V4);
    let (_, summary) = scan(only_v4, targets(&[format!("half-servfail.example:{port}")])).await;
    assert!(summary.coverage.is_complete());
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_names_and_servers_work() {
    let names = NameServer::start().await;
    let server = start("default").await;
    let port = server.address().port();
    // An underscore within a label; a server without EDNS.
    for name in [
        "my_cluster.corp.example",
        "_k8s.corp.example",
        "noedns.example",
    ] {
        let (records, _) = scan(names.config(), targets(&[format!("{name}:{port}")])).await;
        assert_eq!(
            records[0].verdict,
            Verdict::Forbidden,
            "{name}: {}",
            records[0].reason
        );
    }
    // Unrelated records in an answer are ignored.
    let only_v4 = names.config().with(|config| config.family = Family::V4);
    let (records, _) = scan(only_v4, targets(&[format!("foreign.example:{port}")])).await;
    let asked: Vec<IpAddr> = records
        .iter()
        .map(|r| r.endpoint.as_ref().unwrap().address().unwrap().ip())
        .collect();
    assert_eq!(asked, [Ipv4Addr::LOCALHOST]);
    let refused = ResponseCode::ServFail.to_str();
    let (records, _) = scan(
        names.config(),
        targets(&["servfail.example:6443".to_owned()]),
    )
    .await;
    assert!(records[0].reason.contains(refused), "{}", records[0].reason);
}

/// Also with many ports, and with a patient system resolver.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_name_takes_no_longer_than_the_timeout() {
    let names = NameServer::start().await;
    let config = names.config().with(|config| {
        config.timeout = Duration::from_millis(800);
        config.retries = 0;
        config.concurrency = 1;
    });
    let began = Instant::now();
    let spec = ["silent.example ports=1-5".to_owned()];
    let (records, summary) = scan(config, targets(&spec)).await;
    assert_eq!(
        records[0].failure.as_ref().unwrap().kind,
        FailureKind::NoResolver
    );
    assert!(
        records[0].reason.contains("no answer within 800ms"),
        "{}",
        records[0].reason
    );
    assert_eq!(summary.coverage.not_attempted, 5);
    assert!(
        began.elapsed() < Duration::from_millis(1600),
        "{:?}",
        began.elapsed()
    );
}

/// A network beside silent names is finished before the first of them.
#[tokio::test(flavor = "multi_thread")]
async fn silent_names_delay_no_address() {
    let names = NameServer::start().await;
    let config = names.config().with(|config| {
        config.timeout = Duration::from_secs(20);
        config.order = Order::Seeded(1);
        config.concurrency = 16;
        config.keep_all = true;
    });
    let specs: Vec<String> = (0..200)
        .map(|number| format!("n{number}-silent.example:6443"))
        .chain(["127.88.0.0/24 ports=9".to_owned()])
        .collect();
    let began = Instant::now();
    let mut scan = Scanner::new(config).unwrap().scan(targets(&specs));
    for _ in 0..256 {
        let record = scan.next().await.unwrap();
        assert_eq!(record.failure.unwrap().kind, FailureKind::Refused);
    }
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}
