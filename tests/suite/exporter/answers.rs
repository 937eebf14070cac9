//! What a scrape gets.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::{Answer, Exporter};
use crate::carried::{serve, serve_at, silence};
use crate::skip::without;
use crate::support::{ANY, closed_port, start, stderr, stdout};

/// What `promtool check metrics` has to say.
fn check(metrics: &str) {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        return without("promtool", "promtool check metrics");
    };
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(metrics.as_bytes()).unwrap();
    drop(input);
    let output = promtool.wait_with_output().unwrap();
    let said = stdout(&output) + &stderr(&output);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

fn assert_values(answer: &Answer, expected: &[(&str, f64)]) {
    assert_eq!(answer.status, 200, "{answer:?}");
    for (series, value) in expected {
        let found = answer.value(&format!("kubeknock_{series}"));
        assert_eq!(found, Some(*value), "{series}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_is_one_probe_with_one_connection() {
    let server = start("exposed").await;
    let folder = tempfile::tempdir().unwrap();
    let target = format!("{} name=prod expect=rejected", server.address());
    let exporter = Exporter::start(folder.path(), &[&target]);
    let answer = exporter.probe("prod");
    assert_values(
        &answer,
        &[
            ("probe_success", 1.0),
            ("probe_timed_out", 0.0),
            ("probe_must_answer", 1.0),
            ("probe_age_seconds", 0.0),
            ("verdict{verdict=\"exposed\"}", 1.0),
            ("verdict{verdict=\"rejected\"}", 0.0),
            ("probe_endpoints{verdict=\"exposed\"}", 1.0),
            ("as_expected", 0.0),
            ("verdict_accepted", 0.0),
        ],
    );
    assert!(
        answer
            .value("kubeknock_grants{grade=\"discovery\"}")
            .unwrap()
            > 0.0
    );
    for name in [
        "certificate_not_after_timestamp_seconds",
        "duration_seconds",
    ] {
        assert!(answer.value(&format!("kubeknock_probe_{name}")).unwrap() > 0.0);
    }
    for stage in ["connect", "tls", "requests"] {
        let series = format!("kubeknock_probe_stage_duration_seconds{{stage=\"{stage}\"}}");
        assert!(answer.value(&series).is_some(), "{stage}");
    }
    for text in [
        "kubeknock_server_info{component=\"kube-apiserver\",",
        "kubeknock_probe_findings{severity=\"high\",rule=\"",
    ] {
        assert!(answer.body.contains(text), "{text}: {}", answer.body);
    }
    assert_eq!(server.stats().connections(), 1);
    check(&answer.body);
    check(&exporter.get("/metrics").body);

    let again = exporter.probe("prod");
    assert!(again.value("kubeknock_probe_age_seconds").unwrap() > 0.0);
    assert!(again.head.contains("\r\nage: "), "{}", again.head);
    assert_eq!(
        (again.verdict(), server.stats().connections()),
        (Some("exposed"), 1)
    );
    assert_eq!(exporter.own("scrapes_total{result=\"again\"}"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_interval_every_scrape_probes() {
    let server = start("default").await;
    let folder = tempfile::tempdir().unwrap();
    let target = server.address().to_string();
    let exporter = Exporter::start(folder.path(), &[&target, "--min-interval", "0s"]);
    for connections in 1..=3 {
        let answer = exporter.probe(&target);
        assert_eq!(answer.verdict(), Some("forbidden"));
        assert_eq!(server.stats().connections(), connections);
        assert!(
            answer.value("kubeknock_as_expected").is_none(),
            "nothing is expected"
        );
    }
}

/// The settings of a scan hold: expectations, accepted findings, severities.
#[tokio::test(flavor = "multi_thread")]
async fn the_settings_file_decides_about_findings_and_deep_probes() {
    let server = start("exposed").await;
    let folder = tempfile::tempdir().unwrap();
    let target = server.address().to_string();
    let settings = folder.path().join("kubeknock.toml");
    let accept = "[[accept]]\nrule = \"*\"\nat-most = \"critical\"\ntarget = \"*\"\nreason = \"r\"\nowner = \"o\"\n\
        expires = 2999-01-01\n[[expect]]\ntarget = \"*\"\nverdict = \"exposed\"\n[scan]\ndeep = true\n";
    fs::write(&settings, accept).unwrap();
    let exporter = Exporter::start(folder.path(), &[&target]);
    let plain = exporter.probe(&target);
    assert_values(&plain, &[("as_expected", 1.0), ("verdict_accepted", 1.0)]);
    assert!(
        !plain.body.contains("kubeknock_probe_findings{"),
        "{}",
        plain.body
    );
    let requests = server.stats().requests();
    let deep = format!("/probe?target={target}&module=deep");
    assert_eq!(exporter.get(&deep).status, 404, "it is not allowed yet");
    drop(exporter);

    fs::write(&settings, format!("{accept}[exporter]\ndeep = true\n")).unwrap();
    let exporter = Exporter::start(folder.path(), &[&target]);
    assert_eq!(exporter.get(&deep).verdict(), Some("exposed"));
    assert!(server.stats().requests() > requests * 3, "it requests more");
    let unknown = exporter.get(&format!("/probe?target={target}&module=deeper"));
    assert_eq!(unknown.status, 404);
}

/// An acceptance covers the ports that it names, and no other with the same verdict.
#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_is_accepted_if_it_is_at_each_port() {
    let (first, second) = (start("exposed").await, start("exposed").await);
    let ports = [first.address().port(), second.address().port()];
    let target = format!("127.0.0.1 name=pair ports={},{}", ports[0], ports[1]);
    let folder = tempfile::tempdir().unwrap();
    for (accepted_ports, accepted) in [(&ports[..1], 0.0), (&ports[1..], 0.0), (&ports[..], 1.0)] {
        let accept = |port: &u16| {
            format!(
                "[[accept]]\nrule = \"*\"\nat-most = \"critical\"\ntarget = \"127.0.0.1:{port}\"\nreason = \"r\"\n\
                 owner = \"o\"\nexpires = 2999-01-01\n"
            )
        };
        let settings: String = accepted_ports.iter().map(accept).collect();
        fs::write(folder.path().join("kubeknock.toml"), settings).unwrap();
        let exporter = Exporter::start(folder.path(), &[&target]);
        let answer = exporter.probe("pair");
        assert_values(
            &answer,
            &[
                ("probe_endpoints{verdict=\"exposed\"}", 2.0),
                ("verdict_accepted", accepted),
            ],
        );
    }
}

/// A name server that knows one address for every name. The address can change, lookups of IPv6 addresses can fail, and
/// queries are counted.
struct NameServer {
    fails: Arc<AtomicBool>,
    address: SocketAddr,
    answer: Arc<AtomicU8>,
    queries: Arc<AtomicU8>,
}

impl NameServer {
    /// Starts it. It answers with 127.0.0.1.
    fn start() -> Self {
        let socket = UdpSocket::bind(ANY).unwrap();
        let server = Self {
            address: socket.local_addr().unwrap(),
            answer: Arc::new(AtomicU8::new(1)),
            queries: Arc::default(),
            fails: Arc::default(),
        };
        let fails = Arc::clone(&server.fails);
        let (last, queries) = (Arc::clone(&server.answer), Arc::clone(&server.queries));
        std::thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                let mut message = query[..length].to_vec();
                message[2] |= 0x80;
                // The type of the question, before its class at the end.
                if message[length - 4..length - 2] == [0, 1] {
                    queries.fetch_add(1, Ordering::Relaxed);
                    message[7] = 1;
                    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0]);
                    message.push(last.load(Ordering::Relaxed));
                } else if fails.load(Ordering::Relaxed) {
                    message[3] |= 2;
                }
                let _ = socket.send_to(&message, from);
            }
        });
        server
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_probe_looks_its_name_up_once() {
    let first = start("rejecting").await;
    let port = first.address().port();
    let second = SocketAddr::from(([127, 0, 0, 2], port));
    let scenario = kubeknock::simulator::scenario("exposed").unwrap();
    let second = kubeknock::simulator::start(scenario, second).await.unwrap();
    let names = NameServer::start();
    let folder = tempfile::tempdir().unwrap();
    let exporter = Exporter::start(
        folder.path(),
        &[
            &format!("api.example ports={port},{} name=api", closed_port().port()),
            "--min-interval=0s",
            "--allow-special",
            "--resolver",
            &names.address.to_string(),
        ],
    );
    assert_eq!(exporter.probe("api").verdict(), Some("rejected"));
    assert_eq!(names.queries.load(Ordering::Relaxed), 1, "both ports");
    names.answer.store(2, Ordering::Relaxed);
    assert_eq!(exporter.probe("api").verdict(), Some("exposed"));
    assert_eq!(names.queries.load(Ordering::Relaxed), 2);
    drop(second);
}

/// As long as a port has no verdict that had one, the others do not say that nothing is open.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_had_a_verdict_must_have_one() {
    let open = serve_at("exposed", "127.0.18.1").await;
    let address = open.address();
    let other = SocketAddr::new(address.ip(), closed_port().port());
    let target = format!(
        "{} name=pair ports={},{}",
        address.ip(),
        address.port(),
        other.port()
    );
    let folder = tempfile::tempdir().unwrap();
    let exporter = Exporter::start(
        folder.path(),
        &[&target, "--min-interval=0s", "--retries=0"],
    );
    let says = |verdict: &str, success: f64, answers: &[SocketAddr]| {
        let answer = exporter.probe("pair");
        assert_eq!(answer.verdict(), Some(verdict), "{}", answer.body);
        assert_values(&answer, &[("probe_success", success)]);
        for endpoint in [address, other] {
            let series = format!("kubeknock_probe_endpoint_answers{{address=\"{endpoint}\"}}");
            let expected = answers.contains(&endpoint).then_some(1.0);
            assert_eq!(answer.value(&series), expected, "{}", answer.body);
        }
    };
    says("exposed", 1.0, &[address]); // Nobody uses the other port.
    let second = serve("rejecting", other).await;
    says("exposed", 1.0, &[address, other]);
    drop(open);
    silence(address).await;
    says("rejected", 0.0, &[other]);
    let page = exporter.get("/").body;
    let lost = format!("no verdict any more: {address}<");
    assert!(page.contains(&lost), "{page}");
    drop(second);
    says("unreachable", 0.0, &[]);
    let open = serve("exposed", address).await;
    says("exposed", 0.0, &[address]); // What is open counts, whatever else is away.
    drop(open);
    silence(address).await;
    let (_first, _second) = (
        serve("rejecting", address).await,
        serve("rejecting", other).await,
    );
    says("rejected", 1.0, &[address, other]);
    assert!(!exporter.get("/").body.contains("no verdict any more"));
}

