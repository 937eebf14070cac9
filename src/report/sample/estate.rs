//! An estate: hundreds of clusters as a company has them, of several providers, with one exposed.
//!
//! The same size always gives the same estate. Unlike the mixed scan it has few kinds of records, and many of each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::findings::{INCONCLUSIVE, finding};
use super::kinds::{EXPOSED, KINDS, Kind, NOT_COVERED, UNEXPECTED};
use super::parts::*;
use super::{Sample, mixed};
use crate::config::ScanConfig;
use crate::kubernetes::AUDIT_ID;
use crate::model::{
    Attribution, Change, ChangeKind, Component, Confidence, Coverage, EndpointReport, Failure,
    FailureKind, Finding, Identity, JudgedRequest, Outage, Posture, PostureStatus, Product,
    Provenance, Remediation, ScanSummary, Stage, Step, Target, Verdict,
};

/// The estate with this many endpoints.
pub(crate) fn estate(size: usize) -> Sample {
    let reports: Vec<EndpointReport> = (0..size).map(|index| cluster(index, size)).collect();
    let findings = findings(&reports);
    sample(reports, findings)
}

/// The estate on a day on which all but three targets are silent, compared with the day before.
pub(crate) fn outage(size: usize) -> Sample {
    let before = estate(size).reports;
    let reports: Vec<EndpointReport> = before
        .iter()
        .enumerate()
        .map(|(index, report)| match index {
            0..3 => report.clone(),
            _ => silent(report.target.clone(), None, timed_out()),
        })
        .collect();
    let answered = |report: &&EndpointReport| !report.verdict.has_no_answer();
    let changes: Vec<Change> = (before.iter().zip(&reports))
        .filter(|(before, now)| answered(before) && !answered(now))
        .map(|(before, now)| Change {
            about: Identity::of_target(&now.target),
            origin: Arc::clone(&now.target.origin),
            label: now.target.label.clone(),
            kind: ChangeKind::Gone,
            before: Some(before.verdict.to_string()),
            after: Some(now.verdict.to_string()),
            opens: false,
        })
        .collect();
    let findings = findings(&reports);
    let asked = before.iter().filter(answered).count() as u64;
    Sample {
        outage: Outage::of(changes.len() as u64, asked),
        changes: Some(changes),
        sentence: "exit 3: 267 of 270 targets silent: is the network up?".to_owned(),
        ..sample(reports, findings)
    }
}

fn timed_out() -> Failure {
    Failure::new(Stage::Connect, FailureKind::TimedOut, "after 3 s")
}

fn sample(reports: Vec<EndpointReport>, findings: Vec<Finding>) -> Sample {
    let mut coverage = Coverage {
        targets: reports.len() as u64,
        specs: reports
            .iter()
            .map(|report| spec(report, report.verdict.is_conclusive()))
            .collect(),
        ..Coverage::default()
    };
    for report in &reports {
        let count = match &report.failure {
            Some(failure) => coverage.unreachable.entry(failure.kind).or_default(),
            None => coverage.verdicts.entry(report.verdict).or_default(),
        };
        *count += 1;
    }
    assert!(coverage.adds_up());
    let exposed = reports
        .iter()
        .find(|report| report.verdict == Verdict::Exposed);
    let exposed = exposed.and_then(|report| report.target.label.clone());
    Sample {
        config: ScanConfig::default(),
        summary: ScanSummary {
            elapsed: Duration::from_secs(31),
            coverage,
            resolvers: Vec::new(),
            ..mixed().summary
        },
        reports,
        findings,
        accepted_verdicts: BTreeMap::new(),
        since_reported: BTreeMap::new(),
        changes: None,
        sentence: format!("exit 1: 1 exposed: {}", exposed.unwrap_or_default()),
        ..mixed()
    }
}

/// The cluster at this place of an estate.
fn cluster(index: usize, size: usize) -> EndpointReport {
    // One cluster is exposed, in the middle of the list.
    if index == size / 2 {
        return exposed(index);
    }
    match index % 40 {
        // A cluster behind a front end that says nothing.
        23 => {
            let mut report = report(
                place(index, "edge-proxy-"),
                &address(index),
                Verdict::Inconclusive,
                "a front end answers 403",
            );
            report.identification = Some(identified(Component::FrontEnd, None));
            report
        }
        // One that was switched off.
        37 => silent(place(index, "retired-"), Some(&address(index)), timed_out()),
        _ => of_kind(index, kind(index)),
    }
}

fn kind(index: usize) -> &'static Kind {
    let mut place = index % 20;
    for (share, kind) in &KINDS {
        match place.checked_sub(*share) {
            Some(rest) => place = rest,
            None => return kind,
        }
    }
    &KINDS[0].1
}

fn address(index: usize) -> String {
    format!(
        "10.{}.{}.{}",
        20 + index / 62_500,
        index / 250 % 250,
        1 + index % 250
    )
}

/// A target with its own line in the file of targets.
fn place(index: usize, label: &str) -> Target {
    let line = u32::try_from(index + 1).unwrap();
    let address = address(index);
    let target = target(index as u64, origin(line, &address), &address, 6443);
    annotated(target, &format!("{label}{}", index + 1), None)
}

