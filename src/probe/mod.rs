//! Probes one endpoint: a TLS handshake on the stream that [`connect`](crate::connect) opened, then a few
//! GET and HEAD requests on that one connection.
//!
//! ```text
//! TcpStream ─ handshake ─→ Handshake ─ connection ─→ requests together, responses in order
//!                                      └ closed? one more connection, recorded
//! ```
//!
//! The requests, in this order and without an early stop:
//! 1. `/version`, `/api`, `/healthz`, [together](crate::model::OneAtATime) as those of each later step;
//! 2. `/livez` and `/readyz`, only if all three answered 401: the server may open just these to anonymous
//!    callers;
//! 3. the requests of the configuration (`--path`). A HEAD whose response may come from a front end is
//!    followed by its `continue=bogus` form;
//! 4. with `--audit-canary`, a path that no server has, if any response so far shows Kubernetes; its answer
//!    is no part of the exchanges;
//! 5. with `--deep`, the requests of [`deep()`], if any response so far shows Kubernetes; then, if the
//!    endpoint has a name, one more handshake without SNI.
//!
//! A probe sends no credential and no cookie, follows no redirect and decompresses nothing. Every response
//! is bounded in size. The whole probe is bounded in time: `--timeout` for steps 1 and 2, plus a fifth of
//! it for each request of steps 3 to 5, and as long again after answers that are in doubt; no single request may take longer than `--timeout`. The observation lists the requests that were due but not made.

mod certificate;
mod connection;
mod dial;
mod first_bytes;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzed;
mod handshake;
mod held_back;
mod http1;
mod http2;
mod pause;
mod prober;
mod recorder;
mod requests;
mod response;
mod run;
mod signature;
mod tls_error;
mod trust_anchors;

pub use dial::{Dial, Dialled};
pub use prober::Prober;
pub use requests::{AFTER_401, ALWAYS, deep};
pub use run::Round;
