//! Remembers the first bytes a peer sent, to tell plain HTTP on a TLS port from other noise.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

const KEPT: usize = 5;

/// A stream and the first bytes that were read from it.
pub(super) struct Sniffed {
    stream: TcpStream,
    first: [u8; KEPT],
    seen: usize,
}

impl Sniffed {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, first: [0; KEPT], seen: 0 }
    }

    /// Whether the peer began with `HTTP/`.
    pub(super) fn is_http(&self) -> bool {
        self.seen == KEPT && &self.first == b"HTTP/"
    }
}

impl AsyncRead for Sniffed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let this = &mut *self;
        for (kept, byte) in this.first[this.seen..].iter_mut().zip(&buffer.filled()[before..]) {
            *kept = *byte;
            this.seen += 1;
        }
        polled
    }
}

impl AsyncWrite for Sniffed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
