//! Bytes as lower-case hexadecimal digits: digests and serial numbers.

const DIGITS: [u8; 16] = *b"0123456789abcdef";

/// Two digits a byte.
pub(crate) fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let digits = |byte: u8| [digit(byte >> 4), digit(byte & 15)];
    bytes.into_iter().flat_map(digits).collect()
}
