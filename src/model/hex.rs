//! Bytes as lower-case hexadecimal digits: digests and serial numbers.

use std::fmt::Write as _;

/// Two digits a byte.
pub(crate) fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().fold(String::new(), |mut out, byte| {
        // Writing into a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
