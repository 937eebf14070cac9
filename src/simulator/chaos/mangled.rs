//! A connection on which what the server sends is damaged, beneath TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::Draws;

/// What is done to the bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plan {
    /// Nothing.
    Whole,
    /// Nothing comes behind this many, and the connection breaks.
    Cut(u64),
    /// The byte at this place is another.
    Flip(u64),
    /// Nothing comes behind this many, and the connection stays.
    Stall(u64),
    /// So few at a time.
    Crumbs(usize),
}

impl Plan {
    pub(super) fn draw(draws: &mut Draws) -> Self {
        let place = draws.next() % 4000;
        match draws.below(10) {
            0 => Self::Cut(place),
            1 => Self::Flip(place),
            2 => Self::Stall(place),
            3 | 4 => Self::Crumbs(1 + draws.below(40)),
            _ => Self::Whole,
        }
    }

    /// How it is told, before what the server says.
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

pub(super) struct Mangled {
    stream: TcpStream,
    plan: Plan,
    sent: u64,
}

impl Mangled {
    pub(super) const fn new(stream: TcpStream, plan: Plan) -> Self {
        Self {
            stream,
            plan,
            sent: 0,
        }
    }
}

impl AsyncWrite for Mangled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let until =
            |place: u64| usize::try_from(place.saturating_sub(self.sent)).unwrap_or(usize::MAX);
        let mut flipped = [0];
        let part = match self.plan {
            Plan::Whole => bytes,
            Plan::Crumbs(few) => &bytes[..few.min(bytes.len())],
            Plan::Cut(place) if until(place) == 0 => {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            // Whoever waits for it gives up some time.
            Plan::Stall(place) if until(place) == 0 => return Poll::Pending,
            Plan::Flip(place) if place == self.sent && !bytes.is_empty() => {
                flipped[0] = bytes[0] ^ 0x20;
                &flipped
            }
            Plan::Flip(place) if place < self.sent => bytes,
            Plan::Cut(place) | Plan::Stall(place) | Plan::Flip(place) => {
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

impl AsyncRead for Mangled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}
