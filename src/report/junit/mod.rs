//! `junit`: a test case for each endpoint, which every CI server shows.
//!
//! A case fails on a critical or high finding, and on a medium one if it says what makes the endpoint exposed.
//! So a default cluster passes, as it does at the default of `--fail-on`, and so does an endpoint whose exposure
//! is accepted. A case is an error if the verdict is inconclusive, or if a named target got no verdict: the
//! test ran and proves nothing. It is skipped if nothing answered. All other findings are its output, which also says what
//! is accepted, by whom and until when. Without any endpoint and finding there is one case, about the scan, because
//! Jenkins takes an empty file for an error.
//!
//! Names contain the target and never the result, so that CI servers can show the history of a case.

mod cases;

use std::borrow::{Borrow, Cow};
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::escape::escape;
use super::phrases;
use super::results::Results;
use crate::model::{EndpointReport, Finding};
use crate::record::Spool;
use cases::{CaseFindings, CaseResult, SpecificationFindings};

/// Characters of a text from outside.
const MAX_TEXT: usize = 1000;

/// The counts at the beginning of the file.
#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    /// Counts the cases that [`suite()`] writes for the same records.
    fn of(results: &Results<'_>, reports: impl Iterator<Item: Borrow<EndpointReport>>) -> Self {
        let mut findings = CaseFindings::new(results);
        let mut counts = Self::default();
        for report in reports {
            let report = report.borrow();
            counts.add(&CaseResult::of_endpoint(report, &findings.take(report)));
        }
        for specification in findings.without_endpoint() {
            counts.add(&CaseResult::without_endpoint(&specification));
        }
        if counts.tests == 0 {
            counts.add(&CaseResult::of_scan(results));
        }
        counts
    }

    fn add(&mut self, result: &CaseResult<'_>) {
        self.tests += 1;
        match result {
            CaseResult::Passed => {}
            CaseResult::Failed(_) => self.failures += 1,
            CaseResult::Error { .. } => self.errors += 1,
            CaseResult::Skipped => self.skipped += 1,
        }
    }
}

/// Writes the suite. It begins with the counts, so the records are read twice.
pub(super) fn write(
    out: &mut dyn Write,
    results: &Results<'_>,
    records: &mut Spool,
) -> io::Result<()> {
    let counts = records.read(|records| Ok(Counts::of(results, records)))?;
    let mut out = BufWriter::new(out);
    let mut xml = Writer::new_with_indent(&mut out, b' ', 2);
    records.read(|records| suite(&mut xml, results, &counts, records))?;
    writeln!(out)?;
    out.flush()
}

