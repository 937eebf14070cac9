//! Reads files with a limit on their size, and recognises their encoding.

use std::io::{self, BufRead, ErrorKind, Read};

/// How many bytes of the beginning can be inspected.
const HEAD: usize = 8 * 1024;

/// The byte order mark of UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// The error for a file in UTF-16.
pub(crate) const UTF_16: &str = "unsupported encoding UTF-16: save the file as UTF-8";
/// The error for a file that is not UTF-8.
pub(crate) const NOT_UTF_8: &str = "invalid UTF-8: save the file as UTF-8";

/// A file whose beginning can be inspected before it is read. Skips a byte order mark.
#[derive(Debug)]
pub(crate) struct PeekedFile<R> {
    head: Vec<u8>,
    /// How much of the head has been read.
    position: usize,
    /// An error while reading the head; returned after the head's bytes.
    failure: Option<io::Error>,
    rest: R,
}

impl<R: BufRead> PeekedFile<R> {
    /// Reads the beginning. An error is returned later, after the bytes before it.
    pub(crate) fn new(mut rest: R) -> Self {
        let mut head = Vec::new();
        let failure = rest.by_ref().take(HEAD as u64).read_to_end(&mut head).err();
        let position = if head.starts_with(MARK) {
            MARK.len()
        } else {
            0
        };
        Self {
            head,
            position,
            failure,
            rest,
        }
    }

    /// The first bytes: 8 KiB, or all there are.
    pub(crate) fn head(&self) -> &[u8] {
        self.head.get(self.position..).unwrap_or_default()
    }

    /// Whether it is text in UTF-16.
    pub(crate) fn is_utf_16(&self) -> bool {
        is_utf_16(&self.head)
    }
}

impl<R: BufRead> Read for PeekedFile<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for PeekedFile<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position < self.head.len() {
            return Ok(self.head());
        }
        match self.failure.take() {
            Some(error) => Err(error),
            None => self.rest.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        if self.position < self.head.len() {
            self.position += amount;
        } else {
            self.rest.consume(amount);
        }
    }
}

/// The bytes of a file of at most `limit` bytes, without a byte order mark.
///
/// # Errors
/// Reading failed, the file is larger, or it is in UTF-16.
pub fn bytes(reader: impl Read, limit: u32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(u64::from(limit) + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > u64::from(limit) {
        return Err(invalid(format!(
            "larger than {} MiB, not read",
            limit >> 20
        )));
    }
    if is_utf_16(&bytes) {
        return Err(invalid(UTF_16));
    }
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    Ok(bytes)
}

/// The text of a file of at most `limit` bytes, without a byte order mark.
///
/// # Errors
/// Those of [`bytes()`], or the file is not UTF-8.
pub fn text(reader: impl Read, limit: u32) -> io::Result<String> {
    String::from_utf8(bytes(reader, limit)?).map_err(|_| invalid(NOT_UTF_8))
}

fn invalid(problem: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, problem.into())
}

/// Text in UTF-16 has a byte order mark, or a zero in every other byte.
fn is_utf_16(bytes: &[u8]) -> bool {
    let pairs = || bytes.chunks_exact(2).take(32);
    let all = |test: fn(&[u8]) -> bool| bytes.len() >= 4 && pairs().all(test);
    bytes.starts_with(b"\xff\xfe")
        || bytes.starts_with(b"\xfe\xff")
        || all(|pair| pair[0] != 0 && pair[1] == 0)
        || all(|pair| pair[0] == 0 && pair[1] != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf_16(text: &str, mark: bool, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        mark.then_some(0xfeff)
            .into_iter()
            .chain(text.encode_utf16())
            .flat_map(bytes)
            .collect()
    }

    #[test]
    fn only_the_byte_order_mark_is_skipped() {
        let long = "x".repeat(3 * HEAD);
        for text in ["", "a", "10.0.0.1\n10.0.0.2\n", &long] {
            for marked in [text.to_owned(), format!("\u{feff}{text}")] {
                let reader = || io::BufReader::with_capacity(7, marked.as_bytes());
                let peeked = PeekedFile::new(reader());
                assert!(text.as_bytes().starts_with(peeked.head()) && !peeked.is_utf_16());
                assert_eq!(io::read_to_string(peeked).unwrap(), text);
                assert_eq!(super::text(reader(), 1 << 20).unwrap(), text);
            }
        }
        // A second mark is text.
        assert_eq!(
            super::text("\u{feff}\u{feff}a".as_bytes(), 9).unwrap(),
            "\u{feff}a"
        );
    }

    #[test]
    fn utf_16_is_recognised_with_and_without_a_mark() {
        for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            for mark in [true, false] {
                let text = utf_16("10.0.0.1\r\n", mark, bytes);
                assert!(PeekedFile::new(&text[..]).is_utf_16());
                assert_eq!(
                    super::bytes(&text[..], 100).unwrap_err().to_string(),
                    UTF_16
                );
            }
        }
        for other in [
            &b""[..],
            b"ab",
            b"a\0",
            b"abcdefgh",
            b"\0\0\0\0",
            b"\xef\xbb\xbfa",
        ] {
            assert!(!is_utf_16(other), "{other:?}");
        }
    }

    #[test]
    fn no_more_is_read_than_the_limit() {
        struct Counted(u64);
        impl Read for Counted {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 += buffer.len() as u64;
                buffer.fill(b'x');
                Ok(buffer.len())
            }
        }
        let mut endless = Counted(0);
        let error = bytes(&mut endless, 1 << 20).unwrap_err().to_string();
        assert_eq!(error, "larger than 1 MiB, not read");
        assert!(endless.0 <= (1 << 20) + 1, "{}", endless.0);
        assert_eq!(bytes(&[b'x'; 7][..], 7).unwrap().len(), 7);
        assert!(bytes(&[b'x'; 8][..], 7).is_err());
        assert!(
            text(&b"\xe9"[..], 7)
                .unwrap_err()
                .to_string()
                .contains("UTF-8")
        );
    }

    #[test]
    fn an_error_comes_after_the_bytes_before_it() {
        struct Once(bool);
        impl Read for Once {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                if std::mem::take(&mut self.0) {
                    Err(io::Error::other("gone"))
                } else {
                    Ok(0)
                }
            }
        }
        let mut peeked = PeekedFile::new(io::BufReader::new(b"one\n".chain(Once(true))));
        let mut read = Vec::new();
        assert_eq!(
            peeked.read_to_end(&mut read).unwrap_err().to_string(),
            "gone"
        );
        assert_eq!(read, b"one\n");
    }
}
