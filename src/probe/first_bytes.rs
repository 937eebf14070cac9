//! Remembers the first bytes that a peer sent, to distinguish TLS, plain HTTP and other protocols.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::held_back::HeldBack;

/// How many bytes are kept.
const KEPT: usize = 5;

/// The protocol that the first bytes of a peer show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstBytes {
    /// The peer sent nothing.
    Nothing,
    /// A TLS record, of any version.
    Tls,
    /// `HTTP/`.
    Http,
    /// Something else.
    Other,
}

impl FirstBytes {
    fn of(first: &[u8]) -> Self {
        match first {
            [] => Self::Nothing,
            b"HTTP/" => Self::Http,
            // Content types from change_cipher_spec to heartbeat; the major version is 3 since SSL 3.0.
            [0x14..=0x18, 3, ..] | [0x14..=0x18] => Self::Tls,
            _ => Self::Other,
        }
    }
}

/// A stream that remembers the first bytes read from it.
pub(super) struct SniffedStream {
    stream: HeldBack<TcpStream>,
    first: [u8; KEPT],
    count: usize,
}

impl SniffedStream {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream: HeldBack::new(stream),
            first: [0; KEPT],
            count: 0,
        }
    }

    /// What the peer sent first.
    pub(super) fn first_bytes(&self) -> FirstBytes {
        FirstBytes::of(&self.first[..self.count])
    }

    /// Ends the handshake: flushing sends from now on.
    pub(super) const fn end_handshake(&mut self) {
        self.stream.end_handshake();
    }
}

impl AsyncRead for SniffedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let this = &mut *self;
        for (kept, byte) in this.first[this.count..]
            .iter_mut()
            .zip(&buffer.filled()[before..])
        {
            *kept = *byte;
            this.count += 1;
        }
        polled
    }
}

impl AsyncWrite for SniffedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
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
    fn the_first_bytes_show_the_protocol() {
        for (first, expected) in [
            (&b""[..], FirstBytes::Nothing),
            (b"\x16\x03\x03\x00\x40", FirstBytes::Tls),
            (b"\x15\x03\x01\x00\x02", FirstBytes::Tls),
            (b"\x15", FirstBytes::Tls),
            (b"HTTP/", FirstBytes::Http),
            (b"HTT", FirstBytes::Other),
            (b"SSH-2", FirstBytes::Other),
            (b"\x16\x16\x16\x16\x16", FirstBytes::Other),
        ] {
            assert_eq!(FirstBytes::of(first), expected, "{first:?}");
        }
    }
}
