//! An HTTP/1.1 connection that can send several requests at once and reads their responses in order.
//!
//! hyper waits for each response before it sends the next request. Heads are parsed by `httparse`, hyper's own parser,
//! and as leniently as curl and browsers read them:
//!
//! * A peer that closes without TLS `close_notify` has closed: HTTP itself shows whether a response is complete.
//! * HTTP/1.0 with chunks is read as chunks (RFC 9112, section 6.1).
//! * Folded header lines and spaces after a header's name are accepted, and header lines that cannot be read are
//!   skipped, unless they look like a header that frames the body ([`framing`]).

mod framing;
#[cfg(test)]
mod tests;

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::{StatusCode, Version};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::response::{self, Body, Head};
use super::tls_error;
use crate::kubernetes::Headers;
use crate::model::{Failure, FailureKind, Method, Stage};
use framing::Framing;

/// The most bytes of a response head; an API server sends less than 2 KiB.
pub(super) const MAX_HEAD: usize = 32 * 1024;
/// Headers that an ordinary response has at most; an API server sends a dozen, front ends add some.
const HEADERS: usize = 32;
/// The most headers of a response.
const MAX_HEADERS: usize = 512;
/// The most bytes of a line with the size of a chunk.
const MAX_CHUNK_LINE: usize = 4096;
/// The most bytes of the headers after the last chunk.
const MAX_TRAILERS: usize = 4096;
/// How many bytes are read at once: the responses of an API server to the usual three requests.
const READ: usize = 4096;

/// What a connection runs over: TCP or TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection.
pub(super) struct Http1 {
    stream: Box<dyn Stream>,
    /// Bytes that were read and belong to the next responses.
    buffer: BytesMut,
    /// The failure to send. What the peer sent before is still read: usually a TLS alert, or a response that it did not
    /// wait for the whole request with.
    write_failure: Option<Failure>,
    /// Whether the last response was the last one on this connection.
    spent: bool,
}

