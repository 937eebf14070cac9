//! Responses byte by byte.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// What a connection makes of these bytes, which arrive in pieces of this size and end with a close: a line for each
/// response, and the failure that ended them.
async fn read(responses: &[u8], piece: usize, method: Method) -> Vec<String> {
    let (near, mut far) = tokio::io::duplex(piece.max(64));
    let mut connection = Http1::new(near);
    let serve = async {
        let _ = far.read(&mut [0; 64]).await;
        for piece in responses.chunks(piece) {
            let _ = far.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        drop(far);
    };
    // Owns the connection, so that the peer does not wait for it.
    let receive = async move {
        connection.send(b"GET / HTTP/1.1\r\n\r\n").await;
        let mut lines = Vec::new();
        loop {
            match connection.receive(method, 8).await {
                Ok((head, body)) => {
                    lines.push(shown(&head, &body));
                    if connection.is_spent() {
                        break;
                    }
                }
                Err(failure) => {
                    lines.push(failure.to_string());
                    break;
                }
            }
        }
        lines
    };
    tokio::join!(serve, receive).1
}

fn shown(head: &Head, body: &Body) -> String {
    let text = String::from_utf8_lossy(body.bytes()).into_owned();
    let cut = if body.cut { " cut" } else { "" };
    let failure = body.failure.as_ref().map(ToString::to_string);
    let (status, version) = (head.status.as_u16(), head.version);
    format!(
        "{status} {version:?} {text:?}{cut}{}",
        failure.unwrap_or_default()
    )
}

/// The lines of [`read`], which must not depend on how the bytes arrive.
async fn lines(responses: &str) -> Vec<String> {
    let whole = read(responses.as_bytes(), 1 << 20, Method::Get).await;
    for piece in [1, 7] {
        let pieces = read(responses.as_bytes(), piece, Method::Get).await;
        assert_eq!(pieces, whole, "{responses:?} in pieces of {piece}");
    }
    whole
}

/// So many different headers.
fn header_lines(count: u32) -> String {
    let line = |number| format!("X-{number}: y\r\n");
    (0..count).map(line).collect::<Vec<_>>().concat()
}

const CLOSED: &str = "http: closed without an answer";

#[tokio::test]
async fn responses_are_read_in_order() {
    let three = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\
                 HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nno\r\n1\r\n!\r\n0\r\nT: t\r\n\r\n\
                 HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    let read = lines(three).await;
    assert_eq!(
        &read[..3],
        [
            "200 HTTP/1.1 \"ok\"",
            "403 HTTP/1.1 \"no!\"",
            "204 HTTP/1.1 \"\""
        ]
    );
    assert_eq!(read.len(), 4, "{read:?}");
}

#[tokio::test]
async fn http10_ends_with_the_connection_and_may_have_chunks() {
    let closes = "\r\nHTTP/1.0 200 OK\r\nServer: HTTP/1.1\r\n\r\nHTTP/1.0";
    assert_eq!(lines(closes).await, ["200 HTTP/1.0 \"HTTP/1.0\""]);
    let chunks = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    assert_eq!(lines(chunks).await, ["200 HTTP/1.0 \"ok\""]);
}

#[tokio::test]
async fn folded_lines_odd_names_and_unreadable_lines_are_accepted() {
    let head = "HTTP/1.1 200 OK\r\nX-A: b\r\n  c\r\nServer : x\r\n(no header)\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(lines(head).await[0], "200 HTTP/1.1 \"x\"");
    let many = header_lines(300);
    let head = format!("HTTP/1.1 200 OK\r\n{many}Content-Length: 1\r\n\r\nx");
    assert_eq!(lines(&head).await[0], "200 HTTP/1.1 \"x\"");
}

#[tokio::test]
async fn what_is_no_http_or_too_much_is_a_failure() {
    let large = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(MAX_HEAD));
    let provisional = "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n".repeat(2000);
    let headers = header_lines(600);
    let many = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
    for bytes in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        &large,
        &provisional,
        &many,
    ] {
        let read = lines(bytes).await;
        assert!(
            read.len() == 1 && read[0].starts_with("http: invalid HTTP ("),
            "{read:?}"
        );
    }
    for bytes in ["", "HTTP/1.1 200 OK\r\nX: y\r\n"] {
        assert_eq!(lines(bytes).await, [CLOSED]);
    }
}

