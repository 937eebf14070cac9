//! Bytes as lower-case hexadecimal digits: digests and serial numbers.

const DIGITS: [u8; 16] = *b"0123456789abcdef";

/// Two digits a byte.
pub(crate) fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let bytes = bytes.into_iter();
    let mut text = String::with_capacity(2 * bytes.size_hint().0);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}
