use std::process::Command;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::sample::{self, Sample};
use super::super::{Format, skip};
use super::*;
use crate::model::{Identity, Origin, Severity, SpecCoverage, SpecId, Verdict};

fn written(sample: &Sample) -> String {
    sample::rendered(Format::Junit, sample)
}

#[test]
fn a_case_for_each_endpoint() {
    let suite = written(&sample::mixed());
    insta::assert_snapshot!(suite);
    let count = |tag: &str| suite.matches(tag).count();
    let text = |name: &str| {
        let rest = suite.split(&format!(" {name}=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().parse::<usize>().unwrap()
    };
    assert_eq!(text("tests"), count("<testcase "));
    assert_eq!(text("failures"), count("<failure "));
    assert_eq!(text("skipped"), count("<skipped "));
    assert_eq!((text("errors"), count("<error ")), (1, 1));
    assert_eq!(text("tests"), sample::mixed().reports.len());
}

/// Jenkins takes a file without a case for an error.
#[test]
fn a_scan_without_anything_to_report_is_one_case() {
    let mut sample = sample::empty();
    let suite = written(&sample);
    assert!(
        suite.contains("tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\""),
        "{suite}"
    );
    assert!(
        suite.contains("<testcase classname=\"kubeknock\" name=\"scan\"")
            && suite.contains("<system-out>no endpoint answered: 256 timed out\n</system-out>"),
        "{suite}"
    );
    // It does not pass if it saw nothing because it was stopped.
    sample.summary.coverage.not_attempted = 3;
    let suite = written(&sample);
    assert!(
        suite.contains("tests=\"1\" failures=\"0\" errors=\"1\"")
            && suite.contains("<error type=\"incomplete\" message=\"exit "),
        "{suite}"
    );
}

/// The suite of the mixed scan if its only finding is that the target of this record got no verdict.
fn not_covered(record: usize, seen: Vec<Verdict>) -> String {
    let sample = sample::mixed();
    let origin = Arc::clone(&sample.reports[record].target.origin);
    missing(sample, &origin, seen)
}

/// The suite of a sample if its only finding is that a specification got no verdict.
fn missing(mut sample: Sample, origin: &Arc<Origin>, seen: Vec<Verdict>) -> String {
    let spec = SpecCoverage::of(Arc::clone(origin), true, None, None, seen);
    let finding = Finding {
        about: Identity::of_specification(origin),
        origin: Arc::clone(origin),
        index: None,
        sites: Vec::new(),
        severity: Severity::Low,
        acceptance: None,
        ..sample.findings[0].clone()
    };
    sample.findings = vec![finding];
    sample.summary.coverage.specs = vec![spec];
    written(&sample)
}

#[test]
fn a_target_without_a_verdict_is_one_error_in_an_existing_case() {
    let mixed = sample::mixed().reports.len();
    let head = |suite: &str| suite.lines().nth(2).unwrap().trim().to_owned();
    // A refused connection and a name that does not resolve; an inconclusive endpoint is an error already.
    for (record, seen, errors) in [
        (12, Verdict::Unreachable, 2),
        (10, Verdict::Unreachable, 2),
        (7, Verdict::Inconclusive, 1),
    ] {
        let suite = not_covered(record, vec![seen]);
        let text = format!("tests=\"{mixed}\" failures=\"0\" errors=\"{errors}\"");
        assert!(head(&suite).contains(&text), "{suite}");
        assert_eq!(
            suite.matches("low resources-exposed: ").count(),
            1,
            "{suite}"
        );
    }
    // A target that was not asked has no endpoint.
    let suite = not_covered(12, Vec::new());
    assert!(
        head(&suite).contains(&format!(
            "tests=\"{}\" failures=\"0\" errors=\"2\"",
            mixed + 1
        )),
        "{suite}"
    );
    assert!(
        suite.contains("name=\"192.0.2.99 (prod-eu-3)\" time=\"0\">\n      <error type="),
        "{suite}"
    );
    assert!(suite.contains("<system-out>not asked\n"), "{suite}");
}

#[test]
fn an_accepted_endpoint_says_by_whom_and_until_when() {
    let mut sample = sample::mixed();
    let accepted = (sample.findings.iter()).find(|finding| finding.accepted());
    let acceptance = accepted.unwrap().acceptance.clone();
    sample.findings.truncate(1);
    assert!(written(&sample).contains("failures=\"1\""));
    sample.findings[0].acceptance = acceptance.clone();
    let suite = written(&sample);
    assert!(suite.contains("failures=\"0\""), "{suite}");
    let output = suite.split("critical resources-exposed: ").nth(1).unwrap();
    let said = output.lines().nth(1).unwrap();
    assert_eq!(
        said,
        "  accepted by platform@example.com until 2027-01-31: a lab, behind the VPN"
    );
    // So does a target without a verdict, which is skipped then.
    sample.findings[0].index = None;
    sample.findings[0].sites.clear();
    let suite = written(&sample);
    assert!(suite.contains("failures=\"0\" errors=\"1\""), "{suite}");
    assert!(
        suite.contains("accepted by platform@example.com until"),
        "{suite}"
    );
}

#[test]
fn a_target_of_two_specifications_is_one_case() {
    let cases = sample::mixed().reports.len();
    let refused = |specs: &[u32]| {
        let mut sample = sample::mixed();
        sample.reports[12].target.specs = specs.iter().copied().map(SpecId).collect();
        sample
    };
    let again = |sample: &Sample, scheme| {
        sample::origin(900, &format!("{scheme}{}", sample.reports[12].target))
    };
    // In the report of one scan, and in a merged report.
    for specs in [&[12, 900][..], &[]] {
        for scheme in ["https://", ""] {
            let sample = refused(specs);
            let origin = again(&sample, scheme);
            let suite = missing(sample, &origin, vec![Verdict::Unreachable]);
            assert!(
                suite.contains(&format!("tests=\"{cases}\" failures=\"0\" errors=\"2\"")),
                "{suite}"
            );
            assert!(!suite.contains("not asked"), "{suite}");
        }
    }
    // Only the first specification names the target, so the finding of the other one gets a case of its own.
    let sample = refused(&[12]);
    let origin = again(&sample, "https://");
    let suite = missing(
        sample,
        &origin,
        vec![Verdict::Inconclusive, Verdict::Unreachable],
    );
    assert!(
        suite.contains(&format!("tests=\"{}\"", cases + 1)),
        "{suite}"
    );
    assert!(
        suite.contains("<system-out>seen inconclusive, unreachable\n"),
        "{suite}"
    );
}

/// The gate does not fail on accepted findings and expected verdicts either.
#[test]
fn accepted_and_expected_results_pass() {
    let mut sample = sample::mixed();
    let head = |sample: &Sample| written(sample).lines().nth(2).unwrap().trim().to_owned();
    // The exposure is accepted, and the remaining finding is medium.
    let medium = |open: &[&str]| Finding {
        severity: Severity::Medium,
        open: open.iter().map(|path| (*path).to_owned()).collect(),
        ..sample::mixed().findings[0].clone()
    };
    sample.findings = vec![medium(&[])];
    assert!(
        head(&sample).contains("failures=\"0\" errors=\"1\""),
        "{}",
        head(&sample)
    );
    sample.findings = vec![medium(&[]), medium(&["/metrics"])];
    assert!(
        head(&sample).contains("failures=\"1\" errors=\"1\""),
        "{}",
        head(&sample)
    );
    assert_eq!(
        written(&sample)
            .matches("medium resources-exposed: ")
            .count(),
        2,
        "each is written once"
    );
    for report in &mut sample.reports {
        report.target.expect = Some(report.verdict);
    }
    sample.findings.clear();
    assert!(
        head(&sample).contains("failures=\"0\" errors=\"0\""),
        "{}",
        head(&sample)
    );
}

#[test]
fn what_is_carried_is_said_and_own_advice_keeps_its_brackets() {
    let written = written(&sample::carrying());
    assert!(
        written.contains("carried from the baseline: 2 findings that"),
        "{written}"
    );
    assert_eq!(super::text("[[accept]]"), "[[accept]]");
    assert_eq!(
        super::text("[[[ATTACHMENT|/etc/passwd]]"),
        "[[\\u{5b}ATTACHMENT|/etc/passwd]]"
    );
}

/// This is the schema of Jenkins' xunit plugin, as pytest ships it.
#[test]
fn the_file_fits_the_usual_schema() {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/junit-10.xsd");
    for sample in [
        sample::mixed(),
        sample::empty(),
        sample::hostile(),
        sample::carrying(),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("junit.xml");
        std::fs::write(&file, written(&sample)).unwrap();
        let output = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema", schema])
            .arg(&file)
            .output();
        let Ok(output) = output else {
            skip::without("xmllint", "the JUnit schema");
            return;
        };
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

proptest! {
    #[test]
    fn any_text_gives_valid_xml(text in "\\PC*|[\\x00-\\u{2fff}\\u{fffe}\\u{ffff}<>&\"']{0,40}") {
        let mut xml = Writer::new(Vec::new());
        let text = super::text(&text);
        xml.create_element("e").with_attribute(("a", &*text)).write_text_content(BytesText::new(&text)).unwrap();
        let written = String::from_utf8(xml.into_inner()).unwrap();
        let (attribute, content) = written
            .strip_prefix("<e a=\"")
            .and_then(|rest| rest.strip_suffix("</e>"))
            .and_then(|rest| rest.split_once("\">"))
            .unwrap();
        for shown in [attribute, content] {
            prop_assert!(!shown.contains(['<', '>', '"', '\'', '\u{fffe}', '\u{ffff}']), "{shown}");
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}