/// An address that a name no longer leads to is not missed, unless the lookup failed.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_cannot_be_looked_up_is_missed() {
    let second = serve_at("rejecting", "127.0.0.2").await;
    let port = second.address().port();
    let _third = serve("rejecting", SocketAddr::from(([127, 0, 0, 3], port))).await;
    let names = NameServer::start();
    let folder = tempfile::tempdir().unwrap();
    let resolver = names.address.to_string();
    let exporter = Exporter::start(
        folder.path(),
        &[
            &format!("api.example:{port} name=api"),
            "--min-interval=0s",
            "--retries=0",
            "--allow-special",
            "--resolver",
            &resolver,
        ],
    );
    for (address, fails, success, second) in [
        (2, false, 1.0, Some(1.0)),
        (3, true, 0.0, None),
        (3, false, 1.0, Some(0.0)), // It has left.
        (2, false, 1.0, Some(1.0)),
    ] {
        names.answer.store(address, Ordering::Relaxed);
        names.fails.store(fails, Ordering::Relaxed);
        let answer = exporter.probe("api");
        assert_eq!(answer.verdict(), Some("rejected"), "{}", answer.body);
        assert_values(&answer, &[("probe_success", success)]);
        let series = format!("kubeknock_probe_endpoint_answers{{address=\"127.0.0.2:{port}\"}}");
        assert_eq!(answer.value(&series), second, "{}", answer.body);
    }
}

