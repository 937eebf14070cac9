//! What this machine lacks: descriptors, buffers, local ports, room in its connection tracking. It
//! says nothing of the target and is never reported as the target's state.

use std::io;

use crate::model::{Failure, FailureKind, Stage};

/// Numbers by which systems say that they ran out of something. `EAGAIN` and `EADDRINUSE` stand for
/// local ports in a connect that nothing was bound for.
#[cfg(unix)]
const SHORTAGES: [i32; 7] = [
    libc::EMFILE,
    libc::ENFILE,
    libc::ENOBUFS,
    libc::ENOMEM,
    libc::EADDRNOTAVAIL,
    libc::EAGAIN,
    libc::EADDRINUSE,
];
#[cfg(not(unix))]
const SHORTAGES: [i32; 0] = [];

/// The failure, if the error is a shortage.
pub(super) fn of(error: &io::Error) -> Option<Failure> {
    let short = error
        .raw_os_error()
        .is_some_and(|code| SHORTAGES.contains(&code))
        || error.kind() == io::ErrorKind::AddrNotAvailable
        || tracking_is_full(error);
    short.then(|| {
        Failure::new(
            Stage::Connect,
            FailureKind::LocalShortage,
            error.to_string(),
        )
    })
}

/// Linux answers `EPERM` where a packet filter of this machine forbids the connection, and also
/// where its connection tracking has no room for one more.
#[cfg(target_os = "linux")]
fn tracking_is_full(error: &io::Error) -> bool {
    let number = |name: &str| -> Option<u64> {
        let path = format!("/proc/sys/net/netfilter/nf_conntrack_{name}");
        std::fs::read_to_string(path).ok()?.trim().parse().ok()
    };
    error.raw_os_error() == Some(libc::EPERM)
        // Entries come and go while we look.
        && number("count").zip(number("max")).is_some_and(|(count, max)| count >= max - max / 20)
}

#[cfg(not(target_os = "linux"))]
fn tracking_is_full(_: &io::Error) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn shortages_are_known_and_nothing_else_is() {
        for code in SHORTAGES {
            assert_eq!(
                of(&io::Error::from_raw_os_error(code)).unwrap().kind,
                FailureKind::LocalShortage
            );
        }
        for code in [
            libc::ECONNREFUSED,
            libc::ETIMEDOUT,
            libc::EHOSTUNREACH,
            libc::ENETUNREACH,
            libc::EACCES,
        ] {
            assert_eq!(of(&io::Error::from_raw_os_error(code)), None);
        }
    }
}
