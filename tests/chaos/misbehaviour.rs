//! Damaged responses of an API server: in the head, in the body, and at the end.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use fastrand::Rng;

/// How one connection damages each of its responses.
#[derive(Debug)]
pub(super) struct Misbehaviour {
    head: Option<usize>,
    body: Option<usize>,
    end: usize,
}

/// A damaged head: its name, and the change to the header lines.
type Head = (&'static str, fn(&mut Vec<String>, &mut Rng));
/// A damaged body: its name, and the change to the bytes.
type Body = (&'static str, fn(&mut Vec<u8>, &mut Rng));

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
    ("a header that is not text", |lines, _| {
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
    ("an unknown version", |lines, random| {
        lines[0] = lines[0].replace("1.1", &format!("{}.7", random.usize(..9)));
    }),
    ("an unknown status", |lines, random| {
        // One of these with an API server's headers is what that server answers to whom it lets through.
        let real = [200, 400, 404, 405, 406, 415];
        let status = random.usize(..1200);
        let status = if real.contains(&status) { 299 } else { status };
        lines[0] = format!("HTTP/1.1 {status} Odd");
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
    ("a truncated body", |body, random| {
        body.truncate(random.usize(..=body.len()));
    }),
    ("a body after the body", |body, _| {
        body.extend_from_within(..);
    }),
    ("one byte of the body flipped", |body, random| {
        let place = random.usize(..body.len().max(1));
        if let Some(byte) = body.get_mut(place) {
            *byte ^= 0x04;
        }
    }),
    ("a body that is not text", |body, random| {
        for byte in body {
            *byte ^= random.u8(..);
        }
    }),
    ("endless JSON", |body, _| {
        *body = b"{\"a\":".repeat(20_000);
    }),
    ("deep JSON", |body, _| {
        *body = [b"[".repeat(30_000), b"]".repeat(30_000)].concat();
    }),
    ("JSON with duplicate keys", |body, _| {
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

/// How a response ends.
const ENDS: [&str; 8] = [
    "then waits for more",
    "then closes",
    "then hangs",
    "then an unrequested response",
    "dripping",
    "with an endless head",
    "with an endless body",
    "truncated",
];

impl Misbehaviour {
    pub(super) fn choose(random: &mut Rng) -> Self {
        let head = (random.usize(..3) > 0).then(|| random.usize(..HEADS.len()));
        let body = (random.usize(..3) == 0).then(|| random.usize(..BODIES.len()));
        // Half of them continue, so that later requests can go wrong, too.
        let end = if random.usize(..2) == 0 {
            0
        } else {
            random.usize(..ENDS.len())
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
        random: &mut Rng,
    ) -> io::Result<()> {
        let bytes = self.bytes(method, path, random);
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
            "then an unrequested response" => stream.write_all(&bytes.repeat(2)).await,
            "dripping" => {
                for drop in bytes.chunks(1 + random.usize(..30)) {
                    stream.write_all(drop).await?;
                    stream.flush().await?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok(())
            }
            "with an endless head" => loop {
                stream
                    .write_all(&b"X-Filler: the headers of this answer never end\r\n".repeat(100))
                    .await?;
            },
            "with an endless body" => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
                    .await?;
                loop {
                    stream.write_all(&bytes).await?;
                }
            }
            "truncated" => {
                stream
                    .write_all(&bytes[..random.usize(..bytes.len())])
                    .await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            _ => stream.write_all(&bytes).await,
        }
    }

    /// The complete response with its damage.
    fn bytes(&self, method: &str, path: &str, random: &mut Rng) -> Vec<u8> {
        let (status, media, body) = ordinary(path, random);
        let mut body = body.into_bytes();
        if let Some(at) = self.body {
            BODIES[at].1(&mut body, random);
        }
        let mut lines = vec![
            format!("HTTP/1.1 {status}"),
            format!("Content-Type: {media}"),
            format!("Content-Length: {}", body.len()),
        ];
        // Not on a text 404: there, an API server's headers would prove that it passed authorization.
        if media == "application/json" {
            lines.push("Audit-Id: 0a4e8d2c-5b1f-4a39-9a2e-0d6f3a1b2c3d".to_owned());
            lines.push("X-Content-Type-Options: nosniff".to_owned());
        }
        if let Some(at) = self.head {
            HEADS[at].1(&mut lines, random);
        }
        let mut bytes = lines.join("\r\n").into_bytes();
        bytes.extend_from_slice(b"\r\n\r\n");
        if method != "HEAD" {
            bytes.extend_from_slice(&body);
        }
        bytes
    }
}

/// The response before the damage. It grants nothing.
fn ordinary(path: &str, random: &mut Rng) -> (&'static str, &'static str, String) {
    let status = |code: u16, reason: &str, message: &str| {
        let message = message.replace('"', "\\\"");
        format!(
            r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"{message}","reason":"{reason}","code":{code}}}"#
        )
    };
    let refused = format!("forbidden: User \"system:anonymous\" cannot get path \"{path}\"");
    match random.usize(..6) {
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

/// Replaces a header.
fn set(lines: &mut Vec<String>, name: &str, value: &str) {
    lines.retain(|line| !line.starts_with(name));
    lines.push(format!("{name}: {value}"));
}
