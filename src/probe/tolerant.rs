//! The stream that HTTP reads answers from: as forgiving as curl and browsers, and watchful where two
//! readers could see two different answers in the same bytes.
//!
//! * A peer that closes without the farewell of TLS (`close_notify`) has closed: HTTP knows by itself
//!   whether an answer is whole.
//! * HTTP/1.0 with chunks is read as chunks (RFC 9112, section 6.1): hyper would refuse it by the version
//!   in its status line, so that line is read as HTTP/1.1 and the version is noted.
//! * A header that only some readers take for one that says where the body ends is noted: whoever is in
//!   between may have passed on another answer than the one that we see.
//! * How TLS ended is noted. HTTP/2 keeps no more of an error than its text, and a write that fails hides
//!   what the peer said before it closed.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::tls;
use crate::model::Failure;

/// What an answer of HTTP/1.0 begins with.
const HTTP10: &[u8; 8] = b"HTTP/1.0";
/// Where in a status line the status begins.
const STATUS: u8 = 9;
/// The headers that say where a body ends.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];
/// Characters of a header's name that are compared with those.
const NAME: usize = 24;

/// What passed, for whoever asks on this connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Passed(Arc<Mutex<Notes>>);

#[derive(Debug, Clone, Default)]
struct Notes {
    tls: Option<Failure>,
    http10: bool,
    ambiguous: bool,
}

