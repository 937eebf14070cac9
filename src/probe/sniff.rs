//! Remembers the first bytes a peer sent, to tell TLS from plain HTTP and from other noise.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

const KEPT: usize = 5;

/// What a peer began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// It sent nothing.
    Nothing,
    /// A record of TLS, of any version.
    Tls,
    /// `HTTP/`.
    Http,
    /// Something else.
    Other,
}

impl Opening {
    fn of(first: &[u8]) -> Self {
        match first {
            [] => Self::Nothing,
            b"HTTP/" => Self::Http,
            // Content types from change cipher spec to heartbeat; the major version is 3 from SSL 3.0 on.
            [0x14..=0x18, 3, ..] | [0x14..=0x18] => Self::Tls,
            _ => Self::Other,
        }
    }
}

/// A stream and the first bytes that were read from it.
pub(super) struct Sniffed {
    stream: TcpStream,
    first: [u8; KEPT],
    seen: usize,
}

impl Sniffed {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            first: [0; KEPT],
            seen: 0,
        }
    }

    /// What the peer began with.
    pub(super) fn opening(&self) -> Opening {
        Opening::of(&self.first[..self.seen])
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
        for (kept, byte) in this.first[this.seen..]
            .iter_mut()
            .zip(&buffer.filled()[before..])
        {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_told_by_its_first_bytes() {
        for (first, opening) in [
            (&b""[..], Opening::Nothing),
            (b"\x16\x03\x03\x00\x40", Opening::Tls),
            (b"\x15\x03\x01\x00\x02", Opening::Tls),
            (b"\x15", Opening::Tls),
            (b"HTTP/", Opening::Http),
            (b"HTT", Opening::Other),
            (b"SSH-2", Opening::Other),
            (b"\x16\x16\x16\x16\x16", Opening::Other),
        ] {
            assert_eq!(Opening::of(first), opening, "{first:?}");
        }
    }
}
