//! Scans with which every format is tested, and helpers that render them: a mixed one, written by hand, and an estate of
//! any size.

mod declared;
mod estate;
mod findings;
mod kinds;
mod mixed;
mod parts;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};

pub(crate) use estate::{estate, outage};
pub(crate) use findings::{ENABLED, HEALTH, RESOURCES, finding, remediation};
use findings::{INCONCLUSIVE, RULES};
pub(crate) use mixed::mixed;
use parts::{asked, reply, spec, status};
pub(crate) use parts::{
    eks, forbidden, granted, identified, origin, rejected, report, silent, target, with_requests,
};

use jiff::SignedDuration;
use jiff::tz::Offset;

use super::{Format, GateResult, RenderOptions, Repository, Results, render, table};
use crate::config::ScanConfig;
use crate::model::{
    Access, BaselineState, Change, Component, Coverage, EndpointReport, Failure, FailureKind,
    Finding, Identity, NotAskedReason, Outage, Remediation, ScanSummary, Selection, SinceReported,
    SpecCoverage, Stage, Step, Timings, Unclear, UnusedAcceptance, Verdict,
};
use crate::record::{self, ScanInfo, Spool, Tally};

static UNUSED: LazyLock<[UnusedAcceptance; 1]> = LazyLock::new(|| {
    [UnusedAcceptance {
        place: "kubeknock.toml:12:1".to_owned(),
        rule: "anonymous-enabled".to_owned(),
        target: "*.lab.example.com".to_owned(),
    }]
});

/// A scan's whole result.
pub(crate) struct Sample {
    pub(crate) tool_version: String,
    pub(crate) config: ScanConfig,
    pub(crate) reports: Vec<EndpointReport>,
    pub(crate) summary: ScanSummary,
    pub(crate) findings: Vec<Finding>,
    /// The records that are carried from earlier scans, and the findings that they prove.
    pub(crate) carried: (Vec<EndpointReport>, Vec<Finding>),
    pub(crate) changes: Option<Vec<Change>>,
    pub(crate) outage: Option<Outage>,
    pub(crate) accepted_verdicts: BTreeMap<Verdict, u64>,
    pub(crate) since_reported: BTreeMap<SinceReported, u64>,
    /// The reason for the exit code.
    pub(crate) sentence: String,
}

impl Sample {
    pub(crate) fn info(&self) -> ScanInfo<'_> {
        ScanInfo {
            tool_version: &self.tool_version,
            config: &self.config,
        }
    }

    pub(crate) fn records(&self) -> Spool {
        let mut records = Spool::default();
        for report in self.reports.iter().chain(&self.carried.0) {
            records.push(report.clone()).unwrap();
        }
        records
    }

    pub(crate) fn results(&self) -> Results<'_> {
        Results {
            info: self.info(),
            summary: &self.summary,
            not_shown: 0,
            findings: &self.findings,
            carried: &self.carried.1,
            accepted_verdicts: &self.accepted_verdicts,
            since_reported: &self.since_reported,
            unused_acceptances: if self.findings.is_empty() {
                &[]
            } else {
                &*UNUSED
            },
            changes: self.changes.as_deref(),
            outage: self.outage,
            rules: &RULES,
            outcome: GateResult {
                code: 1,
                sentence: &self.sentence,
            },
        }
    }
}

/// The text that `write` writes.
pub(crate) fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The sample in one format, as a scan in `/repo` writes it.
pub(crate) fn rendered(format: Format, sample: &Sample) -> String {
    let root = Path::new("/repo");
    let options = RenderOptions {
        repository: Repository {
            working_directory: root,
            root,
            one_finding_per_line: false,
        },
        ..RenderOptions::default()
    };
    written(|out| {
        render(
            format,
            out,
            &sample.results(),
            &mut sample.records(),
            &options,
        )
    })
}

pub(crate) fn json(sample: &Sample) -> String {
    let (contents, carried) = (sample.results().contents(), sample.carried.0.iter());
    written(|out| record::write_document(out, &contents, sample.reports.iter(), carried))
}

pub(crate) fn jsonl(sample: &Sample) -> String {
    let (mut out, mut tally) = (Vec::new(), Tally::default());
    for report in &sample.reports {
        record::write_line(&mut out, report, &mut tally).unwrap();
    }
    let (contents, carried) = (sample.results().contents(), sample.carried.0.iter());
    record::write_last_lines(&mut out, &contents, carried, &tally).unwrap();
    String::from_utf8(out).unwrap()
}

pub(crate) fn table(sample: &Sample, options: &table::TableOptions) -> String {
    // The order of arrival does not matter.
    written(|out| table::write(out, &sample.results(), sample.reports.iter().rev(), options))
}

/// A writer that fails because it is full.
pub(crate) struct Full;

impl io::Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The mixed scan, with two endpoints that it could not ask and an earlier scan had findings at.
pub(crate) fn carrying() -> Sample {
    let mut sample = mixed();
    for (line, days) in [(50, 7), (51, 14)] {
        let address = format!("198.51.100.{line}");
        let target = target(u64::from(line) * 10, origin(line, &address), &address, 6443);
        let record = EndpointReport {
            target,
            last_seen: Some(sample.summary.started - SignedDuration::from_hours(24 * days)),
            ..sample.reports[1].clone()
        };
        let day = Offset::UTC.to_datetime(record.last_seen.unwrap()).date();
        let message = format!("anybody may ask (not reachable in this scan; last seen {day})");
        sample.carried.1.push(Finding {
            baseline: Some(BaselineState::Unchanged),
            last_seen: Some(day),
            ..finding(&ENABLED, &record, &message)
        });
        sample.carried.0.push(record);
    }
    sample
}

