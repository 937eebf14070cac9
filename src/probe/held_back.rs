//! Holds back what a TLS handshake writes until its next read or the first requests: the end of the handshake and the
//! requests are then one packet, not three.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes are held back at most. A handshake and the usual requests have less than 2 KiB.
const MOST: usize = 16 * 1024;

/// A stream that sends what was written when something is read or flushed, or more than [`MOST`] bytes are held back.
/// Flushing during the handshake sends nothing, because the TLS library flushes after each message.
pub(super) struct HeldBack<S> {
    stream: S,
    held: Vec<u8>,
    /// Why something could not be sent. What the peer sent before that is read first.
    failure: Option<io::Error>,
    /// Whether the handshake is over.
    flushes: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> HeldBack<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self {
            stream,
            held: Vec::new(),
            failure: None,
            flushes: false,
        }
    }

    /// Ends the handshake: flushing sends from now on. What is held back may wait for the next flush.
    pub(super) const fn end_handshake(&mut self) {
        self.flushes = true;
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut sent = 0;
        let result = loop {
            let rest = &self.held[sent..];
            if rest.is_empty() {
                break Poll::Ready(Ok(()));
            }
            match Pin::new(&mut self.stream).poll_write(context, rest) {
                Poll::Ready(Ok(0)) => break Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => sent += count,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.held.drain(..sent);
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for HeldBack<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Poll::Ready(Err(error)) = this.poll_send(context) {
            this.held.clear();
            this.failure = Some(error);
        }
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut this.stream).poll_read(context, buffer));
        let is_over = read.is_err() || buffer.filled().len() == before;
        let failure = this.failure.take_if(|_| is_over);
        Poll::Ready(failure.map_or(read, Err))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for HeldBack<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.held.len() >= MOST {
            ready!(this.poll_send(context))?;
        }
        for bytes in slices {
            this.held.extend_from_slice(bytes);
        }
        Poll::Ready(Ok(slices.iter().map(|bytes| bytes.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.flushes {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// What has come, without waiting.
    fn received(peer: &mut (impl AsyncRead + Unpin)) -> String {
        let mut bytes = Vec::new();
        while peer
            .read_buf(&mut bytes)
            .now_or_never()
            .is_some_and(|read| read.unwrap() > 0)
        {}
        String::from_utf8(bytes).unwrap()
    }

    #[tokio::test]
    async fn what_a_handshake_writes_leaves_with_its_next_read() {
        let (own, mut peer) = duplex(1024);
        let mut stream = HeldBack::new(own);
        for message in ["key exchange, ", "finished"] {
            stream.write_all(message.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
        }
        assert_eq!(received(&mut peer), "");
        let mut buffer = [0; 8];
        assert!(stream.read(&mut buffer).now_or_never().is_none());
        assert_eq!(received(&mut peer), "key exchange, finished");
        peer.write_all(b"response").await.unwrap();
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 8);
    }

    #[tokio::test]
    async fn after_the_handshake_requests_leave_before_anything_is_read() {
        let (own, mut peer) = duplex(1024);
        let mut stream = HeldBack::new(own);
        stream.write_all(b"finished, ").await.unwrap();
        stream.flush().await.unwrap();
        stream.end_handshake();
        assert_eq!(received(&mut peer), "");
        stream.write_all(b"request").await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!(received(&mut peer), "finished, request");
    }

    #[tokio::test]
    async fn no_more_than_the_limit_is_held_back() {
        let (own, mut peer) = duplex(4 * MOST);
        let mut stream = HeldBack::new(own);
        for _ in 0..3 {
            stream.write_all(&vec![b'x'; MOST]).await.unwrap();
        }
        assert_eq!(received(&mut peer).len(), 2 * MOST);
        stream.shutdown().await.unwrap();
        assert_eq!(received(&mut peer).len(), MOST);
    }

    /// A peer that answered and then reset the connection.
    struct Reset(&'static [u8]);

    impl AsyncRead for Reset {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(context, buffer)
        }
    }

    impl AsyncWrite for Reset {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_a_peer_said_before_its_reset_is_read_first() {
        let mut stream = HeldBack::new(Reset(b"alert"));
        stream.write_all(b"request").await.unwrap();
        let mut said = Vec::new();
        let error = stream.read_to_end(&mut said).await.unwrap_err();
        assert_eq!(said, b"alert");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