/// A port that the list has no more is told as such, so that it is not missed.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_left_the_list_is_not_missed() {
    let (open, closed) = (start("exposed").await, start("rejecting").await);
    let [open, closed] = [&open, &closed].map(|server| server.address().port());
    let folder = tempfile::tempdir().unwrap();
    let list = |ports: &str| {
        let line = format!("127.0.0.1 name=pair ports={ports}\n");
        fs::write(folder.path().join("list"), line).unwrap();
    };
    list(&format!("{open},{closed}"));
    let exporter = Exporter::start(folder.path(), &["-f", "list", "--min-interval=0s"]);
    assert_eq!(exporter.probe("pair").verdict(), Some("exposed"));
    list(&closed.to_string());
    let answer = super::wait_for("the new list", || {
        let answer = exporter.probe("pair");
        (answer.verdict() == Some("rejected")).then_some(answer)
    });
    let answers = |port| format!("probe_endpoint_answers{{address=\"127.0.0.1:{port}\"}}");
    assert_values(
        &answer,
        &[
            ("probe_success", 1.0),
            (&answers(open), 0.0),
            (&answers(closed), 1.0),
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verdict_is_no_success() {
    let front = start("basic-401").await;
    let folder = tempfile::tempdir().unwrap();
    let closed = closed_port();
    let targets = [
        format!("{closed} name=closed"),
        format!("{} name=front", front.address()),
        format!("localhost:{} name=excluded", front.address().port()),
    ];
    let mut args: Vec<&str> = targets.iter().map(String::as_str).collect();
    args.extend(["--exclude", "127.0.0.1", "--exclude", "::1"]);
    let exporter = Exporter::start(folder.path(), &args[..2]);
    for (name, verdict) in [("closed", "unreachable"), ("front", "not-api-server")] {
        let answer = exporter.probe(name);
        assert_eq!(answer.verdict(), Some(verdict), "{}", answer.body);
        assert_values(&answer, &[("probe_success", 0.0)]);
    }
    // A name whose addresses are all excluded is not asked.
    let before = front.stats().connections();
    let exporter = Exporter::start(folder.path(), &args[2..]);
    let answer = exporter.probe("excluded");
    assert_values(&answer, &[("probe_success", 0.0)]);
    assert_eq!(
        (answer.verdict(), front.stats().connections()),
        (None, before)
    );
}
