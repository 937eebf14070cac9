//! Findings for what policies say of a report.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::evaluator::{Evaluation, Evaluator, Subject};
use super::rego::{RegoJudgement, RegoResult};
use super::rules::hit::{Hit, answered, clear_paths, confidence};
use super::rules::rego;
use super::settings::Policy;
use crate::model::{
    Coverage, EndpointReport, Identity, Origin, Remediation, Rule, Source, TargetNames, Verdict,
};
use crate::wording::joined_at_most;

/// Messages of one finding.
const MAX_MESSAGES: usize = 6;

/// Makes findings of the results of policies: one for each target and judgement, with the messages of all results.
pub struct PolicyFindings<'a> {
    evaluator: Evaluator<'a>,
    /// By the target that they name.
    of_targets: BTreeMap<String, Target>,
    /// Those about the report as a whole.
    of_report: Messages,
}

/// What is said of one target.
#[derive(Default)]
struct Target {
    messages: Messages,
    /// Whether a record or specification has this name.
    is_known: bool,
}

type Messages = BTreeMap<RegoJudgement, Vec<String>>;

impl<'a> PolicyFindings<'a> {
    /// For the results about a scan that began at this time.
    pub fn new(
        policy: &'a Policy,
        started: Timestamp,
        results: impl IntoIterator<Item = RegoResult>,
    ) -> Self {
        let mut this = Self {
            evaluator: Evaluator::new(policy, started),
            of_targets: BTreeMap::new(),
            of_report: Messages::new(),
        };
        for result in results {
            let messages = match result.target {
                Some(target) => &mut this.of_targets.entry(target).or_default().messages,
                None => &mut this.of_report,
            };
            let messages = messages.entry(result.judgement).or_default();
            messages.push(result.message);
        }
        this
    }

    /// Takes a record of the scan. If results name its target, it is a site of their findings.
    pub fn add(&mut self, record: &EndpointReport) {
        if let Some(target) = self.of_targets.get_mut(&record.target.to_string()) {
            target.is_known = true;
            let subject = Subject::target(&record.target, true);
            let name = record.target.label.as_deref();
            for (rule, hit) in hits(&target.messages, name, &record.target.to_string()) {
                let hit = Hit {
                    requests: answered(record),
                    ..hit.at_most(confidence(record))
                };
                // What the policy looked at is not known.
                let hit = hit.resting_on(clear_paths(record));
                self.evaluator.record_at(rule, &subject, record, hit);
            }
        }
    }

    /// Takes a server of a configuration file. If results name it, their findings are at its place.
    pub(crate) fn add_configuration(
        &mut self,
        target: &str,
        name: &str,
        origin: &Arc<Origin>,
        verdict: Option<Verdict>,
    ) {
        if let Some(said) = self.of_targets.get_mut(target) {
            said.is_known = true;
            for (rule, hit) in hits(&said.messages, Some(name), target) {
                let subject = Subject {
                    about: Identity::of_configuration(target.to_owned()),
                    index: None,
                    origin: Arc::clone(origin),
                    label: Some(name.into()),
                    names: Some(TargetNames::of_specification(target, Some(name))),
                };
                (self.evaluator).record(rule, &subject, verdict, Vec::new(), hit);
            }
        }
    }

    /// The findings, and the acceptances that match none of them. `policies` is where the policies are; a finding about
    /// the report as a whole is located there.
    pub fn finish(mut self, coverage: &Coverage, policies: Source) -> Evaluation {
        for spec in &coverage.specs {
            let named = self.of_targets.get_mut(&*spec.origin.text);
            let Some(target) = named.filter(|target| !target.is_known) else {
                continue;
            };
            target.is_known = true;
            let subject = Subject::specification(spec, true);
            for (rule, hit) in hits(&target.messages, spec.label.as_deref(), &spec.origin.text) {
                let worst = spec.seen.first().copied();
                (self.evaluator).record(rule, &subject, worst, Vec::new(), hit);
            }
        }
        let unknown = (self.of_targets.into_values()).filter(|target| !target.is_known);
        for (judgement, messages) in unknown.flat_map(|target| target.messages) {
            (self.of_report.entry(judgement).or_default()).extend(messages);
        }
        let origin = Arc::new(Origin {
            source: policies,
            line: 1,
            column: None,
            text: "report".into(),
        });
        for (rule, hit) in hits(&self.of_report, None, &origin.text) {
            let subject = Subject::report(&origin);
            (self.evaluator).record(rule, &subject, None, Vec::new(), hit);
        }
        self.evaluator.finish(&Coverage::default())
    }
}

/// A hit for each judgement. conftest shows nothing but the message, so policies begin it with the name of the target; a
/// finding has that name beside the message.
fn hits(
    messages: &Messages,
    name: Option<&str>,
    target: &str,
) -> impl Iterator<Item = (&'static Rule, Hit)> {
    let with_name = name.map(|name| format!("{name} ({target}): "));
    let starts: Vec<String> = with_name
        .into_iter()
        .chain([format!("{target}: ")])
        .collect();
    messages.iter().map(move |(judgement, messages)| {
        let (rule, verb) = match judgement {
            RegoJudgement::Deny => (&rego::DENIED, "denied"),
            RegoJudgement::Warn => (&rego::WARNED, "warned about"),
        };
        let without_name = |message: &String| {
            let rest = starts.iter().find_map(|start| message.strip_prefix(start));
            rest.unwrap_or(message).to_owned()
        };
        let messages: Vec<String> = messages.iter().map(without_name).collect();
        let messages = joined_at_most(MAX_MESSAGES, &messages);
        // People read findings with one fix as one, so the fix says what the policy says.
        let remediation = rule.remediation();
        let remediation = Remediation {
            summary: format!("{} It says: {messages}", remediation.summary).into(),
            ..remediation
        };
        let hit = Hit::proven(format!("{verb} by a policy: {messages}"), Vec::new());
        (rule, hit.fixed_by(Some(remediation)))
    })
}