fn of_kind(index: usize, kind: &Kind) -> EndpointReport {
    let reason = match kind.verdict {
        Verdict::Rejected => "401 on every path",
        Verdict::Limited => "/api is 401, /healthz is 200",
        _ => "/api is 403 as system:anonymous",
    };
    let report = report(
        place(index, kind.label),
        &address(index),
        kind.verdict,
        reason,
    );
    let refused = if kind.verdict == Verdict::Forbidden {
        forbidden
    } else {
        rejected
    };
    let request = |path| {
        if kind.open.contains(&path) {
            granted(path)
        } else {
            refused(path)
        }
    };
    let mut paths = vec!["/version", "/api", "/healthz"];
    if kind.verdict == Verdict::Rejected {
        paths.extend(["/livez", "/readyz"]);
    }
    with_evidence(
        with_requests(report, paths.into_iter().map(request).collect()),
        index,
        kind,
    )
}

fn exposed(index: usize) -> EndpointReport {
    let paths = [
        "/version",
        "/api",
        "/healthz",
        "/metrics",
        "/api/v1/pods",
        "/api/v1/secrets",
        "/apis/apps/v1/deployments",
    ];
    let reason = "anonymous callers list pods and secrets";
    let target = place(index, "onprem-fra-");
    let report = report(target, &address(index), Verdict::Exposed, reason);
    let mut requests: Vec<JudgedRequest> = paths.map(granted).into();
    // Authorized, and not served.
    if let Some(Ok(reply)) =
        (requests.last_mut()).map(|last| &mut Arc::make_mut(&mut last.exchange).outcome)
    {
        reply.status = 404;
    }
    with_evidence(with_requests(report, requests), index, &KINDS[0].1)
}

/// Adds what each cluster has of its own: a product, a certificate, and audit IDs.
fn with_evidence(mut report: EndpointReport, index: usize, kind: &Kind) -> EndpointReport {
    let version = kind.open.contains(&"/version").then_some(kind.version);
    let mut identification = identified(Component::KubeApiServer, version);
    identification.attribution = Attribution {
        product: Some(Product {
            id: kind.product.into(),
            name: kind.name.into(),
            short: kind.name.into(),
            managed: kind.managed,
        }),
        confidence: Some(Confidence::High),
        ..Attribution::default()
    };
    report.identification = Some(identification);
    report.posture = Some(Posture {
        status: if kind.found.is_some_and(|(rule, _)| rule == &UNEXPECTED) {
            PostureStatus::MoreOpen
        } else {
            PostureStatus::AsDocumented
        },
        expected: vec![kind.verdict],
        documented: String::new(),
        mode: None,
        known: Provenance::Documented,
        sentence: format!("{}: as documented", kind.name),
        source: "the documentation (https://docs.example/)".into(),
    });
    let mut tls = handshake();
    if let Some(certificate) = &mut tls.certificate {
        certificate.sha256 = format!("{index:064x}");
        certificate.serial = format!("{index:x}");
    }
    report.tls = Some(tls.into());
    for (number, request) in report.requests.iter_mut().enumerate() {
        if let Ok(reply) = &mut Arc::make_mut(&mut request.exchange).outcome {
            let id = format!("4f7f2c1e-0000-4000-{number:04}-{index:012}");
            *reply = reply.clone().with(AUDIT_ID, &id);
        }
    }
    report
}

fn findings(reports: &[EndpointReport]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = reports.iter().filter_map(found).collect();
    findings.sort_by(|one, other| one.order_key().cmp(&other.order_key()));
    findings
}

fn found(report: &EndpointReport) -> Option<Finding> {
    let index = usize::try_from(report.target.index).unwrap();
    let (rule, message, fix) = match report.verdict {
        Verdict::Exposed => (
            &EXPOSED,
            "anonymous callers may list /api/v1/pods and /api/v1/secrets; also open: /api, /metrics, /version",
            "Remove the binding that gives system:anonymous or system:unauthenticated these rights. Then reject \
             anonymous requests.",
        ),
        Verdict::Inconclusive => (
            &INCONCLUSIVE,
            "no verdict: a front end answers 403",
            "Ask the API server behind the front end.",
        ),
        Verdict::Unreachable => (
            &NOT_COVERED,
            "no endpoint of this target has a verdict",
            "Check the address, or remove the target from the list.",
        ),
        _ => {
            let (rule, fix) = kind(index).found?;
            let message = match report.verdict {
                Verdict::Limited => "anonymous access is limited to health",
                _ => "anonymous requests are accepted and stopped by authorization",
            };
            (rule, message, fix)
        }
    };
    let (summary, step) = fix.split_once(". ").unwrap_or((fix, ""));
    let step = (!step.is_empty()).then(|| Step {
        text: step.into(),
        command: Some("systemctl restart kubelet".into()),
    });
    Some(Finding {
        remediation: Remediation {
            summary: format!("{}.", summary.trim_end_matches('.')).into(),
            steps: step.into_iter().collect(),
            ..Remediation::default()
        },
        ..finding(rule, report, message)
    })
}
