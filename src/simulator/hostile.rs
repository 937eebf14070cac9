//! Responses that no HTTP library sends, written byte by byte: HTTP/1.0, endless, dripping, truncated, with
//! forbidden characters, or none at all. HTTP/1 only; request bodies are not read.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::answers::{Answers, Chosen};
use super::audit::fresh_audit_id;
use super::reply::Behaviour;
use super::shared::Shared;
use super::socket::{ConnectionInfo, Socket, close, drain};
use super::stats::LoggedRequest;

/// The longest request head that is read, in bytes.
const LARGEST_HEAD: usize = 16 * 1024;

/// What happens to a connection after a response.
enum Then {
    Continue,
    Close,
    Reset,
}

/// Answers until the client closes or the scenario ends the connection.
pub(super) async fn serve<S: Socket>(
    shared: &Shared,
    answers: &Answers,
    info: &ConnectionInfo,
    mut stream: S,
) {
    let mut unread = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut unread).await {
        let Some(request) = parse(&head, info) else {
            break;
        };
        let (method, path) = (request.method.clone(), request.path.clone());
        let audit_id = request.header("audit-id").map(str::to_owned);
        shared.stats.request(|| request);
        let chosen = answers.choose(&shared.request_counts, &method, &path);
        tokio::time::sleep(chosen.reply.delay).await;
        let answer = Answer::new(&chosen, answers.http10, &method, &path, audit_id);
        match answer.send(&mut stream, chosen.reply.behaviour).await {
            Ok(Then::Continue) => {}
            Ok(Then::Reset) => {
                let _ = stream.tcp().set_zero_linger();
                return;
            }
            Ok(Then::Close) | Err(_) => break,
        }
    }
    close(stream).await;
}

/// A response, ready to be written.
struct Answer {
    /// Status line and headers, without the empty line after them.
    head: String,
    body: Bytes,
    close: bool,
}

impl Answer {
    fn new(
        chosen: &Chosen<'_>,
        http10: bool,
        method: &str,
        path: &str,
        audit_id: Option<String>,
    ) -> Self {
        let reply = chosen.reply;
        let body = chosen.body(path);
        let close = reply.close || http10;
        let reason = StatusCode::from_u16(reply.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("");
        let version = if http10 { "HTTP/1.0" } else { "HTTP/1.1" };
        let mut head = format!("{version} {} {reason}\r\n", reply.status);
        let mut header = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        };
        for (name, value) in &reply.headers {
            header(name, value);
        }
        if reply.audit_id {
            header("Audit-Id", &audit_id.unwrap_or_else(fresh_audit_id));
        }
        if let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now()) {
            header("Date", &date);
        }
        if close {
            header("Connection", "close");
        }
        if reply.behaviour != Some(Behaviour::EndlessBody) {
            header(
                "Content-Length",
                &reply.stated_length(method, &body).to_string(),
            );
        }
        let body = if method == "HEAD" {
            Bytes::new()
        } else {
            body.start
        };
        Self { head, body, close }
    }

    async fn send<S: Socket>(
        self,
        stream: &mut S,
        behaviour: Option<Behaviour>,
    ) -> std::io::Result<Then> {
        let Some(behaviour) = behaviour else {
            stream.write_all(&self.whole()).await?;
            stream.flush().await?;
            return Ok(if self.close {
                Then::Close
            } else {
                Then::Continue
            });
        };
        match behaviour {
            Behaviour::Hang => {
                drain(stream).await;
                Ok(Then::Close)
            }
            Behaviour::Reset => Ok(Then::Reset),
            Behaviour::EndlessBody => {
                stream
                    .write_all(
                        format!("{}Transfer-Encoding: chunked\r\n\r\n", self.head).as_bytes(),
                    )
                    .await?;
                let chunk = format!("{:x}\r\n", self.body.len());
                forever(stream, &[chunk.as_bytes(), &self.body, b"\r\n"].concat()).await
            }
            Behaviour::EndlessHeaders => {
                stream.write_all(self.head.as_bytes()).await?;
                forever(
                    stream,
                    b"X-Filler: the headers of this answer never end\r\n",
                )
                .await
            }
            Behaviour::Drip { bytes, every_ms } => {
                for drop in self.whole().chunks(bytes.max(1)) {
                    stream.write_all(drop).await?;
                    stream.flush().await?;
                    tokio::time::sleep(Duration::from_millis(every_ms)).await;
                }
                Ok(if self.close {
                    Then::Close
                } else {
                    Then::Continue
                })
            }
            Behaviour::Truncate { keep } => {
                let kept = self.body.get(..keep).unwrap_or(&self.body);
                stream
                    .write_all(&[self.head.as_bytes(), b"\r\n", kept].concat())
                    .await?;
                stream.flush().await?;
                Ok(Then::Close)
            }
        }
    }

    fn whole(&self) -> Vec<u8> {
        [self.head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

/// Sends the same bytes until the client closes.
async fn forever<S: AsyncWrite + Unpin>(stream: &mut S, part: &[u8]) -> std::io::Result<Then> {
    let block = part.repeat((8 * 1024 / part.len().max(1)).max(1));
    loop {
        stream.write_all(&block).await?;
        stream.flush().await?;
    }
}

/// Reads the next request head, up to its empty line. Bytes after it stay in `unread`.
pub(super) async fn read_head<S: AsyncRead + Unpin>(
    stream: &mut S,
    unread: &mut Vec<u8>,
) -> Option<Vec<u8>> {
    loop {
        if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = unread.split_off(end + 4);
            return Some(std::mem::replace(unread, rest));
        }
        if unread.len() > LARGEST_HEAD || stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    }
}

/// Parses a request head; `None` if it is invalid.
fn parse(head: &[u8], info: &ConnectionInfo) -> Option<LoggedRequest> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let mut words = lines.next()?.split(' ');
    let (method, path, version) = (words.next()?, words.next()?, words.next()?);
    let headers = lines.filter_map(|line| line.split_once(':'));
    Some(LoggedRequest {
        connection: info.number,
        sni: info.sni.clone(),
        version: version.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: ConnectionInfo = ConnectionInfo {
        number: 7,
        sni: None,
        http2: false,
    };

    #[tokio::test]
    async fn heads_are_read_one_by_one() {
        let mut stream = &b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET"[..];
        let mut unread = Vec::new();
        let first = parse(&read_head(&mut stream, &mut unread).await.unwrap(), &INFO).unwrap();
        assert_eq!(
            (first.path.as_str(), first.header("host"), first.connection),
            ("/a", Some("x"), 7)
        );
        let second = parse(&read_head(&mut stream, &mut unread).await.unwrap(), &INFO).unwrap();
        assert_eq!(second.path, "/b");
        assert!(read_head(&mut stream, &mut unread).await.is_none());
    }

    #[tokio::test]
    async fn an_endless_head_is_abandoned() {
        let mut stream = tokio::io::repeat(b'a');
        assert!(read_head(&mut stream, &mut Vec::new()).await.is_none());
        assert!(parse(b"nonsense\r\n\r\n", &INFO).is_none());
    }
}
