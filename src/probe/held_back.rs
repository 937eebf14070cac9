//! Holds back what is written until the peer's turn has come: a probe then sends the end of the TLS handshake and its
//! first requests in one packet, not in three.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes are held back at most. A handshake and the usual requests have less than 2 KiB.
const MOST: usize = 16 * 1024;

/// A stream that sends what was written when something is read, or more than [`MOST`] bytes are held back.
/// Flushing sends nothing, because the TLS library flushes after each message.
pub(super) struct HeldBack<S> {
    stream: S,
    held: Vec<u8>,
    /// Why something could not be sent. What the peer sent before that is read first.
    failure: Option<io::Error>,
    /// Whether nothing is held back any more.
    at_once: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> HeldBack<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self {
            stream,
            held: Vec::new(),
            failure: None,
            at_once: false,
        }
    }

    /// Sends what is written from now on without waiting for a read, and what was held back with the next write or
    /// flush.
    pub(super) const fn send_at_once(&mut self) {
        self.at_once = true;
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

    /// Makes room for further bytes.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.at_once || self.held.len() >= MOST {
            ready!(self.poll_send(context))?;
        }
        Poll::Ready(Ok(()))
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
        ready!(this.poll_room(context))?;
        if this.at_once {
            return Pin::new(&mut this.stream).poll_write_vectored(context, slices);
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
        ready!(self.poll_room(context))?;
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
    async fn what_was_written_leaves_with_the_next_read() {
        let (own, mut peer) = duplex(1024);
        let mut stream = HeldBack::new(own);
        for message in ["finished, ", "request"] {
            stream.write_all(message.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
        }
        assert_eq!(received(&mut peer), "");
        let mut buffer = [0; 8];
        assert!(stream.read(&mut buffer).now_or_never().is_none());
        assert_eq!(received(&mut peer), "finished, request");
        peer.write_all(b"response").await.unwrap();
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 8);
    }

    #[tokio::test]
    async fn nothing_is_held_back_for_a_protocol_that_writes_without_reading() {
        let (own, mut peer) = duplex(1024);
        let mut stream = HeldBack::new(own);
        stream.write_all(b"one, ").await.unwrap();
        stream.send_at_once();
        stream.flush().await.unwrap();
        assert_eq!(received(&mut peer), "one, ");
        stream.write_all(b"two").await.unwrap();
        assert_eq!(received(&mut peer), "two");
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
