//! `/probe`: what a probe found, as metrics. Labels are words of kubeknock, or bounded text of one server.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::probe_result::ProbeResult;
use super::probing::{Answer, Served};
use super::target_list::ListedTarget;
use crate::model::{ComparisonResult, Grade, PostureStatus, Verdict};

/// A gauge of whole numbers that an `u64` has.
type Count = Gauge<u64, AtomicU64>;
/// A gauge of seconds.
type Seconds = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabel {
    verdict: &'static str,
}

/// Not `endpoint`: Prometheus Operator gives targets a label with this name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AddressLabel {
    address: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PostureLabel {
    posture: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeclaredLabels {
    fact: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GradeLabel {
    grade: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabels {
    severity: &'static str,
    rule: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServerLabels {
    component: &'static str,
    product: String,
    version: String,
}

/// The metrics of one scrape.
pub(super) fn text(listed: &ListedTarget, answer: &Answer) -> Result<String, fmt::Error> {
    let mut metrics = Metrics(Registry::with_prefix("kubeknock"));
    let (covered, took) = match answer {
        Answer::Result(result, _) => (result.covered, result.took),
        Answer::TimedOut(took) => (false, *took),
    };
    metrics.flag(
        "probe_success",
        "Whether the target has a verdict on an API server or the expected one, and so has each endpoint that had one",
        covered,
    );
    metrics.flag(
        "probe_timed_out",
        "Whether the time of the scrape was over before the probe ended; there is no verdict then",
        matches!(answer, Answer::TimedOut(_)),
    );
    metrics.flag(
        "probe_must_answer",
        "Whether a missing verdict is a gap: no inventory declares that the target need not answer",
        listed.spec.must_answer(),
    );
    metrics.seconds(
        "probe_duration_seconds",
        "How long the probe took, with the wait for its turn",
        took,
    );
    if let Answer::Result(result, served) = answer {
        let age = match served {
            Served::Fresh => Duration::ZERO,
            Served::Again => result.finished.elapsed(),
        };
        metrics.seconds(
            "probe_age_seconds",
            "How old the answer is: 0 if the target was probed for this scrape",
            age,
        );
        metrics.result(result);
    }
    let mut text = String::new();
    prometheus_text::encode(&mut text, &metrics.0)?;
    Ok(text)
}

struct Metrics(Registry);

impl Metrics {
    fn flag(&mut self, name: &str, help: &str, is_set: bool) {
        let gauge: Count = Gauge::default();
        gauge.set(u64::from(is_set));
        self.0.register(name, help, gauge);
    }

    fn seconds(&mut self, name: &str, help: &str, duration: Duration) {
        let gauge: Seconds = Gauge::default();
        gauge.set(duration.as_secs_f64());
        self.0.register(name, help, gauge);
    }

    /// A gauge with a value for each set of labels.
    fn by<L>(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (L, u64)>)
    where
        L: EncodeLabelSet + Clone + std::hash::Hash + Eq + fmt::Debug + Send + Sync + 'static,
    {
        let family = Family::<L, Count>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.0.register(name, help, family);
    }

    fn result(&mut self, result: &ProbeResult) {
        self.by(
            "verdict",
            "What an anonymous caller may do, at the worst of the target's endpoints: 1 at its verdict",
            Verdict::ALL.map(|verdict| {
                let is_it = u64::from(result.verdict == Some(verdict));
                let verdict = verdict.as_str();
                (VerdictLabel { verdict }, is_it)
            }),
        );
        self.by(
            "probe_endpoints",
            "Endpoints of the target by verdict",
            Verdict::ALL.map(|verdict| {
                let count = result.endpoints.get(&verdict).copied();
                let verdict = verdict.as_str();
                (VerdictLabel { verdict }, count.unwrap_or_default())
            }),
        );
        self.by(
            "probe_endpoint_answers",
            "1 at each endpoint with a verdict on an API server, 0 at one that is no part of the target any more",
            result.answers.iter().map(|(address, has_verdict)| {
                let address = address.clone();
                (AddressLabel { address }, u64::from(*has_verdict))
            }),
        );
        self.flag(
            "verdict_accepted",
            "Whether somebody accepted the finding that explains the verdict, at each endpoint that has it",
            result.accepted,
        );
        if let Some(met) = result.as_expected {
            self.flag(
                "as_expected",
                "Whether the verdict is the one that the list or the settings expect",
                met,
            );
        }
        self.by(
            "posture",
            "How the target compares with what its product documents: 1 at its posture",
            PostureStatus::ALL.map(|posture| {
                let is_it = u64::from(result.posture == posture);
                let posture = posture.as_str();
                (PostureLabel { posture }, is_it)
            }),
        );
        self.by(
            "declared",
            "How what an inventory declares compares with what answers: 1 at the result for each fact",
            result.declared.iter().flat_map(|&(fact, found)| {
                ComparisonResult::ALL.map(|result| {
                    let is_it = u64::from(result == found);
                    let (fact, result) = (fact.as_str(), result.as_str());
                    (DeclaredLabels { fact, result }, is_it)
                })
            }),
        );
        self.by(
            "grants",
            "What an anonymous caller may do, by what it is worth to an attacker",
            Grade::ALL.map(|grade| {
                let count = result.grants.get(&grade).copied();
                let grade = grade.as_str();
                (GradeLabel { grade }, count.unwrap_or_default())
            }),
        );
        self.by(
            "probe_findings",
            "Findings that nobody accepted, by severity and rule",
            result.findings.iter().map(|(&(severity, rule), count)| {
                let severity = severity.as_str();
                (FindingLabels { severity, rule }, *count)
            }),
        );
        if let Some(end) = result.certificate_end {
            let gauge: Gauge = Gauge::default();
            gauge.set(end.as_second());
            self.0.register(
                "probe_certificate_not_after_timestamp_seconds",
                "When the first of the serving certificates ends, in Unix time",
                gauge,
            );
        }
        if let Some(server) = &result.server {
            let labels = ServerLabels {
                component: server.component,
                product: server.product.clone(),
                version: server.version.clone(),
            };
            self.by("server_info", "What answered", [(labels, 1)]);
        }
        self.stages(result);
    }

    fn stages(&mut self, result: &ProbeResult) {
        let timings = &result.timings;
        let before = [timings.resolve, timings.connect, timings.tls];
        let before: Duration = before.into_iter().flatten().sum();
        let requests = timings.total.checked_sub(before);
        let stages = [
            ("resolve", timings.resolve),
            ("connect", timings.connect),
            ("tls", timings.tls),
            ("requests", requests.filter(|_| timings.connect.is_some())),
        ];
        let family = Family::<StageLabel, Seconds>::default();
        for (stage, took) in stages {
            if let Some(took) = took {
                let seconds = family.get_or_create(&StageLabel { stage });
                seconds.set(took.as_secs_f64());
            }
        }
        self.0.register(
            "probe_stage_duration_seconds",
            "How long each stage took, at the endpoint with the worst verdict",
            family,
        );
    }
}
