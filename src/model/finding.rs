//! Findings, each with an identity that stays the same from scan to scan.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::{
    Confidence, Endpoint, JudgedRequest, Learned, Origin, Remediation, Request, Rule, Severity,
    Target, Verdict, curl, hex, words,
};
use crate::natural_order::Natural;

/// The subject of a finding: a target as requested (`https://api.example.com:6443`), or a specification as written.
///
/// The addresses of a name are not part of it, because they change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(String);

impl Identity {
    /// A target: scheme, host as written, port, prefix, and `sni=` if there is one.
    pub fn of_target(target: &Target) -> Self {
        let Target {
            scheme,
            host,
            port,
            prefix,
            sni,
            ..
        } = target;
        let mut text = format!("{}://{host}:{port}{prefix}", scheme.as_str());
        if let Some(sni) = sni {
            text.push_str(" as ");
            text.push_str(sni);
        }
        Self(text)
    }

    /// A specification as a whole.
    pub fn of_specification(origin: &Origin) -> Self {
        Self(origin.text.trim().to_owned())
    }

    /// A server, a binding or another part of a configuration file, as one word.
    pub(crate) const fn of_configuration(name: String) -> Self {
        Self(name)
    }

    /// The identity as text, which may come from a file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of a finding. It depends only on the rule and the subject. Displayed as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// SHA-256 of the version of this scheme, the rule's id and the subject.
    pub fn of(rule: &str, about: &Identity) -> Self {
        let mut hash = Sha256::new();
        for part in ["kubeknock/finding/v1", rule, about.as_str()] {
            // The length distinguishes ("ab", "c") from ("a", "bc").
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex(self.0))
    }
}

/// How a finding compares with the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum BaselineState {
    /// Not in the baseline, or less severe there, or with less open.
    New,
    /// In the baseline and still there.
    Unchanged,
    /// In the baseline, looked for again, and no longer there.
    Absent,
}

words!(BaselineState);

/// The reason why a finding is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Why it may stay.
    pub reason: String,
    /// Whom to ask.
    pub owner: String,
    /// The last day of the acceptance.
    pub expires: Date,
    /// Whether the scan began no later than that day.
    pub in_force: bool,
}

/// An acceptance of the settings that matches no finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnusedAcceptance {
    /// Where it is written: file, line and column.
    pub place: String,
    /// The ids of its rules, or `*`.
    pub rule: String,
    /// Its target pattern.
    pub target: String,
}

impl fmt::Display for UnusedAcceptance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place,
            rule,
            target,
        } = self;
        write!(
            f,
            "{place}: [[accept]] of {rule} at {target:?} matches no finding and has no effect"
        )
    }
}

/// One endpoint with the finding, and the requests that prove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Indexes into the requests of the endpoint's report; empty if no answer is the proof.
    pub requests: Vec<usize>,
    /// The first of these requests.
    pub proof: Option<Request>,
    /// The headers that the scan added to every request, as `name: value`.
    pub headers: Arc<[String]>,
}

impl Site {
    /// An endpoint where these requests of its report are the proof.
    pub fn of(
        endpoint: Endpoint,
        requests: Vec<usize>,
        report: &[JudgedRequest],
        headers: &Arc<[String]>,
    ) -> Self {
        let proof = requests.first().and_then(|first| report.get(*first));
        Self {
            endpoint,
            proof: proof.map(|request| request.exchange.request.clone()),
            headers: Arc::clone(headers),
            requests,
        }
    }
}

/// Something to look at: one rule at one target, or at one specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The severity: the rule's, or the one that the settings give to the rule.
    pub severity: Severity,
    /// The confidence.
    pub confidence: Confidence,
    /// The subject.
    pub about: Identity,
    /// The target's position in the target set, by which reports sort; `None` for a specification.
    pub index: Option<u64>,
    /// Where the target was written.
    pub origin: Arc<Origin>,
    /// Its `name=` annotation.
    pub label: Option<Arc<str>>,
    /// The endpoints concerned, by address; empty if the target did not lead to one.
    pub sites: Vec<Site>,
    /// The worst verdict of these endpoints, or of the specification; `None` if nothing was asked.
    pub verdict: Option<Verdict>,
    /// The expected verdict, if another one was found.
    pub expected: Option<Verdict>,
    /// What was found, in one sentence; may have text from the network.
    pub message: String,
    /// How to fix it here, with the product's own setting if it has one.
    pub remediation: Remediation,
    /// The open paths that it is about.
    pub open: BTreeSet<String>,
    /// The other paths on whose answers it rests: a scan that did not ask them cannot tell that it is gone.
    pub rests_on: BTreeSet<String>,
    /// What else it rests on.
    pub needs: Vec<Learned>,
    /// Its identity.
    pub fingerprint: Fingerprint,
    /// How it compares with the baseline; `None` without one.
    pub baseline: Option<BaselineState>,
    /// Who accepted it; `None` if nobody did.
    pub acceptance: Option<Acceptance>,
    /// For a finding that is carried from an earlier scan: the day of that scan. `None` in a finding of the scan itself.
    pub last_seen: Option<Date>,
}

