//! Cells that are safe to open in a spreadsheet: no text from the network becomes a formula.
//!
//! The program that opens the file chooses the separator. In countries with a decimal comma it splits at `;`,
//! and it respects quotes only at the start of its own cells. So the text after any separator is guarded like
//! the start of a cell. All text is quoted as well, for programs that split at several separators.

use std::io;

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};

use super::escape::escape;

/// Characters of a spreadsheet's cell.
const CELL: usize = 1000;
/// Characters that begin a formula, full-width ones included.
const FORMULA: [char; 8] = [
    '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];
/// Characters that may separate cells. Tabs and line ends are escaped.
const SEPARATORS: [char; 2] = [',', ';'];

/// A writer that quotes every text, with this end of a row.
pub(super) fn writer<W: io::Write>(out: W, end: Terminator) -> Writer<W> {
    WriterBuilder::new()
        .quote_style(QuoteStyle::NonNumeric)
        .terminator(end)
        .from_writer(out)
}

/// The text of a cell. Anything that could be a formula, at the start or after a separator, gets an apostrophe
/// in front.
pub(super) fn cell(text: &str) -> String {
    let mut out = String::new();
    let mut at_start = true;
    for c in escape(text, CELL).chars() {
        if at_start && FORMULA.contains(&c) {
            out.push('\'');
        }
        at_start = SEPARATORS.contains(&c) || at_start && (c.is_whitespace() || c == '"');
        out.push(c);
    }
    out
}

/// Whether a spreadsheet would find a formula in the text, with any separator.
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
    fn text_after_a_separator_is_guarded_like_the_start_of_a_cell() {
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
        let mut sheet = writer(Vec::new(), Terminator::CRLF);
        sheet.write_record(["a;b", "6443"]).unwrap();
        assert_eq!(sheet.into_inner().unwrap(), b"\"a;b\",6443\r\n");
    }
}
