//! Resource exhaustion of this machine: descriptors, buffers, local ports, connection tracking. It says
//! nothing about the target and is never reported as the target's state.

use std::io;

use crate::model::{Failure, FailureKind, Stage};
use crate::os_error;

/// The error numbers of exhausted local ports, in a connect without a bound port.
#[cfg(unix)]
const NO_PORT: [i32; 3] = [libc::EADDRNOTAVAIL, libc::EAGAIN, libc::EADDRINUSE];
#[cfg(not(unix))]
const NO_PORT: [i32; 0] = [];

/// The failure, if the error means that a resource is exhausted.
pub(super) fn failure(error: &io::Error) -> Option<Failure> {
    let is_exhausted = os_error::is_exhausted(error)
        || error
            .raw_os_error()
            .is_some_and(|code| NO_PORT.contains(&code))
        || error.kind() == io::ErrorKind::AddrNotAvailable
        || tracking_is_full(error);
    is_exhausted.then(|| {
        Failure::new(
            Stage::Connect,
            FailureKind::ResourcesExhausted,
            error.to_string(),
        )
    })
}

/// Linux answers `EPERM` if a packet filter of this machine forbids the connection, and also if its
/// connection tracking is full.
#[cfg(target_os = "linux")]
fn tracking_is_full(error: &io::Error) -> bool {
    let number = |name: &str| -> Option<u64> {
        let path = format!("/proc/sys/net/netfilter/nf_conntrack_{name}");
        std::fs::read_to_string(path).ok()?.trim().parse().ok()
    };
    error.raw_os_error() == Some(libc::EPERM)
        // The count may have changed since the error.
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
    fn only_exhausted_resources_are_recognized() {
        for code in NO_PORT.into_iter().chain([libc::EMFILE, libc::ENFILE]) {
            assert_eq!(
                failure(&io::Error::from_raw_os_error(code)).unwrap().kind,
                FailureKind::ResourcesExhausted
            );
        }
        for code in [
            libc::ECONNREFUSED,
            libc::ETIMEDOUT,
            libc::EHOSTUNREACH,
            libc::ENETUNREACH,
            libc::EACCES,
        ] {
            assert_eq!(failure(&io::Error::from_raw_os_error(code)), None);
        }
    }
}