impl Passed {
    fn note(&self, change: impl FnOnce(&mut Notes)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn notes(&self) -> Notes {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How TLS failed, if it did.
    pub(super) fn tls_failure(&self) -> Option<Failure> {
        self.notes().tls
    }

    /// Whether the last answer's status line was of HTTP/1.0.
    pub(super) fn http10(&self) -> bool {
        self.notes().http10
    }

    /// Whether a header of the last answer may pass for one that says where the body ends, and is none.
    pub(super) fn ambiguous(&self) -> bool {
        self.notes().ambiguous
    }
}

/// A stream, watched.
pub(super) struct Tolerant<S> {
    stream: S,
    /// `None` for HTTP/2, whose heads are no text.
    head: Option<Head>,
    passed: Passed,
}

impl<S> Tolerant<S> {
    /// For HTTP/1.
    pub(super) fn http1(stream: S, passed: Passed) -> Self {
        Self { stream, head: Some(Head::Body), passed }
    }

    /// For HTTP/2.
    pub(super) fn http2(stream: S, passed: Passed) -> Self {
        Self { stream, head: None, passed }
    }

    fn failed(&self, error: &io::Error) {
        if let Some(failure) = tls::told(error) {
            self.passed.note(|notes| notes.tls = notes.tls.take().or(Some(failure)));
        }
    }
}

impl<S: AsyncRead + Unpin> Tolerant<S> {
    /// After a write that failed: what the peer said before it closed, an alert as a rule.
    fn last_words(&mut self, context: &mut Context<'_>) {
        let mut byte = [0];
        if let Poll::Ready(Err(error)) =
            Pin::new(&mut self.stream).poll_read(context, &mut ReadBuf::new(&mut byte))
        {
            self.failed(&error);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tolerant<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match ready!(Pin::new(&mut self.stream).poll_read(context, buffer)) {
            Ok(()) => {
                let Self { head, passed, .. } = &mut *self;
                if let Some(head) = head {
                    head.pass(&mut buffer.filled_mut()[before..], passed);
                }
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            Err(error) => {
                self.failed(&error);
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Tolerant<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // One request at a time: what comes behind one is the head of its answer.
        if let Some(head @ Head::Body) = &mut self.head {
            *head = Head::Status(0);
            self.passed.note(|notes| (notes.http10, notes.ambiguous) = (false, false));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        if written.is_err() {
            self.last_words(context);
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(context));
        if flushed.is_err() {
            self.last_words(context);
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Where in the head of an answer the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// In none.
    Body,
    /// In the status line, this far; of a provisional answer (1xx) as well.
    Status(u8),
    /// In a line that begins with a header's name.
    Name(Name),
    /// Behind the colon of one.
    Value { provisional: bool },
}

/// The beginning of a header line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name {
    /// Letters, digits and hyphens of it, in lower case.
    plain: [u8; NAME],
    length: usize,
    /// Whether there was anything else.
    odd: bool,
    provisional: bool,
}

impl Name {
    const fn after(provisional: bool) -> Self {
        Self { plain: [0; NAME], length: 0, odd: false, provisional }
    }

    fn is_empty(&self) -> bool {
        self.length == 0 && !self.odd
    }

    /// Whether it may pass for one of the headers that say where the body ends, and is none.
    fn ambiguous(&self) -> bool {
        let plain = self.plain.get(..self.length).unwrap_or_default();
        self.odd && FRAMING.iter().any(|name| name.as_bytes() == plain)
    }
}

impl Head {
    /// Sees these bytes pass, and changes the version in a status line of HTTP/1.0.
    fn pass(&mut self, bytes: &mut [u8], passed: &Passed) {
        for byte in bytes {
            match self {
                // What is left is none of ours.
                Self::Body => return,
                _ => self.step(byte, passed),
            }
        }
    }

    fn step(&mut self, byte: &mut u8, passed: &Passed) {
        let ends = *byte == b'\n';
        *self = match *self {
            Self::Body => Self::Body,
            // Empty lines in front of a status line are passed over.
            Self::Status(0) if ends || *byte == b'\r' => Self::Status(0),
            Self::Status(at @ 0..STATUS) => {
                let as_expected = HTTP10.get(usize::from(at)).is_none_or(|expected| expected == byte);
                if as_expected && usize::from(at) == HTTP10.len() - 1 {
                    *byte = b'1';
                    passed.note(|notes| notes.http10 = true);
                }
                match (ends, as_expected) {
                    (true, _) => Self::Name(Name::after(false)),
                    (false, true) => Self::Status(at + 1),
                    // HTTP/1.1 differs in the last byte alone; what differs earlier is no HTTP/1.
                    (false, false) if usize::from(at) == HTTP10.len() - 1 => Self::Status(at + 1),
                    (false, false) => Self::Value { provisional: false },
                }
            }
            Self::Status(_) if ends => Self::Name(Name::after(false)),
            Self::Status(_) => Self::Value { provisional: *byte == b'1' },
            Self::Value { provisional } if ends => Self::Name(Name::after(provisional)),
            value @ Self::Value { .. } => value,
            Self::Name(name) if ends && name.is_empty() => {
                if name.provisional {
                    Self::Status(0)
                } else {
                    Self::Body
                }
            }
            Self::Name(name) if ends => Self::Name(Name::after(name.provisional)),
            Self::Name(name) if *byte == b':' => {
                if name.ambiguous() {
                    passed.note(|notes| notes.ambiguous = true);
                }
                Self::Value { provisional: name.provisional }
            }
            // The end of a line is a carriage return and a line feed.
            name @ Self::Name(_) if *byte == b'\r' => name,
            Self::Name(mut name) => {
                let plain = byte.is_ascii_alphanumeric() || *byte == b'-';
                match name.plain.get_mut(name.length) {
                    Some(place) if plain => {
                        *place = byte.to_ascii_lowercase();
                        name.length += 1;
                    }
                    _ => name.odd = true,
                }
                Self::Name(name)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::model::FailureKind;

    /// What comes through of an answer that arrives in pieces of this size, and what was noted.
    async fn read(answer: &[u8], pieces: usize) -> (Vec<u8>, Notes) {
        let (near, mut far) = tokio::io::duplex(pieces);
        let passed = Passed::default();
        let mut stream = Tolerant::http1(near, passed.clone());
        let (mut through, mut request) = (Vec::new(), [0]);
        stream.write_all(b"G").await.unwrap();
        far.read_exact(&mut request).await.unwrap();
        let send = async {
            far.write_all(answer).await.unwrap();
            drop(far);
        };
        let ((), all) = tokio::join!(send, stream.read_to_end(&mut through));
        all.unwrap();
        (through, passed.notes())
    }

    #[tokio::test]
    async fn http10_is_read_as_http11_and_noted() {
        let rest = "200 OK\r\nServer: HTTP/1.0\r\n\r\nHTTP/1.0 body";
        for pieces in [1, 3, 1024] {
            for (version, http10) in [("HTTP/1.0 ", true), ("HTTP/1.1 ", false), ("\r\nHTTP/1.0 ", true)] {
                let (through, notes) = read(format!("{version}{rest}").as_bytes(), pieces).await;
                assert_eq!(through, format!("{}{rest}", version.replace('0', "1")).into_bytes());
                assert_eq!(notes.http10, http10, "{version} in pieces of {pieces}");
            }
        }
        // Behind a provisional answer comes another head.
        let (through, notes) =
            read(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 200 OK\r\n\r\n", 7).await;
        assert!(notes.http10 && through.ends_with(b"HTTP/1.1 200 OK\r\n\r\n"));
        // What is no HTTP/1 passes as it is.
        for other in
            ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2.0 200 OK\r\n\r\n", "\u{0}HTTP/1.0 \r\n", "HT\nHTTP/1.0"]
        {
            assert_eq!(read(other.as_bytes(), 2).await.0, other.as_bytes());
        }
    }

    #[tokio::test]
    async fn headers_that_may_pass_for_framing_are_noted() {
        let ambiguous = async |line: &str| {
            let answer =
                format!("HTTP/1.1 200 OK\r\nServer: x\r\n{line}\r\nAge: 1\r\n\r\nTransfer Encoding: y");
            let whole = read(answer.as_bytes(), 1024).await.1.ambiguous;
            assert_eq!(read(answer.as_bytes(), 1).await.1.ambiguous, whole, "{line:?} byte by byte");
            whole
        };
        for line in [
            "Transfer-Encoding : chunked",
            "Transfer-Encoding\u{b}: chunked",
            "\u{1}Content-Length: 5",
            " Transfer-Encoding: chunked",
            "X: y\r\n\tcontent-length: 5",
            "Content-Length\u{a0}: 5",
        ] {
            assert!(ambiguous(line).await, "{line:?}");
        }
        for line in [
            "Transfer-Encoding: chunked",
            "CONTENT-LENGTH: 5",
            "X-Powered-By : PHP",
            "X-Foo(bar): Content-Length : 5",
            "Content-Security-Policy: a;\r\n b",
            "X-Content-Length : 5",
            "no colon at all",
        ] {
            assert!(!ambiguous(line).await, "{line:?}");
        }
    }

    /// A peer whose connection takes no more bytes, and that said why before.
    struct Refusing;

    impl AsyncRead for Refusing {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
            Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, alert)))
        }
    }

    impl AsyncWrite for Refusing {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_was_said_before_a_write_failed_is_noted() {
        let passed = Passed::default();
        let failed = Tolerant::http2(Refusing, passed.clone()).write_all(b"x").await.unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(passed.tls_failure().unwrap().kind, FailureKind::ClientCertificateRequired);
    }
}