impl Finding {
    /// What was found, with the confidence unless it is high.
    pub fn said(&self) -> Cow<'_, str> {
        match self.confidence {
            Confidence::High => Cow::Borrowed(&self.message),
            confidence => Cow::Owned(format!(
                "{} (confidence {})",
                self.message,
                confidence.as_str()
            )),
        }
    }

    /// The summary of the fix for whoever sees the message too. The fix of a policy in Rego repeats it, for lists that show
    /// fixes alone.
    pub fn fix_beside_message(&self) -> Cow<'_, str> {
        let general = self.rule.remediation().summary;
        let fix = &self.remediation.summary;
        let repeats = |rest: &str| {
            rest.strip_prefix(" It says: ")
                .is_some_and(|said| self.message.ends_with(said))
        };
        match fix.strip_prefix(&*general) {
            Some(rest) if repeats(rest) => general,
            _ => Cow::Borrowed(fix),
        }
    }

    /// The command that shows the first proof again; `None` if it rests on no request.
    pub fn curl(&self) -> Option<String> {
        let mut sites = self.sites.iter();
        sites.find_map(|site| Some(curl(&site.endpoint, site.proof.as_ref()?, &site.headers)))
    }

    /// Whether it was accepted on the day of the scan.
    pub fn accepted(&self) -> bool {
        self.acceptance
            .as_ref()
            .is_some_and(|acceptance| acceptance.in_force)
    }

    /// Whether the gate counts it: it is neither gone nor accepted.
    pub fn counts(&self) -> bool {
        !self.accepted() && !self.gone()
    }

    /// Whether the baseline does not have it, or has it with less open.
    pub fn is_new(&self) -> bool {
        self.baseline == Some(BaselineState::New)
    }

    /// Whether only the baseline has it.
    pub fn gone(&self) -> bool {
        self.baseline == Some(BaselineState::Absent)
    }

    /// GitHub's `security-severity`, in the band of its severity.
    pub fn score(&self) -> &'static str {
        if self.severity == self.rule.severity {
            self.rule.score
        } else {
            self.severity.score()
        }
    }

    /// The name by which people know its subject: the `name=` annotation, or the subject itself.
    pub fn name(&self) -> &str {
        self.label.as_deref().unwrap_or(self.about.as_str())
    }

    /// The sort key of lists: by verdict, then by severity, then by name in natural order.
    pub fn order_key(&self) -> impl Ord + '_ {
        (
            self.rank(),
            self.severity,
            Natural(self.name()),
            &self.about,
            self.rule.id,
        )
    }

    /// The verdict by which it is sorted. A critical finding comes first, whatever the verdict. Where the verdict
    /// says nothing about an API server, such as at an open kubelet, the severity decides, unless the finding is that
    /// the verdict is not the expected one.
    fn rank(&self) -> Verdict {
        let is_conclusive = self.verdict.is_some_and(Verdict::is_conclusive);
        let by_severity = match self.severity {
            Severity::Critical => Verdict::Exposed,
            _ if is_conclusive || self.expected.is_some() => Verdict::NotAttempted,
            Severity::High => Verdict::Exposed,
            Severity::Medium => Verdict::Forbidden,
            Severity::Low | Severity::Note => Verdict::NotAttempted,
        };
        by_severity.min(self.verdict.unwrap_or(Verdict::NotAttempted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Host, Scheme, Source};

    fn target(host: Host, sni: Option<&str>) -> Target {
        Target {
            index: 7,
            scheme: Scheme::Https,
            host,
            absolute: false,
            port: 6443,
            prefix: "/k8s/clusters/c-1".into(),
            sni: sni.map(Into::into),
            label: None,
            expect: None,
            declared: None,
            origin: Arc::new(Origin {
                source: Source::Argument,
                line: 3,
                column: None,
                text: "x".into(),
            }),
            specs: [].into(),
            named: true,
        }
    }

    #[test]
    fn the_identity_is_what_was_asked_for() {
        let name = target(Host::Name("api.example".into()), None);
        assert_eq!(
            Identity::of_target(&name).as_str(),
            "https://api.example:6443/k8s/clusters/c-1"
        );
        let address = target(
            Host::Ip("2001:db8::1".parse().unwrap()),
            Some("api.example"),
        );
        assert_eq!(
            Identity::of_target(&address).as_str(),
            "https://[2001:db8::1]:6443/k8s/clusters/c-1 as api.example"
        );
        let elsewhere = Target {
            index: 9,
            label: Some("prod".into()),
            ..name.clone()
        };
        assert_eq!(Identity::of_target(&elsewhere), Identity::of_target(&name));
    }

    /// This value is in people's baselines and in code scanning's databases.
    #[test]
    fn the_fingerprint_never_changes() {
        let about = Identity::of_target(&target(Host::Name("api.example".into()), None));
        let fingerprint = Fingerprint::of("anonymous-auth-enabled", &about);
        assert_eq!(
            fingerprint.to_string(),
            "82059676a015a7336126ffa32493dd2a8d2c27fae1c7ac96a345365bc922966d"
        );
        assert_ne!(fingerprint, Fingerprint::of("etcd-open", &about));
        assert_ne!(
            Fingerprint::of("ab", &about),
            Fingerprint::of("a", &Identity(format!("b{about}")))
        );
    }
}
