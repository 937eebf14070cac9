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
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::head::Head;
use super::tls;
use crate::model::Failure;

/// What passed, for whoever asks on this connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Passed(Arc<Mutex<Notes>>);

#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    /// How TLS failed.
    tls: Option<Failure>,
    /// Whether the last answer's status line was of HTTP/1.0.
    pub(super) http10: bool,
    /// Whether a header of it may pass for one that says where the body ends, and is none.
    pub(super) ambiguous: bool,
}

impl Passed {
    pub(super) fn note(&self, change: impl FnOnce(&mut Notes)) {
        change(&mut self.0.lock());
    }

    fn notes(&self) -> Notes {
        self.0.lock().clone()
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
        Self {
            stream,
            head: Some(Head::Body),
            passed,
        }
    }

    /// For HTTP/2.
    pub(super) fn http2(stream: S, passed: Passed) -> Self {
        Self {
            stream,
            head: None,
            passed,
        }
    }

    fn failed(&self, error: &io::Error) {
        if let Some(failure) = tls::told(error) {
            self.passed
                .note(|notes| notes.tls = notes.tls.take().or(Some(failure)));
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
            self.passed
                .note(|notes| (notes.http10, notes.ambiguous) = (false, false));
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::model::FailureKind;

    /// A peer whose connection takes no more bytes, and that said why before.
    struct Refusing;

    impl AsyncRead for Refusing {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
            Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, alert)))
        }
    }

    impl AsyncWrite for Refusing {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
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
        let failed = Tolerant::http2(Refusing, passed.clone())
            .write_all(b"x")
            .await
            .unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(
            passed.tls_failure().unwrap().kind,
            FailureKind::ClientCertificateRequired
        );
    }
}