/// A scan without any answer.
pub(crate) fn empty() -> Sample {
    let coverage = Coverage {
        targets: 256,
        unreachable: [(FailureKind::TimedOut, 256)].into(),
        ..Coverage::default()
    };
    let mixed = mixed();
    let summary = ScanSummary {
        coverage,
        resolvers: Vec::new(),
        ..mixed.summary.clone()
    };
    Sample {
        config: ScanConfig::default(),
        reports: Vec::new(),
        summary,
        findings: Vec::new(),
        accepted_verdicts: BTreeMap::new(),
        since_reported: BTreeMap::new(),
        changes: None,
        ..mixed
    }
}

/// The mixed scan, interrupted early, after failures on our own side.
pub(crate) fn stopped() -> Sample {
    let mut sample = mixed();
    sample.summary.stopped = Some("interrupted".to_owned());
    sample.summary.selection = Some(selection("env=*"));
    let target = target(400, origin(40, "198.51.100.7"), "198.51.100.7", 6443);
    let detail = "bastion.example:1080: Connection not allowed by ruleset";
    let failure = Failure::new(Stage::Proxy, FailureKind::ProxyRefused, detail);
    let record = EndpointReport::without_answer(target, None, failure, Timings::default());
    let coverage = &mut sample.summary.coverage;
    coverage.specs.push(SpecCoverage {
        seen: Vec::new(),
        ..spec(&record, false)
    });
    coverage.targets += 903;
    coverage.not_attempted = 903;
    coverage.own_side_failures = [(FailureKind::NoRoute, 2), (FailureKind::ProxyRefused, 1)].into();
    sample.reports.push(record);
    sample
}

/// A scan with terminal control sequences in every text from outside.
pub(crate) fn hostile() -> Sample {
    let mut target = target(
        0,
        origin(1, "evil.example\u{1b}]0;owned\u{7}"),
        "evil.example",
        443,
    );
    target.label = Some("safe\u{202e}desopxe\r\nrejected 192.0.2.1".into());
    target.expect = Some(Verdict::Rejected);
    let message = format!("\u{1b}[2J{}", "x".repeat(5000));
    let mut report = report(
        target,
        "192.0.2.66",
        Verdict::Inconclusive,
        &format!("a 403 says {message}"),
    );
    report.identification = Some(identified(
        Component::FrontEnd,
        Some("v1\u{1b}[31m\u{200b}"),
    ));
    let answer = status(403, "Forbidden", &message);
    report.requests = vec![asked(
        "/api",
        Ok(reply(403, &[("server", "nginx\u{9b}31m")], answer)),
        Access::Unclear(Unclear::OtherUser),
    )];
    let mut sample = empty();
    sample.summary.coverage = Coverage {
        targets: 1,
        verdicts: [(Verdict::Inconclusive, 1)].into(),
        specs: vec![spec(&report, false)],
        ..Coverage::default()
    };
    sample.findings = vec![finding(
        &INCONCLUSIVE,
        &report,
        &format!("a 403 says {message}"),
    )];
    sample.summary.stopped = Some("signal\u{1b}[0m".to_owned());
    sample.reports = vec![report];
    sample
}

/// The targets with this label.
fn selection(label: &str) -> Selection {
    Selection {
        labels: vec![label.to_owned()],
        endpoints_left_out: 4,
        targets_left_out: 21,
        asked: false,
    }
}

/// The mixed scan with `text` in place of every text from outside.
pub(crate) fn saying(text: &str) -> Sample {
    let mut sample = mixed();
    for report in &mut sample.reports {
        report.reason = text.to_owned();
        report.target.label = Some(text.into());
        if let Some(declared) = report.target.declared.as_mut().map(Arc::make_mut) {
            declared.region = Some(text.into());
            declared.version = Some(text.into());
            declared.labels = [(Arc::from(text), Arc::from(text))].into();
        }
        for compared in &mut report.compared {
            text.clone_into(&mut compared.sentence);
        }
        report.target.origin = origin(1, text);
        if let Some(identification) = &mut report.identification {
            identification.version = Some(text.to_owned());
        }
        if let Some(certificate) = report.tls.as_mut().and_then(|tls| tls.certificate.as_mut()) {
            certificate.subject = text.into();
        }
    }
    for spec in &mut sample.summary.coverage.specs {
        spec.label = Some(text.into());
        spec.origin = origin(1, text);
    }
    sample.summary.selection = Some(selection(text));
    for cluster in &mut sample.summary.coverage.clusters_not_asked {
        cluster.label = Some(text.into());
        cluster.origin = origin(1, text);
        Arc::make_mut(&mut cluster.declared).proxy = Some(text.into());
        cluster.why = NotAskedReason::NeedsProxy;
    }
    for finding in &mut sample.findings {
        finding.label = Some(text.into());
        finding.origin = origin(1, text);
        finding.about = Identity::of_specification(&finding.origin);
        finding.message = text.to_owned();
        finding.remediation = Remediation {
            summary: text.to_owned().into(),
            steps: vec![Step {
                text: text.to_owned().into(),
                command: Some(text.to_owned().into()),
            }],
            breaks: Some(text.to_owned().into()),
            undo: Some(text.to_owned().into()),
            reference: Some(text.to_owned().into()),
        };
        if let Some(acceptance) = &mut finding.acceptance {
            acceptance.reason = text.to_owned();
            acceptance.owner = text.to_owned();
        }
    }
    for change in sample.changes.iter_mut().flatten() {
        change.label = Some(text.into());
        change.origin = origin(1, text);
        change.about = Identity::of_specification(&change.origin);
        change.before = Some(text.to_owned());
    }
    sample.summary.stopped = Some(text.to_owned());
    sample
}
