//! The values of a log: one on each line, or a document over many lines, or several documents without a line feed between
//! them. After a value that cannot be read, reading goes on with the next line.

use std::cell::Cell;
use std::io::{self, BufRead, Read};

use serde::de::DeserializeSeed as _;

use super::entry::{Collector, Entry};
use super::event::Event;
use super::facts::{Counts, Facts};
use super::unpack::unpacked;

/// The longest line that is read at once, in bytes.
const MAX_LINE: u64 = 4 * 1024 * 1024;
/// The largest element of a list, in bytes. Kubernetes writes events of up to 10 MiB.
const MAX_VALUE: u64 = 16 * 1024 * 1024;
/// How far into a line an event may begin: behind a time (S3), or behind the name of a node (`OpenShift`) or of a pod.
const MAX_PREFIX: usize = 300;

/// Reads a log, packed or not, and passes each event to `each`.
///
/// # Errors
/// The input cannot be read. What the input contains is never an error.
pub fn read(
    input: &mut dyn Read,
    counts: &mut Counts,
    facts: &mut Facts,
    each: &mut dyn FnMut(&Event<'_>),
) -> io::Result<()> {
    let failed = Cell::new(false);
    let guarded = Guarded {
        input,
        failed: &failed,
    };
    let budget = Cell::new(0);
    let mut collector = Collector::new(each, counts, facts, &budget, MAX_VALUE);
    let read = unpacked(guarded).and_then(|mut text| {
        let head = text.fill_buf()?;
        if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            collector.counts.utf16_files += 1;
            return Ok(());
        }
        values(&mut *text, &mut collector)
    });
    match read {
        // The input was read, so it is the compression that is damaged.
        Err(_) if !failed.get() => {
            counts.damaged_files += 1;
            Ok(())
        }
        read => read,
    }
}

/// Notes whether reading the input itself failed.
struct Guarded<'f, 'r> {
    input: &'r mut dyn Read,
    failed: &'f Cell<bool>,
}

impl Read for Guarded<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer);
        let is_temporary = |error: &io::Error| error.kind() == io::ErrorKind::Interrupted;
        if read.as_ref().is_err_and(|error| !is_temporary(error)) {
            self.failed.set(true);
        }
        read
    }
}

fn values(text: &mut dyn BufRead, collector: &mut Collector<'_>) -> io::Result<()> {
    let mut lines = Lines {
        text,
        line: Vec::new(),
        position: 0,
        number: 0,
    };
    let mut is_read = false;
    loop {
        if !is_read && !lines.next()? {
            return Ok(());
        }
        is_read = false;
        let Some(start) = beginning(&lines.line) else {
            if !lines.line.trim_ascii().is_empty() {
                collector.counts.not_json += 1;
            }
            lines.skip()?;
            continue;
        };
        let before = collector.snapshot();
        if lines.is_whole() {
            let value = std::str::from_utf8(&lines.line[start..]);
            match value.map(|value| collector.text(value)) {
                Ok(Ok(())) => continue,
                // The value goes on in the next line, or it was cut.
                Ok(Err(error)) if error.is_eof() => {}
                _ => {
                    collector.counts.truncated += 1;
                    continue;
                }
            }
        }
        collector.again_from(before);
        lines.position = start;
        is_read = document(&mut lines, collector)?;
        collector.finish_again();
    }
}

/// Reads a value that is longer than a line. Returns whether the current line is to be read as one of its own.
fn document(lines: &mut Lines<'_>, collector: &mut Collector<'_>) -> io::Result<bool> {
    lines.number = 0;
    let budget = collector.budget;
    let bounded = Bounded {
        lines,
        left: budget,
    };
    let mut deserializer = serde_json::Deserializer::from_reader(bounded);
    let read = Entry(collector).deserialize(&mut deserializer);
    match read {
        Ok(()) => {
            // What is behind it in its line may be another one.
            lines.line.drain(..lines.position);
            lines.position = 0;
            Ok(true)
        }
        Err(_) if budget.get() == 0 => {
            collector.counts.too_long += 1;
            lines.skip()?;
            Ok(false)
        }
        Err(error) if error.is_io() => Err(error.into()),
        Err(_) => {
            collector.counts.truncated += 1;
            // A value was cut, and the next one begins in its own line.
            let is_next = lines.number > 0 && beginning(&lines.line).is_some();
            if !is_next {
                lines.skip()?;
            }
            Ok(is_next)
        }
    }
}

/// Where the JSON of a line begins.
fn beginning(line: &[u8]) -> Option<usize> {
    let text = line.trim_ascii_start();
    let is_json = match text {
        [b'{', ..] => true,
        // A list, and not the name of a pod, as `kubectl logs --prefix` writes it: `[pod/NAME/CONTAINER] {…}`.
        [b'[', rest @ ..] => !rest.starts_with(b"pod/"),
        _ => false,
    };
    if is_json {
        return Some(line.len() - text.len());
    }
    let front = &line[..line.len().min(MAX_PREFIX)];
    // Behind a quote it is the end of an event.
    let found = front.iter().position(|byte| matches!(byte, b'{' | b'"'));
    found.filter(|at| line[*at] == b'{')
}

/// The text, line by line. A line over the limit comes in pieces.
struct Lines<'t> {
    text: &'t mut dyn BufRead,
    line: Vec<u8>,
    /// How much of the line a document has read.
    position: usize,
    /// How many lines were read since a document began.
    number: u32,
}

impl Lines<'_> {
    /// Reads the next line. Returns `false` at the end.
    fn next(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.position = 0;
        self.number = self.number.saturating_add(1);
        (&mut *self.text)
            .take(MAX_LINE)
            .read_until(b'\n', &mut self.line)?;
        Ok(!self.line.is_empty())
    }

    /// Whether the line is whole, and not the first piece of a longer one.
    fn is_whole(&self) -> bool {
        self.line.last() == Some(&b'\n') || (self.line.len() as u64) < MAX_LINE
    }

    /// Skips the rest of a line that is not whole.
    fn skip(&mut self) -> io::Result<()> {
        while !self.is_whole() && self.next()? {}
        Ok(())
    }
}

/// The lines as one text, within the budget of the element that is being read.
struct Bounded<'l, 't, 'b> {
    lines: &'l mut Lines<'t>,
    left: &'b Cell<u64>,
}

impl Read for Bounded<'_, '_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.lines.position == self.lines.line.len() && !self.lines.next()? {
            return Ok(0);
        }
        let Some(left) = self.left.get().checked_sub(1) else {
            return Err(io::Error::other("too long"));
        };
        // The parser asks for single bytes, so that it never reads behind its value.
        let Some(first) = buffer.first_mut() else {
            return Ok(0);
        };
        *first = self.lines.line[self.lines.position];
        self.lines.position += 1;
        self.left.set(left);
        Ok(1)
    }
}
