//! A stream below TLS that damages what the server sends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use fastrand::Rng;

/// The damage to the sent bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Damage {
    /// None.
    Whole,
    /// The connection breaks after this many bytes.
    Cut(u64),
    /// The byte at this position is changed.
    Flip(u64),
    /// Nothing is sent after this many bytes, but the connection stays open.
    Stall(u64),
    /// This many bytes are sent at a time.
    Crumbs(usize),
}

impl Damage {
    pub(super) fn choose(random: &mut Rng) -> Self {
        let place = random.u64(..4000);
        match random.usize(..10) {
            0 => Self::Cut(place),
            1 => Self::Flip(place),
            2 => Self::Stall(place),
            3 | 4 => Self::Crumbs(1 + random.usize(..40)),
            _ => Self::Whole,
        }
    }

    /// Its name, as a prefix of the misbehaviour.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Cut(_) => "cut off, ",
            Self::Flip(_) => "one byte flipped, ",
            Self::Stall(_) => "stalled, ",
            Self::Crumbs(_) => "in crumbs, ",
        }
    }
}

pub(super) struct DamagedStream {
    stream: TcpStream,
    damage: Damage,
    sent: u64,
}

impl DamagedStream {
    pub(super) const fn new(stream: TcpStream, damage: Damage) -> Self {
        Self {
            stream,
            damage,
            sent: 0,
        }
    }
}

impl AsyncWrite for DamagedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let until =
            |place: u64| usize::try_from(place.saturating_sub(self.sent)).unwrap_or(usize::MAX);
        let mut flipped = [0];
        let part = match self.damage {
            Damage::Whole => bytes,
            Damage::Crumbs(few) => &bytes[..few.min(bytes.len())],
            Damage::Cut(place) if until(place) == 0 => {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            // The client gives up at some time.
            Damage::Stall(place) if until(place) == 0 => return Poll::Pending,
            Damage::Flip(place) if place == self.sent && !bytes.is_empty() => {
                flipped[0] = bytes[0] ^ 0x20;
                &flipped
            }
            Damage::Flip(place) if place < self.sent => bytes,
            Damage::Cut(place) | Damage::Stall(place) | Damage::Flip(place) => {
                &bytes[..until(place).min(bytes.len())]
            }
        };
        let written = Pin::new(&mut self.stream).poll_write(context, part);
        if let Poll::Ready(Ok(count)) = &written {
            self.sent += *count as u64;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for DamagedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}
