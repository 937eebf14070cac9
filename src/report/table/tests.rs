use std::sync::Arc;

use proptest::prelude::*;

use super::super::escape::hidden;
use super::super::sample;
use super::*;
use crate::model::{Failure, FailureKind, SpecCoverage, Stage, Verdict};

fn plain() -> TableOptions {
    TableOptions::default()
}

#[test]
fn piped() {
    insta::assert_snapshot!(sample::table(&sample::mixed(), &plain()));
}

#[test]
fn on_a_terminal() {
    let options = TableOptions {
        color: true,
        width: Some(140),
    };
    insta::assert_snapshot!(sample::table(&sample::mixed(), &options));
}

#[test]
fn narrow() {
    let options = TableOptions {
        width: Some(80),
        ..plain()
    };
    let shown = sample::table(&sample::mixed(), &options);
    let rows = shown.split("\n\n").nth(1).unwrap();
    assert!(rows.starts_with("VERDICT"), "{rows}");
    assert!(
        rows.lines().all(|line| line.chars().count() <= 80),
        "{rows}"
    );
    insta::assert_snapshot!(shown);
}

#[test]
fn no_width_is_too_small() {
    for width in [0, 1, 59, usize::MAX] {
        let options = TableOptions {
            width: Some(width),
            ..plain()
        };
        assert!(sample::table(&sample::mixed(), &options).contains("exposed"));
    }
}

#[test]
fn nothing_answered() {
    insta::assert_snapshot!(sample::table(&sample::empty(), &TableOptions::default()));
}

#[test]
fn stopped_early() {
    insta::assert_snapshot!(sample::table(&sample::stopped(), &plain()));
}

#[test]
fn specifications_that_were_not_asked_are_called_not_asked() {
    let mut sample = sample::stopped();
    let spec = sample.summary.coverage.specs.first_mut().unwrap();
    *spec = SpecCoverage::of(
        Arc::clone(&spec.origin),
        true,
        None,
        spec.expect,
        Vec::new(),
    );
    let shown = sample::table(&sample, &plain());
    assert!(
        shown.contains("  not covered: 192.0.2.17 (targets.txt:3): not asked\n"),
        "{shown}"
    );
    assert!(
        shown.contains("(targets.txt:3): expected rejected, not asked\n"),
        "{shown}"
    );
}

#[test]
fn a_long_cell_is_cut() {
    let shown = sample::table(&sample::saying(&"x".repeat(2000)), &plain());
    let rows = shown.split("\n\n").nth(1).unwrap();
    // The user chooses targets and names, so only the server's text is limited here.
    assert!(
        rows.lines()
            .all(|line| line.chars().count() < 2 * 240 + 400),
        "{rows}"
    );
}

#[test]
fn hostile_text() {
    let options = TableOptions {
        width: Some(120),
        ..plain()
    };
    let shown = sample::table(&sample::hostile(), &options);
    assert!(!shown.chars().any(|c| c != '\n' && hidden(c)));
    insta::assert_snapshot!(shown);
}

#[test]
fn colours_do_not_change_the_text() {
    let coloured = sample::table(
        &sample::hostile(),
        &TableOptions {
            color: true,
            ..plain()
        },
    );
    let stripped: String = coloured
        .split('\u{1b}')
        .enumerate()
        .map(|(index, part)| {
            if index == 0 {
                part
            } else {
                part.split_once('m').unwrap().1
            }
        })
        .collect();
    assert_ne!(coloured, stripped);
    assert_eq!(stripped, sample::table(&sample::hostile(), &plain()));
}

#[test]
fn common_verdicts_are_counted_after_their_named_targets() {
    let mut sample = sample::empty();
    for index in 0..40 {
        let address = format!("198.51.100.{index}");
        let mut target = sample::target(index, sample::origin(1, "198.51.100.0/24"), &address, 443);
        target.named = index == 39;
        let refused = Failure::new(Stage::Connect, FailureKind::Refused, "");
        sample
            .reports
            .push(sample::silent(target.clone(), Some(&address), refused));
        target.index += 100;
        sample.reports.push(sample::report(
            target,
            &address,
            Verdict::NotApiServer,
            "a web server",
        ));
    }
    // The specification of the named target answered on another port, so its closed port is not listed.
    let shown = sample::table(&sample, &TableOptions::default());
    assert_eq!(shown.matches("\nunreachable ").count(), 30);
    assert_eq!(shown.matches("\nnot-api-server ").count(), 30);
    assert!(
        shown.contains("… and 10 more not-api-server\n… and 9 more unreachable\n"),
        "{shown}"
    );
    assert!(
        shown.lines().nth(1).unwrap().contains("198.51.100.39:443"),
        "{shown}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_hidden_character_is_written(text in "\\PC*|[\\x00-\\u{2fff}\\u{e0000}-\\u{e007f}]{0,40}") {
        let sample = sample::saying(&text);
        for options in [plain(), TableOptions { width: Some(80), ..plain() }] {
            let shown = sample::table(&sample, &options);
            prop_assert!(!shown.chars().any(|c| c != '\n' && hidden(c)), "{shown:?}");
            // A text cannot begin a line, where it would look like a row.
            let exposed = shown.lines().filter(|line| line.starts_with("exposed ")).count();
            prop_assert_eq!(exposed, 1);
        }
        for written in [sample::json(&sample), sample::jsonl(&sample)] {
            prop_assert!(!written.chars().any(|c| c != '\n' && hidden(c)));
        }
    }
}
