//! Findings about a configuration, each at its place.

use super::against::Outcome;
use super::audit_policy::PolicyReport;
use super::bindings::{BindingReport, Standing};
use super::inspected::{InspectedServer, Inspection};
use super::place::Place;
use super::prediction::PredictedAccess;
use super::server::Statement;

use crate::model::{Coverage, Identity, Rule, Verdict};
use crate::policy::{ConfigurationHit, Evaluation, Evaluator, Policy, configuration};
use crate::wording::listed;

/// Most paths in the message of a finding.
const MAX_PATHS: usize = 6;

impl Inspection {
    /// The findings. The time of the inspection decides which acceptances are in force.
    pub fn evaluate(&self, policy: &Policy) -> Evaluation {
        let mut evaluator = Evaluator::new(policy, self.time);
        for server in &self.servers {
            if let Some(hit) = about_server(server) {
                evaluator.add_configuration(hit);
            }
            for hit in about_comparisons(server) {
                evaluator.add_configuration(hit);
            }
        }
        for hit in self.bindings.iter().filter_map(about_binding) {
            evaluator.add_configuration(hit);
        }
        for (index, policy) in self.policies.iter().enumerate() {
            let is_of_file = |other: &&PolicyReport| other.place.source == policy.place.source;
            let before = self.policies[..index].iter().filter(is_of_file).count();
            if let Some(hit) = about_policy(policy, before) {
                evaluator.add_configuration(hit);
            }
        }
        for note in self.notes.iter().filter(|note| note.is_gap) {
            let hit = hit(
                &configuration::NOT_FOUND,
                "input",
                &note.place,
                note.text.clone(),
            );
            evaluator.add_configuration(hit);
        }
        evaluator.finish(&self.coverage())
    }

    /// The findings for what policies in Rego say of this inspection. `policies` is where the policies are.
    #[cfg(feature = "rego")]
    pub fn judged(
        &self,
        policy: &Policy,
        results: impl IntoIterator<Item = crate::policy::RegoResult>,
        policies: crate::model::Source,
    ) -> Evaluation {
        let mut findings = crate::policy::PolicyFindings::new(policy, self.time, results);
        for server in &self.servers {
            let origin = server.place.origin(&server.name);
            findings.add_configuration(&server.target(), &server.name, &origin, server.verdict());
        }
        findings.finish(&Coverage::default(), policies)
    }

    /// The servers by their predicted verdict, as the reports of scans count endpoints.
    pub fn coverage(&self) -> Coverage {
        let mut coverage = Coverage::default();
        for verdict in self.servers.iter().filter_map(InspectedServer::verdict) {
            coverage.targets += 1;
            *coverage.verdicts.entry(verdict).or_default() += 1;
        }
        coverage
    }
}

impl InspectedServer {
    /// The predicted verdict, as a scan with `--deep` sees it; `None` if the server does not start.
    pub const fn verdict(&self) -> Option<Verdict> {
        self.prediction.verdict
    }

    /// What findings and policies call it.
    pub(super) fn target(&self) -> String {
        target(&self.name, &self.place)
    }

    /// The first statement with a place among these, or the place of the server.
    fn place_of<'a>(&'a self, mut statements: impl Iterator<Item = &'a Statement>) -> &'a Place {
        statements
            .find_map(|statement| statement.place.as_ref())
            .unwrap_or(&self.place)
    }
}

/// What a finding is about: `FILE#NAME`, in one word, so that a pattern of the settings can match it.
fn target(name: &str, place: &Place) -> String {
    format!("{}#{name}", place.source).replace(char::is_whitespace, "/")
}

fn hit(rule: &'static Rule, name: &str, place: &Place, message: String) -> ConfigurationHit {
    ConfigurationHit {
        rule,
        about: Identity::of_configuration(target(name, place)),
        origin: place.origin(name),
        label: name.into(),
        verdict: None,
        message,
        open: std::collections::BTreeSet::new(),
    }
}

