//! The stream from which HTTP responses are read. It accepts what curl and browsers accept, and notes where
//! two readers could see two different responses in the same bytes.
//!
//! * A peer that closes without TLS `close_notify` has closed: HTTP itself shows whether a response is
//!   complete.
//! * HTTP/1.0 with chunks is read as chunks (RFC 9112, section 6.1). hyper would reject it because of the
//!   version, so the status line is rewritten to HTTP/1.1 and the version is noted.
//! * A header that only some readers take for one that frames the body is noted: a proxy in between may
//!   have forwarded another response than the one we see.
//! * TLS failures are noted. HTTP/2 keeps only the text of an error, and a failed write hides what the
//!   peer sent before it closed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::response_head::Position;
use super::stream_notes::StreamNotes;
use super::tls_error;

/// A stream with notes about what passes.
pub(super) struct LenientStream<S> {
    stream: S,
    /// `None` for HTTP/2, whose heads are binary.
    position: Option<Position>,
    notes: StreamNotes,
}

impl<S> LenientStream<S> {
    /// For HTTP/1.
    pub(super) fn http1(stream: S, notes: StreamNotes) -> Self {
        Self {
            stream,
            position: Some(Position::Body),
            notes,
        }
    }

    /// For HTTP/2.
    pub(super) fn http2(stream: S, notes: StreamNotes) -> Self {
        Self {
            stream,
            position: None,
            notes,
        }
    }

    /// Notes the first TLS failure.
    fn note_failure(&self, error: &io::Error) {
        if let Some(failure) = tls_error::library_failure(error) {
            self.notes.update(|notes| {
                notes.tls_failure.get_or_insert(failure);
            });
        }
    }
}

impl<S: AsyncRead + Unpin> LenientStream<S> {
    /// After a failed write: reads what the peer sent before it closed, usually a TLS alert.
    fn read_alert(&mut self, context: &mut Context<'_>) {
        let mut byte = [0];
        if let Poll::Ready(Err(error)) =
            Pin::new(&mut self.stream).poll_read(context, &mut ReadBuf::new(&mut byte))
        {
            self.note_failure(&error);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LenientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match ready!(Pin::new(&mut self.stream).poll_read(context, buffer)) {
            Ok(()) => {
                let Self {
                    position, notes, ..
                } = &mut *self;
                if let Some(position) = position {
                    position.scan(&mut buffer.filled_mut()[before..], notes);
                }
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            Err(error) => {
                self.note_failure(&error);
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LenientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // There is one request at a time, so the bytes after it are the head of its response.
        if let Some(position @ Position::Body) = &mut self.position {
            *position = Position::Status(0);
            self.notes
                .update(|notes| (notes.http10, notes.ambiguous) = (false, false));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        if written.is_err() {
            self.read_alert(context);
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(context));
        if flushed.is_err() {
            self.read_alert(context);
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::super::stream_notes::Notes;
    use super::*;
    use crate::model::FailureKind;

    /// What remains of a response that arrives in pieces of this size, and the notes about it.
    async fn read(response: &[u8], pieces: usize) -> (Vec<u8>, Notes) {
        let (near, mut far) = tokio::io::duplex(pieces);
        let notes = StreamNotes::default();
        let mut stream = LenientStream::http1(near, notes.clone());
        let (mut through, mut request) = (Vec::new(), [0]);
        stream.write_all(b"G").await.unwrap();
        far.read_exact(&mut request).await.unwrap();
        let send = async {
            far.write_all(response).await.unwrap();
            drop(far);
        };
        let ((), all) = tokio::join!(send, stream.read_to_end(&mut through));
        all.unwrap();
        (through, notes.get())
    }

    #[tokio::test]
    async fn http10_is_rewritten_to_http11_and_noted() {
        let rest = "200 OK\r\nServer: HTTP/1.0\r\n\r\nHTTP/1.0 body";
        for pieces in [1, 3, 1024] {
            for (version, http10) in [
                ("HTTP/1.0 ", true),
                ("HTTP/1.1 ", false),
                ("\r\nHTTP/1.0 ", true),
            ] {
                let (through, notes) = read(format!("{version}{rest}").as_bytes(), pieces).await;
                assert_eq!(
                    through,
                    format!("{}{rest}", version.replace('0', "1")).into_bytes()
                );
                assert_eq!(notes.http10, http10, "{version} in pieces of {pieces}");
            }
        }
        // A provisional response is followed by another head.
        let (through, notes) = read(
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 200 OK\r\n\r\n",
            7,
        )
        .await;
        assert!(notes.http10 && through.ends_with(b"HTTP/1.1 200 OK\r\n\r\n"));
        // Bytes that are not HTTP/1 pass unchanged.
        for other in [
            "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/2.0 200 OK\r\n\r\n",
            "\u{0}HTTP/1.0 \r\n",
            "HT\nHTTP/1.0",
        ] {
            assert_eq!(read(other.as_bytes(), 2).await.0, other.as_bytes());
        }
    }

    #[tokio::test]
    async fn headers_that_resemble_framing_headers_are_noted() {
        let ambiguous = async |line: &str| {
            let response = format!(
                "HTTP/1.1 200 OK\r\nServer: x\r\n{line}\r\nAge: 1\r\n\r\nTransfer Encoding: y"
            );
            let whole = read(response.as_bytes(), 1024).await.1.ambiguous;
            assert_eq!(
                read(response.as_bytes(), 1).await.1.ambiguous,
                whole,
                "{line:?} byte by byte"
            );
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

    /// A peer that sent an alert and accepts no more bytes.
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
    async fn a_tls_alert_that_precedes_a_failed_write_is_noted() {
        let notes = StreamNotes::default();
        let failed = LenientStream::http2(Refusing, notes.clone())
            .write_all(b"x")
            .await
            .unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(
            notes.get().tls_failure.unwrap().kind,
            FailureKind::ClientCertificateRequired
        );
    }
}
