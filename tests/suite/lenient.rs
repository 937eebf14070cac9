//! Responses that curl and browsers accept are accepted. Responses that two readers could read differently are
//! rejected.

use kubeknock::model::{Access, EndpointReport, FailureKind, Stage, Verdict};

use crate::byhand::{Then, default_cluster, over_tls, whole};
use crate::support::{config, knock};

/// The record of a default API server whose responses are built like this.
async fn told(
    answer: impl Fn(&str, &str) -> (Vec<u8>, Then) + Send + Sync + 'static,
) -> EndpointReport {
    let server = over_tls(move |path| {
        let (head, body) = default_cluster(path);
        answer(&head, &body)
    })
    .await;
    knock(
        config().with(|config| config.retries = 0),
        &server.address.to_string(),
    )
    .await
}

/// The record of a server that adds these header lines.
async fn with(lines: &str) -> EndpointReport {
    let lines = lines.to_owned();
    told(move |head, body| (whole(&format!("{head}{lines}"), body), Then::Continue)).await
}

fn chunked(head: &str, body: &str) -> Vec<u8> {
    let (first, rest) = body.split_at(1);
    format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
        rest.len()
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_headers_are_ignored() {
    let many = "X-Header: 1\r\n".repeat(120);
    for lines in [
        "Content-Security-Policy: default-src self;\r\n  img-src *\r\n",
        "X-Powered-By : x\r\n",
        "X-Foo(bar): 1\r\n",
        "a line without a colon\r\n",
        "X-Control: \u{1b}[31m\r\n",
        "X-Bare-Line-Feed: 1\n",
        &many,
    ] {
        let record = with(lines).await;
        assert_eq!(
            record.verdict,
            Verdict::Forbidden,
            "{lines:?}: {}",
            record.reason
        );
        assert_eq!(
            (record.connections, record.requests.len()),
            (1, 3),
            "{lines:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folded_headers_and_headers_with_a_space_keep_their_values() {
    for (lines, value) in [
        (
            "Strict-Transport-Security: max-age=1;\r\n  preload\r\n",
            "preload",
        ),
        ("Strict-Transport-Security : max-age=2\r\n", "max-age=2"),
    ] {
        let record = with(lines).await;
        let reply = record.requests[0].exchange.outcome.as_ref().unwrap();
        let read = reply
            .header("strict-transport-security")
            .unwrap_or_default();
        assert!(read.ends_with(value), "{lines:?}: {read:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http10_with_chunks_is_read_and_its_connection_is_not_reused() {
    let record = told(|head, body| {
        (
            chunked(&head.replace("HTTP/1.1", "HTTP/1.0"), body),
            Then::Continue,
        )
    })
    .await;
    assert_eq!(record.verdict, Verdict::Forbidden, "{}", record.reason);
    assert_eq!((record.connections, record.requests.len()), (3, 3));
    for request in &record.requests {
        let reply = request.exchange.outcome.as_ref().unwrap();
        assert_eq!(reply.http_version(), "HTTP/1.0");
    }
    // Without chunks the connection is reused if both sides agree.
    let record = told(|head, body| {
        let head = head.replace("HTTP/1.1", "HTTP/1.0");
        (
            whole(&format!("{head}Connection: Keep-Alive\r\n"), body),
            Then::Continue,
        )
    })
    .await;
    assert_eq!(
        (record.verdict, record.connections),
        (Verdict::Forbidden, 1),
        "{}",
        record.reason
    );
}

/// The length or the last chunk shows whether a body is complete. A body that ends with the connection is complete
/// when it closes.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_closed_without_close_notify_is_closed() {
    for form in ["length", "chunks", "connection"] {
        let record = told(move |head, body| {
            let answer = match form {
                "length" => whole(head, body),
                "chunks" => chunked(head, body),
                _ => format!("{head}\r\n{body}").into_bytes(),
            };
            (answer, Then::Drop)
        })
        .await;
        assert_eq!(
            record.verdict,
            Verdict::Forbidden,
            "{form}: {}",
            record.reason
        );
        assert_eq!(record.requests.len(), 3, "{form}");
    }
    // A truncated response is not an answer, however the connection ended.
    for end in [Then::Drop, Then::Close] {
        let record = told(move |head, body| {
            let answer = whole(head, body);
            (answer[..answer.len() - 1].to_vec(), end)
        })
        .await;
        assert!(
            !record.verdict.is_conclusive(),
            "{}: {}",
            record.verdict,
            record.reason
        );
        assert!(
            record.reason.contains("body: closed without an answer"),
            "{}",
            record.reason
        );
    }
}

/// A proxy in between may have seen another response.
#[tokio::test(flavor = "multi_thread")]
async fn a_response_with_ambiguous_framing_is_rejected() {
    for (lines, said) in [
        ("Content-Length: 1\r\n", "an invalid Content-Length"),
        (
            "Content-Length : 1\r\n",
            "almost Content-Length or Transfer-Encoding",
        ),
        (
            "Transfer-Encoding: chunked\r\n",
            "both Content-Length and Transfer-Encoding",
        ),
        (
            "Transfer-Encoding : chunked\r\n",
            "almost Content-Length or Transfer-Encoding",
        ),
        (
            "Transfer-Encoding\u{b}: chunked\r\n",
            "almost Content-Length or Transfer-Encoding",
        ),
        (
            "X: y\r\n Transfer-Encoding: chunked\r\n",
            "almost Content-Length or Transfer-Encoding",
        ),
    ] {
        let record = with(lines).await;
        assert_eq!(
            record.verdict,
            Verdict::Unreachable,
            "{lines:?}: {}",
            record.reason
        );
        assert_eq!(
            record.failure.unwrap().kind,
            FailureKind::InvalidHttp,
            "{lines:?}"
        );
        assert!(record.reason.contains(said), "{lines:?}: {}", record.reason);
    }
    for coding in [
        "gzip, chunked",
        "identity",
        "chunked\r\nTransfer-Encoding: chunked",
    ] {
        let record = told(move |head, body| {
            let answer = String::from_utf8(chunked(head, body)).unwrap();
            (
                answer.replacen("chunked", coding, 1).into_bytes(),
                Then::Close,
            )
        })
        .await;
        assert_eq!(
            record.verdict,
            Verdict::Unreachable,
            "{coding:?}: {}",
            record.reason
        );
        assert!(
            record.reason.contains("Transfer-Encoding"),
            "{coding:?}: {}",
            record.reason
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_chunk_is_an_http_error() {
    let record = told(|head, _| {
        (
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{{\"kind\":").into_bytes(),
            Then::Continue,
        )
    })
    .await;
    assert!(
        !record.verdict.is_conclusive(),
        "{}: {}",
        record.verdict,
        record.reason
    );
    let broken = record.requests.iter().map(|request| &request.access);
    for access in broken {
        let Access::Failed(failure) = access else {
            panic!("{access:?}")
        };
        assert_eq!(
            (failure.stage, failure.kind),
            (Stage::Body, FailureKind::InvalidHttp),
            "{failure}"
        );
        assert!(failure.detail.contains("size of a chunk"), "{failure}");
    }
}
