//! Cells of the formats that spreadsheets open: no text from the network becomes a formula there.
//!
//! Which character separates cells is decided by whoever opens the file: where the decimal comma is used,
//! a spreadsheet splits at `;` and heeds no quotes but those at the start of *its* cells. So what stands
//! behind a separator inside a cell of ours is guarded as the start of one. Every text is quoted beside
//! that, for programs that split at several separators at once.

use std::io;

use csv::{QuoteStyle, Writer, WriterBuilder};

use super::escape::escape;

/// Characters of a spreadsheet's cell.
const CELL: usize = 1000;
/// What begins a formula, also as full-width characters.
const FORMULA: [char; 8] = [
    '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];
/// What may separate cells; tabs and line ends are escaped before.
const SEPARATORS: [char; 2] = [',', ';'];

/// A writer that quotes every text.
pub(super) fn writer<W: io::Write>(out: W) -> Writer<W> {
    WriterBuilder::new()
        .quote_style(QuoteStyle::NonNumeric)
        .from_writer(out)
}

/// `text` for a cell. What a spreadsheet would take for a formula, at the start or behind a separator,
/// spaces and quotes passed over, gets an apostrophe in front.
pub(super) fn cell(text: &str) -> String {
    let mut out = String::new();
    let mut begins = true;
    for c in escape(text, CELL).chars() {
        if begins && FORMULA.contains(&c) {
            out.push('\'');
        }
        begins = SEPARATORS.contains(&c) || begins && (c.is_whitespace() || c == '"');
        out.push(c);
    }
    out
}

/// Whether some spreadsheet would find a formula in what was written, wherever it splits.
#[cfg(test)]
pub(super) fn has_formula(written: &str) -> bool {
    [',', ';', '\t'].iter().any(|separator| {
        let cells = written.lines().flat_map(|line| line.split(*separator));
        let mut starts =
            cells.map(|cell| cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"'));
        starts.any(|cell| cell.starts_with(FORMULA))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_separator_is_guarded_like_a_start() {
        for (text, shown) in [
            ("v1.20.2;=1+1|x", "v1.20.2;'=1+1|x"),
            ("=1", "'=1"),
            ("  =1", "  '=1"),
            ("a, \"@b", "a, \"'@b"),
            ("a;\u{ff1d}b", "a;'\u{ff1d}b"),
            ("a\t=b", "a\\t=b"),
            ("a=b; c-d, e", "a=b; c-d, e"),
        ] {
            assert_eq!(cell(text), shown);
            assert!(!has_formula(&cell(text)), "{text}");
        }
        assert!(has_formula("a,\"b;=c\"") && has_formula("\"=a\"") && !has_formula("a=b"));
    }

    #[test]
    fn a_text_with_a_separator_is_quoted() {
        let mut sheet = writer(Vec::new());
        sheet.write_record(["a;b", "6443"]).unwrap();
        assert_eq!(sheet.into_inner().unwrap(), b"\"a;b\",6443\n");
    }
}