fn suite<W: Write>(
    xml: &mut Writer<W>,
    results: &Results<'_>,
    counts: &Counts,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let started = format!("{:.0}", results.summary.started);
    let suite = BytesStart::new("testsuite").with_attributes([
        ("name", "kubeknock"),
        ("tests", &counts.tests.to_string()),
        ("failures", &counts.failures.to_string()),
        ("errors", &counts.errors.to_string()),
        ("skipped", &counts.skipped.to_string()),
        ("time", &seconds(results.summary.elapsed)),
        ("timestamp", started.trim_end_matches('Z')),
    ]);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.write_event(Event::Start(BytesStart::new("testsuites")))?;
    xml.write_event(Event::Start(suite))?;
    let mut findings = CaseFindings::new(results);
    let mut is_empty = true;
    for report in reports {
        let report = report.borrow();
        endpoint(xml, report, &findings.take(report))?;
        is_empty = false;
    }
    for specification in findings.without_endpoint() {
        without_endpoint(xml, &specification)?;
        is_empty = false;
    }
    if is_empty {
        scan(xml, results)?;
    }
    if let Some(carried) = results.carried_notice() {
        xml.create_element("system-out")
            .write_text_content(BytesText::new(&text(&carried)))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuite")))?;
    xml.write_event(Event::End(BytesEnd::new("testsuites")))
}

fn endpoint<W: Write>(
    xml: &mut Writer<W>,
    report: &EndpointReport,
    findings: &[&Finding],
) -> io::Result<()> {
    let target = report.target.to_string();
    let address = match &report.endpoint {
        Some(endpoint) => endpoint.to_string(),
        None => target.clone(),
    };
    let case = Case {
        class: &target,
        name: &phrases::with_label(&address, report.target.label.as_deref()),
        time: &seconds(report.elapsed()),
        result: CaseResult::of_endpoint(report, findings),
        reason: &report.reason,
        output: format!("{}: {}", report.verdict, text(&report.reason)),
    };
    case.write(xml, findings)
}

fn without_endpoint<W: Write>(
    xml: &mut Writer<W>,
    specification: &SpecificationFindings<'_>,
) -> io::Result<()> {
    let SpecificationFindings {
        is_target,
        seen,
        findings,
    } = specification;
    let Some(first) = findings.first() else {
        return Ok(());
    };
    let case = Case {
        class: first.about.as_str(),
        name: &phrases::about(first),
        time: "0",
        result: CaseResult::without_endpoint(specification),
        reason: "",
        output: if !is_target {
            String::new()
        } else if seen.is_empty() {
            "not asked".to_owned()
        } else {
            format!("seen {}", phrases::verdict_names(seen))
        },
    };
    case.write(xml, findings)
}

/// The only case of a scan without endpoints and findings.
fn scan<W: Write>(xml: &mut Writer<W>, results: &Results<'_>) -> io::Result<()> {
    let silent = phrases::counts_by_kind(&results.summary.coverage.unreachable);
    let case = Case {
        class: "kubeknock",
        name: "scan",
        time: &seconds(results.summary.elapsed),
        result: CaseResult::of_scan(results),
        reason: "",
        output: if silent.is_empty() {
            text(results.outcome.sentence)
        } else {
            format!("no endpoint answered: {silent}")
        },
    };
    case.write(xml, &[])
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

struct Case<'a> {
    class: &'a str,
    name: &'a str,
    /// Seconds.
    time: &'a str,
    result: CaseResult<'a>,
    /// Why it was skipped.
    reason: &'a str,
    /// The first line of its output.
    output: String,
}

impl Case<'_> {
    fn write<W: Write>(&self, xml: &mut Writer<W>, findings: &[&Finding]) -> io::Result<()> {
        let case = xml.create_element("testcase").with_attributes([
            ("classname", &*text(self.class)),
            ("name", &*text(self.name)),
            ("time", self.time),
        ]);
        case.write_inner_content(|xml| {
            self.write_result(xml)?;
            let mut output = self.output.clone();
            if !output.is_empty() {
                output.push('\n');
            }
            for finding in self.result.other_findings(findings) {
                output.push_str(&lines(finding));
            }
            xml.create_element("system-out")
                .write_text_content(BytesText::new(&output))?;
            Ok(())
        })?;
        Ok(())
    }

    fn write_result<W: Write>(&self, xml: &mut Writer<W>) -> io::Result<()> {
        let (element, kind, message) = match &self.result {
            CaseResult::Passed => return Ok(()),
            CaseResult::Failed(findings) => {
                let Some(worst) = findings.first() else {
                    return Ok(());
                };
                let message = located_text(worst);
                ("failure", Some(worst.rule.id), message)
            }
            CaseResult::Error { kind, reason } => ("error", Some(*kind), reason.clone()),
            CaseResult::Skipped => ("skipped", None, self.reason.into()),
        };
        let element = xml
            .create_element(element)
            .with_attributes(kind.map(|kind| ("type", kind)))
            .with_attribute(("message", &*text(&message)));
        if let CaseResult::Failed(findings) = &self.result {
            // One element for all findings: some readers of the format show only the first.
            let all: String = findings.iter().map(|finding| lines(finding)).collect();
            element.write_text_content(BytesText::new(&format!("\n{all}      ")))?;
        } else {
            element.write_empty()?;
        }
        Ok(())
    }
}

/// What was found, behind its place in a configuration: `kube-apiserver.yaml:12:7: anonymous callers …`. The name of a case
/// has no place, because lines move.
fn located_text(finding: &Finding) -> Cow<'_, str> {
    let text = phrases::finding_text(finding);
    match phrases::configuration_place(finding) {
        Some(place) => format!("{place}: {text}").into(),
        None => text,
    }
}

/// A finding and how to fix it, in lines.
fn lines(finding: &Finding) -> String {
    let Finding { severity, rule, .. } = finding;
    let found = located_text(finding);
    let mut out = format!("{severity} {}: {}\n", rule.id, text(&found));
    if finding.accepted() {
        let accepted = finding.acceptance.iter();
        out.extend(accepted.map(|acceptance| {
            let by = phrases::acceptance_text(acceptance);
            format!("  {}\n", text(&format!("{by}: {}", acceptance.reason)))
        }));
        return out;
    }
    let remediation = phrases::remediation_lines(&finding.remediation, phrases::MAX_REMEDIATION);
    for line in phrases::proof_text(finding).into_iter().chain(remediation) {
        out.push_str("  ");
        out.push_str(&text(&line));
        out.push('\n');
    }
    out
}

/// Text that XML 1.0 allows: without hidden characters and without the two non-characters. GitLab and Jenkins make a link
/// to a file of `[[ATTACHMENT|…]]`. Other brackets stay: `[[accept]]` is part of our own advice.
fn text(text: &str) -> String {
    escape(text, MAX_TEXT)
        .replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
        .replace("[[ATTACHMENT", "[\\u{5b}ATTACHMENT")
}

#[cfg(test)]
mod tests;
