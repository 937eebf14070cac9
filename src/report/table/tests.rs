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

/// Nobody accepts it any more, and no count has it.
#[test]
fn a_carried_finding_says_that_its_acceptance_ended() {
    let mut sample = sample::carrying();
    let said = "carried anonymous-enabled (accepted by ";
    assert!(!sample::table(&sample, &plain()).contains(said));
    let expired = (sample.findings.iter())
        .filter_map(|finding| finding.acceptance.clone())
        .find(|acceptance| !acceptance.in_force);
    sample.carried.1[0].acceptance = expired;
    assert_eq!(sample::table(&sample, &plain()).matches(said).count(), 1);
}

#[test]
fn on_a_terminal() {
    let options = TableOptions {
        color: true,
        width: Some(140),
        ..plain()
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
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
    insta::assert_snapshot!(shown);
}

fn at(width: usize) -> TableOptions {
    TableOptions {
        width: Some(width),
        ..plain()
    }
}

#[test]
fn an_estate_of_any_size() {
    for size in [1, 14, 276] {
        let sample = sample::estate(size);
        insta::assert_snapshot!(
            format!("estate-{size}-at-80"),
            sample::table(&sample, &at(80))
        );
        insta::assert_snapshot!(
            format!("estate-{size}-at-140"),
            sample::table(&sample, &at(140))
        );
        insta::assert_snapshot!(
            format!("estate-{size}-piped"),
            sample::table(&sample, &plain())
        );
    }
}

#[test]
fn the_last_screen_names_the_exposed_endpoint_and_its_fix() {
    for size in [1, 14, 276, 5000] {
        let sample = sample::estate(size);
        let name = format!("onprem-fra-{}", size / 2 + 1);
        for width in [60, 80, 140] {
            let shown = sample::table(&sample, &at(width));
            let lines: Vec<&str> = shown.lines().collect();
            for line in &lines {
                assert!(line.chars().count() <= width, "{width}: {line}");
                assert!(!line.ends_with(' '), "{line:?}");
            }
            let last = lines[lines.len().saturating_sub(24)..].join("\n");
            for said in [
                &format!("critical anonymous-resources-exposed {name} (10."),
                "fix: Remove the binding",
                "more:\n  kubeknock identify 10.",
                ":6443\n  kubeknock rules anonymous-resources-exposed\nexit 1",
            ] {
                let unwrapped = last.replace("\n    ", " ");
                assert!(unwrapped.contains(said), "{said} in\n{last}");
            }
            assert!(shown.ends_with(&format!("exit 1: 1 exposed: {name}\n")));
            assert!(lines[0].starts_with("VERDICT"));
            assert!(lines[1].starts_with("exposed") && lines[1].contains(&name));
        }
    }
}

#[test]
fn five_thousand_endpoints_have_one_line_each() {
    let sample = sample::estate(5000);
    let shown = sample::table(&sample, &plain());
    assert!(shown.lines().count() < 5030, "{}", shown.lines().count());
    assert!(shown.len() < 700_000, "{}", shown.len());
    let row = shown.lines().nth(1).unwrap();
    assert!(
        row.starts_with("exposed  10.20.10.1:6443  onprem-fra-2501  kubeadm v1.33.5  list "),
        "{row}"
    );
    let longest = shown.lines().map(|line| line.chars().count()).max();
    assert!(longest < Some(350), "{longest:?}");
}

#[test]
fn an_outage_is_one_sentence() {
    let sample = sample::outage(276);
    for options in [at(80), at(140), plain()] {
        let shown = sample::table(&sample, &options);
        let unwrapped = shown.replace("\n  ", " ");
        assert!(
            unwrapped.contains(
                "since the baseline: 267 changes and 273 findings of silent targets are not listed"
            ),
            "{shown}"
        );
        assert!(
            unwrapped.contains("exit 3: 267 of 270 targets silent: is the network up?"),
            "{shown}"
        );
        assert!(
            !shown.contains("gone: ") && !shown.contains("not-covered"),
            "{shown}"
        );
        assert!(shown.lines().count() < 30, "{shown}");
    }
    insta::assert_snapshot!(sample::table(&sample, &at(80)));
    // Programs read everything.
    let json = sample::json(&sample);
    assert_eq!(
        json.matches("\"rule\": \"target-not-covered\"").count(),
        273
    );
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
        shown.contains("  not covered: 5 (2 not asked, 2 unreachable, 1 at a special address)"),
        "{shown}"
    );
    assert!(
        shown.contains("(targets.txt:3): expected rejected, not asked\n"),
        "{shown}"
    );
    sample.summary.coverage.specs.truncate(1);
    let shown = sample::table(&sample, &plain());
    assert!(
        shown.contains("  not covered: 192.0.2.17 (targets.txt:3): not asked\n"),
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
