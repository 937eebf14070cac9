//! What error numbers of the operating system mean.

use std::io;

/// The error numbers of exhausted descriptors, buffers and memory.
#[cfg(unix)]
const EXHAUSTED: [i32; 4] = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
#[cfg(not(unix))]
const EXHAUSTED: [i32; 0] = [];

/// Whether this machine ran out of descriptors, buffers or memory.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|code| EXHAUSTED.contains(&code))
}
