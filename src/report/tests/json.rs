//! `json`: one document for the whole report.

use super::super::sample;
use crate::record::write_document;

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
    let error = write_document(
        &mut sample::Full,
        &sample.results().contents(),
        sample.reports.iter(),
        sample.carried.0.iter(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}
