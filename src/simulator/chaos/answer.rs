//! Answers of an API server, damaged: in their head, in their body, and in how they end.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Draws;

/// What one connection does to each of its answers.
#[derive(Debug)]
pub(super) struct Manner {
    head: Option<usize>,
    body: Option<usize>,
    end: usize,
}

/// What is wrong with a head: a name, and what it does with the lines.
type Head = (&'static str, fn(&mut Vec<String>, &mut Draws));
/// What is wrong with a body.
type Body = (&'static str, fn(&mut Vec<u8>, &mut Draws));

const HEADS: [Head; 24] = [
    ("two lengths that differ", |lines, _| {
        lines.push("Content-Length: 3".to_owned());
    }),
    ("a negative length", |lines, _| {
        set(lines, "Content-Length", "-1");
    }),
    ("a length beyond all bounds", |lines, _| {
        set(lines, "Content-Length", "99999999999999999999");
    }),
    ("a length of many gigabytes", |lines, _| {
        set(lines, "Content-Length", "99999999999");
    }),
    ("two lengths in one", |lines, _| {
        set(lines, "Content-Length", "5, 5");
    }),
    ("no length", |lines, _| {
        lines.retain(|line| !line.starts_with("Content-Length"));
    }),
    ("chunks announced and none sent", |lines, _| {
        set(lines, "Transfer-Encoding", "chunked");
    }),
    ("chunks and a length", |lines, _| {
        lines.push("Transfer-Encoding: chunked".to_owned());
    }),
    ("an unknown transfer encoding", |lines, _| {
        set(lines, "Transfer-Encoding", "xyzzy, chunked");
    }),
    ("a header without a colon", |lines, _| {
        lines.push("X-Broken".to_owned());
    }),
    ("a NUL in a header", |lines, _| {
        lines.push("X-Nul: a\0b".to_owned());
    }),
    ("bytes that are no text in a header", |lines, _| {
        lines.push("Server: \u{80}\u{9b}31m\u{202e}".to_owned());
    }),
    ("a folded header", |lines, _| {
        lines.push("X-Folded: a\r\n b\r\n\tc".to_owned());
    }),
    ("a space before the colon", |lines, _| {
        lines.push("X-Space : a".to_owned());
    }),
    ("five hundred headers", |lines, _| {
        lines.extend((0..500).map(|number| format!("X-{number}: {number}")));
    }),
    ("a header of 100 KB", |lines, _| {
        lines.push(format!("X-Long: {}", "a".repeat(100_000)));
    }),
    ("every header twice", |lines, _| {
        lines.extend(lines[1..].to_vec());
    }),
    ("a hundred interim answers", |lines, _| {
        lines[0] = format!(
            "{}{}",
            "HTTP/1.1 100 Continue\r\n\r\n".repeat(100),
            lines[0]
        );
    }),
    ("another protocol", |lines, _| {
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c".clone_into(&mut lines[0]);
    }),
    ("an unknown version", |lines, draws| {
        lines[0] = lines[0].replace("1.1", &format!("{}.7", draws.below(9)));
    }),
    ("an unknown status", |lines, draws| {
        lines[0] = format!("HTTP/1.1 {} Odd", draws.below(1200));
    }),
    ("no status", |lines, _| "HTTP/1.1".clone_into(&mut lines[0])),
    ("a redirect", |lines, _| {
        "HTTP/1.1 307 Temporary Redirect".clone_into(&mut lines[0]);
        lines.push("Location: https://198.51.100.66/version".to_owned());
    }),
    ("a long pause asked for", |lines, _| {
        "HTTP/1.1 429 Too Many Requests".clone_into(&mut lines[0]);
        lines.push("Retry-After: 99999999999".to_owned());
    }),
];

const BODIES: [Body; 12] = [
    ("nothing", |body, _| body.clear()),
    ("a torn body", |body, draws| {
        body.truncate(draws.below(body.len() + 1));
    }),
    ("a body behind a body", |body, _| {
        body.extend_from_within(..);
    }),
    ("one byte of the body flipped", |body, draws| {
        let place = draws.below(body.len().max(1));
        if let Some(byte) = body.get_mut(place) {
            *byte ^= 0x04;
        }
    }),
    ("a body that is no text", |body, draws| {
        for byte in body {
            *byte ^= draws.next().to_le_bytes()[0];
        }
    }),
    ("JSON without end", |body, _| {
        *body = b"{\"a\":".repeat(20_000);
    }),
    ("deep JSON", |body, _| {
        *body = [b"[".repeat(30_000), b"]".repeat(30_000)].concat();
    }),
    ("JSON with keys twice", |body, _| {
        let twice = String::from_utf8_lossy(body).replace('{', r#"{"kind":"Status","kind":"Pod","#);
        *body = twice.into_bytes();
    }),
    ("a megabyte", |body, _| {
        *body = b"0123456789abcdef".repeat(65_536);
    }),
    ("a byte order mark", |body, _| {
        drop(body.splice(..0, *b"\xef\xbb\xbf"));
    }),
    ("UTF-16", |body, _| {
        *body = body.iter().flat_map(|byte| [*byte, 0]).collect();
    }),
    ("control characters", |body, _| {
        body.extend_from_slice(b"\x1b]0;owned\x07\x1b[2J\xe2\x80\xae");
    }),
];

/// How an answer ends.
const ENDS: [&str; 8] = [
    "then waits for more",
    "then closes",
    "then hangs",
    "before it is asked again, another answer",
    "dripping",
    "without an end to the head",
    "without an end to the body",
    "torn off",
];

impl Manner {
    pub(super) fn draw(draws: &mut Draws) -> Self {
        let head = (draws.below(3) > 0).then(|| draws.below(HEADS.len()));
        let body = (draws.below(3) == 0).then(|| draws.below(BODIES.len()));
        // Most go on: the requests that follow have something to go wrong as well.
        let end = if draws.below(2) == 0 {
            0
        } else {
            draws.below(ENDS.len())
        };
        Self { head, body, end }
    }

    pub(super) fn name(&self) -> String {
        let head = self.head.map(|at| HEADS[at].0);
        let body = self.body.map(|at| BODIES[at].0);
        [head, body, Some(ENDS[self.end])]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Answers one request; an error ends the connection.
    pub(super) async fn answer<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        method: &str,
        path: &str,
        draws: &mut Draws,
    ) -> io::Result<()> {
        let bytes = self.bytes(method, path, draws);
        match ENDS[self.end] {
            "then closes" => {
                stream.write_all(&bytes).await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            "then hangs" => {
                stream.write_all(&bytes[..bytes.len() / 2]).await?;
                stream.flush().await?;
                std::future::pending().await
            }
            "before it is asked again, another answer" => stream.write_all(&bytes.repeat(2)).await,
            "dripping" => {
                for drop in bytes.chunks(1 + draws.below(30)) {
                    stream.write_all(drop).await?;
                    stream.flush().await?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok(())
            }
            "without an end to the head" => loop {
                stream
                    .write_all(&b"X-Filler: the headers of this answer never end\r\n".repeat(100))
                    .await?;
            },
            "without an end to the body" => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
                    .await?;
                loop {
                    stream.write_all(&bytes).await?;
                }
            }
            "torn off" => {
                stream.write_all(&bytes[..draws.below(bytes.len())]).await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            _ => stream.write_all(&bytes).await,
        }
    }

    /// The whole answer with what is wrong in it.
    fn bytes(&self, method: &str, path: &str, draws: &mut Draws) -> Vec<u8> {
        let (status, media, body) = ordinary(path, draws);
        let mut body = body.into_bytes();
        if let Some(at) = self.body {
            BODIES[at].1(&mut body, draws);
        }
        let mut lines = vec![
            format!("HTTP/1.1 {status}"),
            format!("Content-Type: {media}"),
            format!("Content-Length: {}", body.len()),
        ];
        // An API server's mark on a text 404 would say that it came through authorization.
        if media == "application/json" {
            lines.push("Audit-Id: 0a4e8d2c-5b1f-4a39-9a2e-0d6f3a1b2c3d".to_owned());
            lines.push("X-Content-Type-Options: nosniff".to_owned());
        }
        if let Some(at) = self.head {
            HEADS[at].1(&mut lines, draws);
        }
        let mut bytes = lines.join("\r\n").into_bytes();
        bytes.extend_from_slice(b"\r\n\r\n");
        if method != "HEAD" {
            bytes.extend_from_slice(&body);
        }
        bytes
    }
}

/// What is there to be damaged: what servers say that grant nothing.
fn ordinary(path: &str, draws: &mut Draws) -> (&'static str, &'static str, String) {
    let status = |code: u16, reason: &str, message: &str| {
        let message = message.replace('"', "\\\"");
        format!(
            r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"{message}","reason":"{reason}","code":{code}}}"#
        )
    };
    let refused = format!("forbidden: User \"system:anonymous\" cannot get path \"{path}\"");
    match draws.below(6) {
        0 => (
            "403 Forbidden",
            "application/json",
            status(403, "Forbidden", &refused),
        ),
        1 => (
            "404 Not Found",
            "text/plain; charset=utf-8",
            "404 page not found\n".to_owned(),
        ),
        2 => (
            "503 Service Unavailable",
            "text/html",
            "<html><body>503</body></html>".to_owned(),
        ),
        3 => (
            "500 Internal Server Error",
            "application/json",
            status(500, "InternalError", "authorizer"),
        ),
        _ => (
            "401 Unauthorized",
            "application/json",
            status(401, "Unauthorized", "Unauthorized"),
        ),
    }
}

/// Sets a header in place of the one of its name.
fn set(lines: &mut Vec<String>, name: &str, value: &str) {
    lines.retain(|line| !line.starts_with(name));
    lines.push(format!("{name}: {value}"));
}
