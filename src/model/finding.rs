//! What somebody should look at, with an identity that lasts from scan to scan.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::{Confidence, Endpoint, Origin, Rule, Severity, Target, Text, hex, words};

/// What a finding is about, as it was asked for: a target (`https://api.example.com:6443`), or a
/// specification as written where the finding is about all that it names.
///
/// Addresses behind a name are no part of it: they come and go.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(String);

impl Identity {
    /// A target: scheme, host as written, port, prefix, and `sni=` where there is one.
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

    /// Everything that a specification names.
    pub fn of_specification(origin: &Origin) -> Self {
        Self(origin.text.trim().to_owned())
    }

    /// The identity as text; may hold text from files.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A finding's identity: the same for the same rule and [`Identity`], whatever else was scanned,
/// in whatever order, whenever. Displayed as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// SHA-256 over the version of this scheme, the rule's id and what the finding is about.
    pub fn of(rule: &str, about: &Identity) -> Self {
        let mut hash = Sha256::new();
        for part in ["kubeknock/finding/v1", rule, about.as_str()] {
            // The length keeps ("ab", "c") from being ("a", "bc").
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

/// Somebody knows and has reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Why it may stay.
    pub reason: String,
    /// Whom to ask.
    pub owner: String,
    /// The last day on which it holds.
    pub expires: Date,
    /// Whether that day is not over; otherwise the finding is back.
    pub in_force: bool,
}

/// One endpoint at which it was found, and the requests that prove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Where.
    pub endpoint: Endpoint,
    /// Indices into the requests of this endpoint's record; may be empty where something else than
    /// an answer proves it.
    pub requests: Vec<usize>,
}

/// Something to look at: one rule at one target, or at one specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is an instance of.
    pub rule: &'static Rule,
    /// How much it matters here.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it is about.
    pub about: Identity,
    /// The target's position in the set: what reports sort by; `None` for a specification.
    pub index: Option<u64>,
    /// Where the target was written.
    pub origin: Arc<Origin>,
    /// `name=` of it.
    pub label: Option<Arc<str>>,
    /// The endpoints concerned, by address; none where the target never became one.
    pub sites: Vec<Site>,
    /// What was found, in one sentence; may hold text from the network.
    pub message: String,
    /// How to mend it here: the provider's own way where the identification knows it.
    pub remedy: String,
    /// The paths that it is about, where it is about open ones.
    pub open: BTreeSet<String>,
    /// The page that tells more of that.
    pub remedy_url: Option<Text>,
    /// Its identity.
    pub fingerprint: Fingerprint,
    /// How it stands to the baseline; `None` without one.
    pub baseline: Option<BaselineState>,
    /// Who accepted it, if somebody did.
    pub acceptance: Option<Acceptance>,
}

impl Finding {
    /// What was found, and how sure it is where it is not sure.
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

    /// Whether it is accepted, and still so on the day of the scan.
    pub fn accepted(&self) -> bool {
        self.acceptance
            .as_ref()
            .is_some_and(|acceptance| acceptance.in_force)
    }

    /// Whether it is there now, and nobody accepted it: what a gate counts.
    pub fn counts(&self) -> bool {
        !self.accepted() && !self.gone()
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

    /// What lists sort by: worst first, then in the order of the target set.
    pub fn order_key(&self) -> (Severity, u64, &'static str, &Identity) {
        (
            self.severity,
            self.index.unwrap_or(u64::MAX),
            self.rule.id,
            &self.about,
        )
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
            origin: Arc::new(Origin {
                source: Source::Argument,
                line: 3,
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
        assert_ne!(fingerprint, Fingerprint::of("version-disclosed", &about));
        assert_ne!(
            Fingerprint::of("ab", &about),
            Fingerprint::of("a", &Identity(format!("b{about}")))
        );
    }
}