/// Each way in which a head may be other than plain: names that only some readers take for that of a framing header.
#[tokio::test]
async fn a_header_that_is_almost_one_of_framing_is_rejected() {
    for line in [
        "Transfer-Encoding : chunked",
        "Transfer-Encoding!: chunked",
        "Transfer-Encoding\u{b}: chunked",
        "(Transfer-Encoding): chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "Content-Length~: 2",
    ] {
        let response =
            format!("HTTP/1.1 200 OK\r\nServer: x\r\n{line}\r\nContent-Length: 1\r\n\r\nx");
        let read = lines(&response).await;
        assert!(
            read[0].contains("almost Content-Length"),
            "{line:?}: {read:?}"
        );
    }
    for line in ["X-Foo!: y", "X: y\r\n z", "(no header)", "X_Y : z"] {
        let response = format!("HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: 1\r\n\r\nx");
        assert_eq!(lines(&response).await[0], "200 HTTP/1.1 \"x\"", "{line:?}");
    }
}

#[tokio::test]
async fn a_body_is_cut_at_its_limit_and_an_early_end_is_noted() {
    let of = |headers: &str, body: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}");
    for (response, expected) in [
        (of("Content-Length: 8", "12345678"), "\"12345678\""),
        (of("Content-Length: 9", "123456789"), "\"12345678\" cut"),
        (of("X: y", "123456789"), "\"12345678\" cut"),
        (
            of("Content-Length: 9", "1234"),
            "\"1234\"body: closed without an answer",
        ),
        (
            of("Transfer-Encoding: chunked", "9\r\n123456789\r\n0\r\n\r\n"),
            "\"12345678\" cut",
        ),
        (
            of("Transfer-Encoding: chunked", "4\r\n1234"),
            "\"1234\"body: closed without an answer",
        ),
        (
            of("Transfer-Encoding: chunked", "2\r\n1234\r\n0\r\n\r\n"),
            "\"12\"body: invalid HTTP (a chunk is longer than its size says)",
        ),
        (
            of("Transfer-Encoding: chunked", "x\r\n"),
            "\"\"body: invalid HTTP (the size of a chunk cannot be read)",
        ),
    ] {
        let read = lines(&response).await;
        assert_eq!(read[0], format!("200 HTTP/1.1 {expected}"), "{response:?}");
    }
}

#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    let two = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n";
    let read = read(two, 7, Method::Head).await;
    assert_eq!(read, ["200 HTTP/1.1 \"\"", "401 HTTP/1.1 \"\""]);
}

#[tokio::test]
async fn surplus_bytes_and_a_close_end_the_use_of_a_connection() {
    let response = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (more, closes, reusable, surplus) in [
        ("", false, true, false),
        ("", true, false, false),
        ("x", false, false, true),
    ] {
        let (near, mut far) = tokio::io::duplex(1024);
        let mut connection = Http1::new(near);
        far.write_all(format!("{response}{more}").as_bytes())
            .await
            .unwrap();
        let mut far = Some(far).filter(|_| !closes);
        connection.receive(Method::Get, 8).await.ok().unwrap();
        assert_eq!(connection.is_reusable(), reusable, "{more:?} {closes}");
        assert_eq!(connection.has_surplus(), surplus);
        far.take();
    }
}

/// Not every server waits for the end of a request before it answers and closes.
#[tokio::test]
async fn a_response_counts_even_if_the_request_could_not_be_sent() {
    let (near, far) = tokio::io::duplex(1024);
    let (mut ear, mut mouth) = tokio::io::split(far);
    drop(ear.read(&mut [0; 0]).await);
    mouth
        .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\nno")
        .await
        .unwrap();
    drop((ear, mouth));
    let mut connection = Http1::new(near);
    connection.send(b"GET / HTTP/1.1\r\n\r\n").await;
    assert!(connection.is_spent(), "the peer takes nothing more");
    let (head, _) = connection.receive(Method::Get, 8).await.ok().unwrap();
    assert_eq!(head.status, StatusCode::BAD_REQUEST);
    let failure = connection.receive(Method::Get, 8).await.err().unwrap();
    assert_eq!(failure.kind, FailureKind::Reset);
}