impl Http1 {
    pub(super) fn new(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            buffer: BytesMut::new(),
            write_failure: None,
            spent: false,
        }
    }

    /// Sends requests.
    pub(super) async fn send(&mut self, requests: &[u8]) {
        let sent = async {
            self.stream.write_all(requests).await?;
            self.stream.flush().await
        };
        if let Err(error) = sent.await {
            self.write_failure = Some(stream_failure(&error, Stage::Http));
            self.spent = true;
        }
    }

    /// Reads the next response: to a request with this method, and up to `max_body` bytes of its body.
    pub(super) async fn receive(
        &mut self,
        method: Method,
        max_body: usize,
    ) -> Result<(Head, Body), Failure> {
        let head = match self.head().await {
            Ok(head) => head,
            Err(failure) => {
                self.spent = true;
                // A TLS alert explains why nothing could be sent; a mere end does not.
                return Err(match self.write_failure.take() {
                    Some(sending) if failure.stage != Stage::Tls => sending,
                    _ => failure,
                });
            }
        };
        let Received { head, ambiguous } = head;
        let framing = Framing::of(method, head.status, &head.headers, ambiguous)
            .inspect_err(|_| self.spent = true)?;
        self.spent |= !framing::stays_open(head.version, &head.headers, framing)
            || head.status == StatusCode::SWITCHING_PROTOCOLS;
        let mut body = Body::default();
        let read = self.body(framing, max_body, &mut body).await;
        body.failure = read.err();
        self.spent |= body.cut || body.failure.is_some();
        Ok((head, body))
    }

    /// Whether another request may be sent: the peer has neither closed nor sent more than it was asked for.
    pub(super) fn is_reusable(&mut self) -> bool {
        !self.spent && !self.has_surplus() && !self.is_closed()
    }

    /// Whether another response may follow the last one.
    pub(super) const fn is_spent(&self) -> bool {
        self.spent
    }

    /// Whether bytes came that belong to no response.
    pub(super) fn has_surplus(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Whether the peer has closed, as far as this can be told without waiting. Reads what it has sent.
    fn is_closed(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.buffer).now_or_never();
        read.is_some()
    }

    /// Reads more bytes; `false` at the end.
    async fn fill(&mut self, stage: Stage) -> Result<bool, Failure> {
        self.buffer.reserve(READ);
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(count) => Ok(count > 0),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(stream_failure(&error, stage)),
        }
    }

    /// Reads more bytes of something that has not ended yet.
    async fn fill_more(&mut self, stage: Stage) -> Result<(), Failure> {
        if self.fill(stage).await? {
            Ok(())
        } else {
            Err(Failure::new(stage, FailureKind::Closed, ""))
        }
    }

    /// Reads a head, and skips provisional ones (1xx).
    async fn head(&mut self) -> Result<Received, Failure> {
        let (mut skipped, mut ambiguous) = (0, false);
        // How many bytes were parsed in vain. They are not parsed again for each byte that comes.
        let mut parsed = 0;
        while skipped < MAX_HEAD {
            let is_worth_parsing = self.buffer.len() >= 2 * parsed
                || has_empty_line(&self.buffer[parsed.saturating_sub(3)..]);
            let found = if is_worth_parsing {
                parsed = self.buffer.len();
                parse::<HEADERS>(&self.buffer)?
            } else {
                None
            };
            match found {
                Some(Parsed {
                    head,
                    length,
                    is_plain,
                }) => {
                    ambiguous |= !is_plain && framing::is_ambiguous(&self.buffer[..length]);
                    self.buffer.advance(length);
                    let is_provisional = head.status.is_informational()
                        && head.status != StatusCode::SWITCHING_PROTOCOLS;
                    if !is_provisional {
                        return Ok(Received { head, ambiguous });
                    }
                    skipped += length;
                    parsed = 0;
                }
                None if skipped + self.buffer.len() < MAX_HEAD => {
                    self.fill_more(Stage::Http).await?;
                }
                None => break,
            }
        }
        Err(invalid(
            Stage::Http,
            "the head of the response is too large",
        ))
    }

    /// Reads a body.
    async fn body(
        &mut self,
        framing: Framing,
        max_body: usize,
        body: &mut Body,
    ) -> Result<(), Failure> {
        match framing {
            Framing::Length(length) => self.exactly(length, max_body, body).await,
            Framing::Close => loop {
                body.push(&self.buffer.split(), max_body);
                if body.cut || !self.fill(Stage::Body).await? {
                    return Ok(());
                }
            },
            Framing::Chunks => self.chunks(max_body, body).await,
        }
    }

    /// Reads so many bytes of a body.
    async fn exactly(
        &mut self,
        mut length: u64,
        max_body: usize,
        body: &mut Body,
    ) -> Result<(), Failure> {
        while length > 0 && !body.cut {
            if self.buffer.is_empty() {
                self.fill_more(Stage::Body).await?;
            }
            let here = usize::try_from(length)
                .unwrap_or(usize::MAX)
                .min(self.buffer.len());
            body.push(&self.buffer[..here], max_body);
            self.buffer.advance(here);
            length -= here as u64;
        }
        Ok(())
    }

    async fn chunks(&mut self, max_body: usize, body: &mut Body) -> Result<(), Failure> {
        loop {
            let size = self.chunk_size().await?;
            if size == 0 {
                return self.trailers().await;
            }
            self.exactly(size, max_body, body).await?;
            if body.cut {
                return Ok(());
            }
            let end = self.line(MAX_CHUNK_LINE).await?;
            if !end.is_empty() {
                return Err(invalid(Stage::Body, "a chunk is longer than its size says"));
            }
        }
    }

    async fn chunk_size(&mut self) -> Result<u64, Failure> {
        loop {
            match httparse::parse_chunk_size(&self.buffer) {
                Ok(httparse::Status::Complete((length, size))) => {
                    self.buffer.advance(length);
                    return Ok(size);
                }
                Ok(httparse::Status::Partial) if self.buffer.len() < MAX_CHUNK_LINE => {
                    self.fill_more(Stage::Body).await?;
                }
                _ => return Err(invalid(Stage::Body, "the size of a chunk cannot be read")),
            }
        }
    }

    /// Skips the headers after the last chunk.
    async fn trailers(&mut self) -> Result<(), Failure> {
        let mut room = MAX_TRAILERS;
        loop {
            let line = self.line(room).await?;
            if line.is_empty() {
                return Ok(());
            }
            room -= line.len();
        }
    }

    /// The next line, without its end.
    async fn line(&mut self, max: usize) -> Result<Bytes, Failure> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(end + 1);
                line.truncate(end);
                if line.ends_with(b"\r") {
                    line.truncate(end - 1);
                }
                if line.len() < max {
                    return Ok(line.freeze());
                }
            } else if self.buffer.len() < max {
                self.fill_more(Stage::Body).await?;
                continue;
            }
            return Err(invalid(Stage::Body, "a chunked body does not end properly"));
        }
    }
}

