//! Answers that curl and browsers read are read; where two readers may see two answers, none is.

use kubeknock::model::{Access, EndpointReport, FailureKind, Stage, Verdict};

use crate::byhand::{Then, default_cluster, over_tls, whole};
use crate::support::{config, knock};

/// What comes of a default API server whose answers are put together so.
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

/// With these lines among the headers.
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
async fn odd_headers_are_read_past() {
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

/// Their values count like any other's.
#[tokio::test(flavor = "multi_thread")]
async fn a_folded_header_and_one_with_a_space_have_values() {
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
async fn http10_with_chunks_is_read_and_its_connection_is_not_used_again() {
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
        assert_eq!(reply.version, http::Version::HTTP_10);
    }
    // Without chunks it goes on where both say so.
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

/// Whether the body is whole is known by its length or its last chunk; and where it ends with the
/// connection, that ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_without_a_farewell_has_ended() {
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
    // What is cut short is no answer, however it ended.
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

/// Whoever is in between may have seen another answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_ends_in_two_places_is_none() {
    for (lines, said) in [
        ("Content-Length: 1\r\n", "content-length"),
        ("Content-Length : 1\r\n", "content-length"),
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
async fn a_chunk_that_is_none_is_an_error_of_http() {
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
        assert!(failure.detail.contains("chunk size"), "{failure}");
    }
}
