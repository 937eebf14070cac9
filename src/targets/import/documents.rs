//! JSON documents one after the other, each an entry or an array of entries. One entry is in memory at a time.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::marker::PhantomData;
use std::rc::Rc;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde_json::error::Category;

use super::imported::Handler;
use super::inventory::MAX_SIZE;
use crate::targets::error::Problem;

/// How the documents of a format are read.
pub(super) trait Documents {
    /// Reads one document. `line` is the line that has been read.
    fn document<'de, D: Deserializer<'de>>(
        &mut self,
        line: &Cell<u32>,
        handle: Handler<'_>,
        deserializer: D,
    ) -> Result<(), D::Error>;
}

/// Reads all documents. `expected` says what the file should be. The first mistake ends the file.
///
/// # Errors
/// The line where reading failed, and why.
pub(super) fn read(
    reader: impl BufRead,
    expected: &str,
    handle: Handler<'_>,
    documents: &mut impl Documents,
) -> Result<(), (u32, io::Error)> {
    let lines = Lines::new(reader);
    let line = Rc::clone(&lines.line);
    let mut json = serde_json::Deserializer::from_reader(lines);
    let mut empty = true;
    // The end of the input is the only place where this succeeds.
    while json.end().is_err() {
        if let Err(error) = documents.document(&line, &mut *handle, &mut json) {
            let number = u32::try_from(error.line()).unwrap_or(u32::MAX).max(1);
            if error.classify() == Category::Io {
                return Err((number, error.into()));
            }
            handle(number, Err(problem(&error, expected)));
            return Ok(());
        }
        empty = false;
    }
    if empty {
        handle(1, Err(format!("empty file: expected {expected}").into()));
    }
    Ok(())
}

/// Reads documents that are entries or arrays of them, and calls `entry` with the line where each begins.
///
/// # Errors
/// Those of [`read`].
pub(super) fn each<T: DeserializeOwned>(
    reader: impl BufRead,
    expected: &str,
    handle: Handler<'_>,
    entry: impl FnMut(u32, T, Handler<'_>),
) -> Result<(), (u32, io::Error)> {
    let mut entries = Entries {
        entry,
        kind: PhantomData,
    };
    read(reader, expected, handle, &mut entries)
}

struct Entries<T, F> {
    entry: F,
    kind: PhantomData<T>,
}

impl<T: DeserializeOwned, F: FnMut(u32, T, Handler<'_>)> Documents for Entries<T, F> {
    fn document<'de, D: Deserializer<'de>>(
        &mut self,
        line: &Cell<u32>,
        handle: Handler<'_>,
        deserializer: D,
    ) -> Result<(), D::Error> {
        let document = Document {
            line,
            handle,
            entry: &mut self.entry,
            kind: PhantomData,
        };
        document.deserialize(deserializer)
    }
}

/// What is wrong, without the text of the file that the original error repeats.
fn problem(error: &serde_json::Error, expected: &str) -> Problem {
    let column = error.column();
    match error.classify() {
        Category::Eof => "truncated file: the JSON ends too early".into(),
        Category::Syntax => {
            format!("invalid JSON at character {column}: expected {expected}").into()
        }
        _ => format!("unexpected value before character {column}: expected {expected}").into(),
    }
}

/// A document: an entry, or an array of them.
struct Document<'a, 'h, T, F> {
    line: &'a Cell<u32>,
    handle: Handler<'h>,
    entry: &'a mut F,
    kind: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(u32, T, Handler<'_>)> DeserializeSeed<'de>
    for Document<'_, '_, T, F>
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: DeserializeOwned, F: FnMut(u32, T, Handler<'_>)> Visitor<'de>
    for Document<'_, '_, T, F>
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let line = self.line.get();
        let value = T::deserialize(MapAccessDeserializer::new(map))?;
        (self.entry)(line, value, self.handle);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        loop {
            let element = Document {
                line: self.line,
                handle: &mut *self.handle,
                entry: &mut *self.entry,
                kind: PhantomData,
            };
            if seq.next_element_seed(Element(element))?.is_none() {
                return Ok(());
            }
        }
    }
}

/// An element of the outermost array, which is no array itself.
struct Element<'a, 'h, T, F>(Document<'a, 'h, T, F>);

impl<'de, T: DeserializeOwned, F: FnMut(u32, T, Handler<'_>)> DeserializeSeed<'de>
    for Element<'_, '_, T, F>
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: DeserializeOwned, F: FnMut(u32, T, Handler<'_>)> Visitor<'de>
    for Element<'_, '_, T, F>
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom("an array in an array"))
    }
}

/// Counts the lines that are read, and ends a file that is too large with an error.
pub(super) struct Lines<R> {
    inner: R,
    line: Rc<Cell<u32>>,
    left: u64,
}

impl<R> Lines<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            line: Rc::new(Cell::new(1)),
            left: u64::from(MAX_SIZE),
        }
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.fill_buf()?.read(buffer)?;
        self.inner.consume(count);
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            let problem = format!("larger than {} MiB", MAX_SIZE >> 20);
            io::Error::new(io::ErrorKind::InvalidData, problem)
        })?;
        // The parser reads byte by byte.
        for byte in buffer.iter().take(count) {
            if *byte == b'\n' {
                self.line.set(self.line.get().saturating_add(1));
            }
        }
        Ok(count)
    }
}