/// A head that came whole.
struct Parsed {
    head: Head,
    length: usize,
    /// Whether each line between status line and empty line is a header with a name that every reader reads alike.
    is_plain: bool,
}

/// A head, and whether it has a header that is almost one that frames the body.
struct Received {
    head: Head,
    ambiguous: bool,
}

fn has_empty_line(bytes: &[u8]) -> bool {
    let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.any(|(at, _)| matches!(&bytes[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

/// Parses a head; `None` if it has not come whole yet.
fn parse<const MOST: usize>(bytes: &[u8]) -> Result<Option<Parsed>, Failure> {
    let mut room = [httparse::EMPTY_HEADER; MOST];
    let mut response = httparse::Response::new(&mut room);
    let mut config = httparse::ParserConfig::default();
    config
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    let length = match config.parse_response(&mut response, bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) if MOST < MAX_HEADERS => {
            return parse::<MAX_HEADERS>(bytes);
        }
        Err(error) => return Err(invalid(Stage::Http, &error.to_string())),
    };
    let version = match response.version {
        Some(0) => Version::HTTP_10,
        _ => Version::HTTP_11,
    };
    let status = StatusCode::from_u16(response.code.unwrap_or_default())
        .map_err(|error| invalid(Stage::Http, &error.to_string()))?;
    // Besides the headers, there are the status line and the empty line.
    let lines = memchr::memchr_iter(b'\n', &bytes[..length]).count();
    let mut is_plain = lines == response.headers.len() + 2;
    let mut headers = Headers::with_capacity(response.headers.len(), length);
    for header in response.headers {
        let end = header.name.as_ptr().addr() - bytes.as_ptr().addr() + header.name.len();
        // Looks at each byte, which takes fewer steps than to stop at the first that is not plain.
        let has_plain_name =
            (header.name.bytes()).fold(true, |all, byte| all & framing::is_plain(byte));
        is_plain &= has_plain_name && bytes[end] == b':';
        if header.value.contains(&b'\n') {
            headers.push(header.name, &unfolded(header.value));
        } else {
            headers.push(header.name, header.value);
        }
    }
    let head = Head {
        status,
        version,
        headers,
    };
    Ok(Some(Parsed {
        head,
        length,
        is_plain,
    }))
}

/// A folded value, with spaces for its line breaks (RFC 9112, section 5.2).
fn unfolded(value: &[u8]) -> Vec<u8> {
    let without_break = |byte: &u8| match byte {
        b'\r' | b'\n' => b' ',
        other => *other,
    };
    value.iter().map(without_break).collect()
}

fn invalid(stage: Stage, problem: &str) -> Failure {
    Failure::new(stage, FailureKind::InvalidHttp, problem)
}

fn stream_failure(error: &io::Error, stage: Stage) -> Failure {
    tls_error::library_failure(error).unwrap_or_else(|| response::stream_failure(error, stage))
}