fn about_server(server: &InspectedServer) -> Option<ConfigurationHit> {
    let prediction = &server.prediction;
    if let Some(first) = prediction.start_problems.first() {
        let place = server.place_of(std::iter::once(first));
        let texts = prediction
            .start_problems
            .iter()
            .map(|problem| problem.text.as_str());
        let message = format!("the API server does not start: {}", listed(texts));
        return Some(hit(
            &configuration::DOES_NOT_START,
            &server.name,
            place,
            message,
        ));
    }
    let verdict = server.verdict()?;
    let open: Vec<&str> = prediction.granted().collect();
    let open_text = match open.len() {
        0 => String::new(),
        count if count <= MAX_PATHS => format!("; open: {}", listed(open.iter().copied())),
        count => format!(
            "; open: {} and {} more",
            open[..MAX_PATHS].join(", "),
            count - MAX_PATHS
        ),
    };
    let place = server.place_of(prediction.statements.iter().rev());
    let (rule, message) = match verdict {
        Verdict::Exposed if prediction.allows_everything => (
            &configuration::ALLOWS_EVERYTHING,
            "anonymous callers may do everything".to_owned(),
        ),
        Verdict::Exposed | Verdict::Forbidden => {
            // With conditions, the paths that they do not name are refused.
            let mut paths = prediction.paths.iter();
            let is_limited = paths.any(|path| path.access == PredictedAccess::Rejected);
            let place = if is_limited {
                "some paths"
            } else {
                "every path"
            };
            (
                &configuration::ACCEPTS_ANONYMOUS,
                format!("anonymous requests are accepted on {place}{open_text}"),
            )
        }
        Verdict::Limited => (
            &configuration::LIMITS_ANONYMOUS,
            format!("anonymous requests are accepted on some paths{open_text}"),
        ),
        Verdict::Inconclusive => {
            let unclear = prediction
                .paths
                .iter()
                .find(|path| path.access == PredictedAccess::Unclear);
            let why = unclear.map_or("the configuration does not decide it", |path| {
                path.because.text.as_str()
            });
            (
                &configuration::UNCLEAR,
                format!("no prediction: {why}{open_text}"),
            )
        }
        _ => return None,
    };
    // What accepts anonymous requests is the place to change, before what authorizes them.
    let place = if rule.id == configuration::ALLOWS_EVERYTHING.id {
        place
    } else {
        decisive(server)
    };
    let mut hit = hit(rule, &server.name, place, message);
    hit.verdict = Some(verdict);
    hit.open = prediction.exposed().map(str::to_owned).collect();
    Some(hit)
}

/// The place of the statement about anonymous requests.
fn decisive(server: &InspectedServer) -> &Place {
    let about_anonymous = |statement: &&Statement| statement.text.contains("anonymous");
    let statements = server.prediction.statements.iter();
    server.place_of(statements.filter(about_anonymous))
}

fn about_comparisons(server: &InspectedServer) -> Vec<ConfigurationHit> {
    let compared = server.comparisons.iter().filter_map(|comparison| {
        let rule = match comparison.outcome {
            Outcome::MoreOpen => &configuration::MORE_OPEN_OUTSIDE,
            Outcome::Stricter => &configuration::STRICTER_OUTSIDE,
            Outcome::Agree | Outcome::Undecided => return None,
        };
        let paths = comparison
            .differences
            .iter()
            .take(MAX_PATHS)
            .map(|difference| {
                format!(
                    "{} is {} by the configuration and {} at the endpoint",
                    difference.path,
                    difference.predicted.as_str(),
                    difference.observed
                )
            });
        let paths: Vec<String> = paths.collect();
        let message = format!(
            "{}: {}; {}",
            comparison.endpoint,
            paths.join(", "),
            comparison.causes()
        );
        let name = format!("{} at {}", server.name, comparison.endpoint);
        Some(hit(rule, &name, decisive(server), message))
    });
    compared.collect()
}

fn about_binding(binding: &BindingReport) -> Option<ConfigurationHit> {
    let (rule, message) = match binding.standing {
        Standing::BuiltIn | Standing::Harmless => return None,
        Standing::RoleMissing => (
            &configuration::ROLE_MISSING,
            format!(
                "{} names {}: {}",
                binding.name,
                binding.audience,
                binding.unknown.as_deref().unwrap_or_default()
            ),
        ),
        Standing::AnonymousReads | Standing::AnonymousChanges | Standing::AuthenticatedMore => {
            let rule = match binding.standing {
                Standing::AnonymousReads => &configuration::ANONYMOUS_BINDING,
                Standing::AnonymousChanges => &configuration::ANONYMOUS_CHANGES,
                _ => &configuration::AUTHENTICATED_BINDING,
            };
            let shown = &binding.grants[..binding.grants.len().min(MAX_PATHS)];
            let more = binding.grants.len() - shown.len();
            let more = if more > 0 {
                format!("; and {more} more rules")
            } else {
                String::new()
            };
            let message = format!(
                "{} with {} gives {}: {}{more}",
                binding.name,
                binding.role,
                binding.audience,
                shown.join("; ")
            );
            (rule, message)
        }
    };
    Some(hit(rule, &binding.name, &binding.place, message))
}

/// The finding about a policy, with this many policies before it in its file.
fn about_policy(policy: &PolicyReport, before: usize) -> Option<ConfigurationHit> {
    let name = match before {
        0 => "audit policy".to_owned(),
        before => format!("audit policy {}", before + 1),
    };
    if let Some(problem) = &policy.problem {
        let message = format!("the API server does not start with this audit policy: {problem}");
        return Some(hit(
            &configuration::DOES_NOT_START,
            &name,
            &policy.place,
            message,
        ));
    }
    let loss = policy.loss()?;
    Some(hit(
        &configuration::AUDIT_LOSES,
        &name,
        &policy.place,
        format!("the audit policy: {loss}"),
    ))
}
