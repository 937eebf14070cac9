//! The endpoints as data for the script, which draws them as they come into view.
//!
//! Texts repeat from endpoint to endpoint, so each is written once, and endpoints refer to them by number. The data is
//! a block that no browser runs; `<`, `>` and `&` are escaped, so that no text can end it.

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;

use super::endpoint::{Entry, Section};

/// Characters of the data up to which endpoints have the requests with them.
const MAX_EVIDENCE: usize = 6_000_000;

/// Writes the block of data, one endpoint after the other.
pub(super) struct Data {
    strings: Vec<String>,
    numbers: HashMap<String, usize>,
    written: usize,
    /// The approximate number of characters so far.
    length: usize,
}

/// An endpoint: the numbers of its texts, in the order in which the script reads them.
#[derive(Serialize)]
struct Row(
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    Vec<(usize, Vec<Vec<usize>>)>,
    Vec<usize>,
);

impl Data {
    /// Begins the block.
    pub(super) fn begin(out: &mut dyn Write) -> io::Result<Self> {
        write!(
            out,
            "<script type=\"application/json\" id=\"data\">{{\"endpoints\":["
        )?;
        Ok(Self {
            strings: Vec::new(),
            numbers: HashMap::new(),
            written: 0,
            length: 0,
        })
    }

    /// Writes one endpoint.
    pub(super) fn endpoint(&mut self, out: &mut dyn Write, mut entry: Entry) -> io::Result<()> {
        if self.written > 0 {
            out.write_all(b",\n")?;
        }
        if self.length > MAX_EVIDENCE {
            entry.leave_out_requests();
        }
        self.written += 1;
        let row = Row(
            self.number(entry.verdict),
            self.number(entry.target),
            self.number(entry.name),
            self.number(entry.who),
            self.number(entry.may),
            self.number(entry.severity),
            self.number(entry.more),
            self.number(entry.provider),
            (entry.sections.into_iter())
                .map(|section| self.section(section))
                .collect(),
            (entry.labels.into_iter())
                .map(|label| self.number(label))
                .collect(),
        );
        let row = serde_json::to_string(&row)?;
        self.length += row.len();
        out.write_all(row.as_bytes())
    }

    /// Ends the block with the texts.
    pub(super) fn end(self, out: &mut dyn Write) -> io::Result<()> {
        let texts = serde_json::to_string(&self.strings)?;
        let texts = texts
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026");
        writeln!(out, "],\n\"strings\":{texts}}}</script>")
    }

    fn section(&mut self, section: Section) -> (usize, Vec<Vec<usize>>) {
        let title = self.number(section.title.to_owned());
        let rows = section.rows.into_iter();
        let rows = rows.map(|row| row.into_iter().map(|text| self.number(text)).collect());
        (title, rows.collect())
    }

    /// The number of a text.
    fn number(&mut self, text: String) -> usize {
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        let number = self.strings.len();
        self.length += text.len() + 3;
        self.strings.push(text.clone());
        self.numbers.insert(text, number);
        number
    }
}
