//! Files and standard input, line by line, with a limit on the length of a line.

use std::io::{self, BufRead, ErrorKind};

use crate::input::NOT_UTF_8;

/// The longest line that is read, in bytes.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// The error for a line that is too long.
pub(super) const TOO_LONG: &str =
    "line longer than 64 KiB, not read: write one specification per line";

/// How an input ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InputEnd {
    /// The number of lines.
    pub(super) lines: u32,
    /// Whether the last line ends with a line feed.
    pub(super) terminated: bool,
}

/// Calls `handle` with the number (from 1) and the text of each line, or with what is wrong with it.
/// Strips line ends (LF, CRLF).
///
/// # Errors
/// The number of the line where reading failed, and the failure.
pub(super) fn each_line(
    mut reader: impl BufRead,
    mut handle: impl FnMut(u32, Result<&str, &'static str>),
) -> Result<InputEnd, (u32, io::Error)> {
    let mut line = Vec::new();
    let mut end = InputEnd {
        lines: 0,
        terminated: true,
    };
    loop {
        let number = end.lines.saturating_add(1);
        line.clear();
        let Some(Read { whole, terminated }) =
            next_line(&mut reader, &mut line).map_err(|error| (number, error))?
        else {
            return Ok(end);
        };
        end = InputEnd {
            lines: number,
            terminated,
        };
        if !whole {
            handle(number, Err(TOO_LONG));
            continue;
        }
        let text = str::from_utf8(&line).map_err(|_| NOT_UTF_8);
        handle(
            number,
            text.map(|text| text.strip_suffix('\r').unwrap_or(text)),
        );
    }
}

/// The result of reading one line.
struct Read {
    /// `false` for a line that is too long to keep.
    whole: bool,
    /// Whether a line feed ends it.
    terminated: bool,
}

/// Reads up to the next line feed; `None` at the end.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<Read>> {
    let (mut begun, mut whole) = (false, true);
    loop {
        let buffer = match reader.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            buffer => buffer?,
        };
        if buffer.is_empty() {
            return Ok(begun.then_some(Read {
                whole,
                terminated: false,
            }));
        }
        begun = true;
        let part = buffer
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let ended = part.len() < buffer.len();
        whole &= line.len() + part.len() <= MAX_LINE;
        if whole {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(ended);
        reader.consume(used);
        if ended {
            return Ok(Some(Read {
                whole,
                terminated: true,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<(u32, Result<String, &'static str>)> {
        // A small buffer, so that lines span several.
        let reader = io::BufReader::with_capacity(7, bytes);
        let mut lines = Vec::new();
        each_line(reader, |number, line| {
            lines.push((number, line.map(str::to_owned)));
        })
        .unwrap();
        lines
    }

    #[test]
    fn lines_lose_their_line_ends() {
        let lines = read(b"10.0.0.1\r\n\n10.0.0.2 name=a\nlast");
        let texts: Vec<_> = lines
            .into_iter()
            .map(|(number, line)| (number, line.unwrap()))
            .collect();
        let expected = [
            (1, "10.0.0.1"),
            (2, ""),
            (3, "10.0.0.2 name=a"),
            (4, "last"),
        ];
        assert_eq!(
            texts,
            expected.map(|(number, text)| (number, text.to_owned()))
        );
        assert_eq!(read(b""), []);
        for (bytes, lines, terminated) in [
            (&b""[..], 0, true),
            (b"a\nb\n", 2, true),
            (b"a\nb", 2, false),
        ] {
            assert_eq!(
                each_line(bytes, |_, _| {}).unwrap(),
                InputEnd { lines, terminated }
            );
        }
    }

    #[test]
    fn a_bad_line_does_not_hide_the_next() {
        let mut bytes = vec![b'x'; 10 * 1024 * 1024];
        bytes.extend_from_slice(b"\nafter\n\xff\xfe\nend\n");
        bytes.extend_from_slice(&vec![b'y'; MAX_LINE]);
        bytes.extend_from_slice(b"\n");
        bytes.extend_from_slice(&vec![b'z'; MAX_LINE + 1]);
        let lines = read(&bytes);
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0], (1, Err(TOO_LONG)));
        assert_eq!(lines[1], (2, Ok("after".into())));
        assert_eq!(lines[2], (3, Err(NOT_UTF_8)));
        assert_eq!(lines[3], (4, Ok("end".into())));
        assert_eq!(lines[4].1.as_ref().map(String::len), Ok(MAX_LINE));
        assert_eq!(lines[5], (6, Err(TOO_LONG)));
    }

    #[test]
    fn a_line_that_is_too_long_is_not_kept_in_memory() {
        let mut line = Vec::new();
        let reader = io::BufReader::new(io::Read::take(io::repeat(b'x'), 10 * 1024 * 1024));
        assert!(matches!(
            next_line(&mut { reader }, &mut line),
            Ok(Some(Read { whole: false, .. }))
        ));
        assert!(line.capacity() <= 2 * MAX_LINE);
    }

    #[test]
    fn a_read_error_has_its_line_number() {
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let reader = io::BufReader::new(io::Read::chain(&b"one\n"[..], Broken));
        let mut lines = 0;
        let (number, error) = each_line(reader, |_, _| lines += 1).unwrap_err();
        assert_eq!((lines, number, error.to_string().as_str()), (1, 2, "gone"));
    }
}
