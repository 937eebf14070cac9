//! `--http2` gives the same verdicts as HTTP/1.1.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use kubeknock::config::ScanConfig;
use kubeknock::model::{EndpointReport, FailureKind, Verdict};
use kubeknock::simulator::{self, Scenario};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::byhand::{ByHand, Then, acceptor, default_cluster, listen, speak, whole};
use crate::support::{config, knock, serve};

fn http2() -> ScanConfig {
    config().with(|config| {
        config.http2 = true;
        config.retries = 0;
    })
}

/// What a server does after agreeing on HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Speaks HTTP/1.1 instead.
    Http11,
    /// Closes.
    Closes,
    /// Resets each request with this error code.
    Resets(h2::Reason),
    /// Answers one request and sends GOAWAY for the next.
    GoesAway,
    /// Sends the head of a response and then resets the stream.
    CutsShort,
}

/// A default cluster over HTTP/1.1 and HTTP/2, the latter with this behaviour.
async fn server(how: How) -> ByHand {
    let tls = acceptor(&[b"h2", b"http/1.1"]);
    listen(move |stream, _, server| {
        let tls = tls.clone();
        async move {
            let Ok(mut stream) = tls.accept(stream).await else {
                return;
            };
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            match how {
                How::Closes if http2 => {}
                How::Resets(_) | How::GoesAway | How::CutsShort if http2 => {
                    over_http2(stream, how).await;
                }
                _ => drop(speak(&mut stream, &server, &in_http11).await),
            }
        }
    })
    .await
}

fn in_http11(path: &str) -> (Vec<u8>, Then) {
    let (head, body) = default_cluster(path);
    (whole(&head, &body), Then::Continue)
}

async fn over_http2(stream: TlsStream<TcpStream>, how: How) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let mut answered = false;
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        match how {
            How::Resets(reason) => respond.send_reset(reason),
            _ if answered => connection.abrupt_shutdown(h2::Reason::NO_ERROR),
            _ => {
                let (head, body) = default_cluster(request.uri().path());
                let mut lines = head.lines();
                let status = lines
                    .next()
                    .and_then(|line| line.split(' ').nth(1))
                    .unwrap();
                let headers = lines.filter_map(|line| line.split_once(": "));
                let response = headers.fold(
                    Response::builder().status(status),
                    |response, (name, value)| response.header(name, value),
                );
                let mut sender = respond
                    .send_response(response.body(()).unwrap(), false)
                    .unwrap();
                if how == How::CutsShort {
                    sender
                        .send_data(Bytes::from(body).slice(..1), false)
                        .unwrap();
                    // Later, so that the client reads the head first.
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        sender.send_reset(h2::Reason::INTERNAL_ERROR);
                    });
                } else {
                    sender.send_data(Bytes::from(body), true).unwrap();
                    answered = true;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_failures_fall_back_to_http11() {
    for how in [
        How::Http11,
        How::Closes,
        How::Resets(h2::Reason::HTTP_1_1_REQUIRED),
        How::Resets(h2::Reason::INTERNAL_ERROR),
        How::Resets(h2::Reason::REFUSED_STREAM),
        How::CutsShort,
    ] {
        let server = server(how).await;
        let record = knock(http2(), &server.address.to_string()).await;
        assert_eq!(
            record.verdict,
            Verdict::Forbidden,
            "{how:?}: {}",
            record.reason
        );
        assert_eq!(
            server.connections(),
            2,
            "{how:?}: once, and not for each request"
        );
    }
}

/// A request that was too late for its connection is repeated on the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_closes_during_a_request_loses_no_answer() {
    let server = server(How::GoesAway).await;
    let record = knock(http2(), &server.address.to_string()).await;
    assert_eq!(
        (record.verdict, record.requests.len()),
        (Verdict::Forbidden, 3),
        "{}",
        record.reason
    );
    let versions = record
        .requests
        .iter()
        .map(|request| request.exchange.outcome.as_ref().unwrap().http_version());
    assert!(
        versions.clone().all(|version| version == "HTTP/2.0"),
        "{:?}",
        versions.collect::<Vec<_>>()
    );
    assert_eq!(server.connections(), 3);
}

/// The parts of a record that the verdict rests on.
fn told(record: &EndpointReport) -> (Verdict, Option<FailureKind>, Vec<&str>, bool) {
    let open = record
        .grants
        .iter()
        .map(|grant| grant.path.as_str())
        .collect();
    let named = record
        .identification
        .as_ref()
        .is_some_and(|who| who.kubernetes);
    (
        record.verdict,
        record.failure.as_ref().map(|failure| failure.kind),
        open,
        named,
    )
}

/// Every simulated server, and those that require a client certificate in both versions of TLS.
#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_gets_the_same_result_over_http2() {
    let wanting = |version: &str| {
        let text = "name = 'x'\nabout = ''\nsource = ''\nexpect = 'unreachable'\nextends = 'etcd'";
        Arc::new(Scenario::parse(text).unwrap().with_tls_version(version))
    };
    let all = simulator::scenarios()
        .filter(|scenario| !scenario.plain_http())
        .cloned();
    for scenario in all.chain([wanting("1.2"), wanting("1.3")]) {
        let server = serve(Arc::clone(&scenario)).await;
        let address = server.address().to_string();
        let timeout = Duration::from_secs(1);
        let [one, two] = [false, true].map(|http2| {
            config().with(|config| {
                config.http2 = http2;
                config.retries = 0;
                config.timeout = timeout;
            })
        });
        let (one, two) = (knock(one, &address).await, knock(two, &address).await);
        assert_eq!(
            told(&two),
            told(&one),
            "{}: {}; {}",
            scenario.name,
            two.reason,
            one.reason
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_client_certificate_is_reported() {
    for version in ["1.2", "1.3"] {
        let text = "name = 'x'\nabout = ''\nsource = ''\nexpect = 'unreachable'\nextends = 'etcd'";
        let server = serve(Arc::new(
            Scenario::parse(text).unwrap().with_tls_version(version),
        ))
        .await;
        let address = server.address().to_string();
        let record = knock(http2(), &address).await;
        let failure = record
            .failure
            .or_else(|| record.requests[0].exchange.outcome.clone().err())
            .unwrap();
        assert_eq!(
            failure.kind,
            FailureKind::ClientCertificateRequired,
            "TLS {version}: {failure}"
        );
        let over_http11 = knock(http2().with(|config| config.http2 = false), &address).await;
        assert_eq!(record.connections, over_http11.connections, "TLS {version}");
    }
}
