//! `json`: the whole report as one document, as `record` writes it.

use std::borrow::Borrow;
use std::io;

use super::Results;
use crate::model::EndpointReport;
use crate::record;

/// Writes the document with `reports` in the order given.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    record::write_document(out, &results.contents(), reports)
}

#[cfg(test)]
mod tests {
    use super::super::sample;

    #[test]
    fn one_document() {
        insta::assert_snapshot!(sample::json(&sample::mixed()));
    }

    #[test]
    fn nothing_to_report() {
        insta::assert_snapshot!(sample::json(&sample::empty()));
    }

    #[test]
    fn long_text_is_cut_and_hidden_characters_are_escaped() {
        let written = sample::json(&sample::hostile());
        assert!(
            !written
                .chars()
                .any(|c| c != '\n' && crate::escape::hidden(c))
        );
        let document: serde_json::Value = serde_json::from_str(&written).unwrap();
        let evidence = &document["endpoints"][0]["requests"][0]["evidence"];
        let message = evidence["status_message"].as_str().unwrap();
        assert_eq!(
            (message.chars().count(), message.chars().last()),
            (1024, Some('…'))
        );
        assert_eq!(evidence["server"], "nginx\u{9b}31m");
    }

    #[test]
    fn a_writer_that_fails_is_an_error() {
        let sample = sample::mixed();
        let error =
            super::write(&mut sample::Full, &sample.results(), sample.reports.iter()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}
