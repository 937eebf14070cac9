//! What an inventory says about a cluster: the owner's word, to be compared with what the cluster does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use strum::{VariantArray, VariantNames};

use super::{DeclaredFact, words};

/// What an inventory says about a cluster. What it does not say is null: unknown.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Declared {
    /// The format of the inventory, as in `--from`.
    pub inventory: Arc<str>,
    /// The managed service, as the table of products calls it (`aks`, `eks`, `gke`); null for others.
    pub provider: Option<Arc<str>>,
    /// The region or zone of the cluster.
    pub region: Option<Arc<str>>,
    /// The version of Kubernetes, as the inventory writes it.
    pub version: Option<Arc<str>>,
    /// The setting for anonymous requests.
    pub anonymous: Option<DeclaredAnonymous>,
    /// Whether this endpoint is reachable from the Internet.
    pub endpoint: Option<DeclaredEndpoint>,
    /// The only networks that may reach the endpoint; `0.0.0.0/0` and `::/0` are everybody.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    pub authorized_networks: Option<Arc<[IpNet]>>,
    /// How many further networks the inventory lists that could not be read, or were too many.
    #[serde(default)]
    pub unread_networks: u32,
    /// Whether the public addresses of the provider itself are admitted too (GKE's `gcpPublicCidrsAccessEnabled`). Null
    /// if that is not said.
    #[serde(default)]
    pub admits_provider: Option<bool>,
    /// Whether the audit log is kept.
    pub audit_logging: Option<bool>,
    /// Whether clients do not check the server's certificate (`insecure-skip-tls-verify`).
    pub skips_certificate_check: bool,
    /// The proxy that clients use, without user information.
    pub proxy: Option<Arc<str>>,
    /// What another scanner reported of it.
    pub reported: Option<Reported>,
    /// The facts about which several inventories of this endpoint contradict each other. They are null here.
    #[serde(default)]
    pub contradictions: Vec<Contradiction>,
    /// Where it belongs: `project`, `subscription`, `account`, `resource-group`, and its tags.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// The cluster's CA certificates, DER. Reports do not have them.
    #[serde(skip)]
    pub authorities: Arc<[Box<[u8]>]>,
}

/// The declared setting for anonymous requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantArray, VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum DeclaredAnonymous {
    /// They are authorized like others: GKE's `ENABLED`.
    Enabled,
    /// They reach health paths only: GKE's `LIMITED`.
    Limited,
}

words!(DeclaredAnonymous, all);

impl DeclaredAnonymous {
    /// The word of its provider: GKE's.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Enabled => "ENABLED",
            Self::Limited => "LIMITED",
        }
    }
}

/// The declared reach of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantArray, VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum DeclaredEndpoint {
    /// The Internet reaches it, or those networks of it that are authorized.
    Public,
    /// Only the cluster's own networks reach it.
    Private,
}

words!(DeclaredEndpoint, all);

/// A fact about which inventories contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Contradiction {
    /// The fact.
    pub fact: DeclaredFact,
    /// What they say, sorted.
    pub said: Vec<String>,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.said.join("; ");
        write!(f, "the inventories contradict each other ({said})")
    }
}

/// What another scanner reported of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reported {
    /// When, as it was written.
    pub at: Arc<str>,
    /// The HTTP status of `/version`.
    pub status: Option<u16>,
    /// The version that it saw. It is no declaration: nobody said that the cluster has it.
    #[serde(default)]
    pub version: Option<Arc<str>>,
}

/// Labels that are kept of one cluster.
const MAX_LABELS: usize = 64;
/// Characters of a label's key, and of any other short text of an inventory.
const MAX_KEY: usize = 128;
/// Characters of a label's value.
const MAX_VALUE: usize = 256;

/// A text of an inventory without white space around it, cut to a length that every report can bear; `None` if nothing
/// is left.
pub(crate) fn short(text: &str) -> Option<Arc<str>> {
    cut(text, MAX_KEY)
}

fn cut(text: &str, characters: usize) -> Option<Arc<str>> {
    let text = text.trim();
    let end = (text.char_indices().nth(characters)).map_or(text.len(), |(at, _)| at);
    text.get(..end)
        .filter(|text| !text.is_empty())
        .map(Arc::from)
}

impl Declared {
    /// Adds a label, unless there are too many, one with this key exists, or the key or value is blank.
    pub(crate) fn label(&mut self, key: &str, value: &str) {
        if let Some((key, value)) = short(key).zip(cut(value, MAX_VALUE))
            && self.labels.len() < MAX_LABELS
        {
            self.labels.entry(key).or_insert(value);
        }
    }

    /// Everything by which clusters are selected: key and value. The tag of a cluster comes after a fact with the same
    /// key. Where inventories contradict each other, the cluster is selected by what any of them says.
    pub fn facts(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = [
            ("provider", self.provider.as_deref()),
            ("region", self.region.as_deref()),
        ];
        let own = own
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        let labels = self.labels.iter().map(|(key, value)| (&**key, &**value));
        own.chain(labels).chain(self.contested_facts())
    }

    /// What the inventories say that contradict each other: key and value.
    fn contested_facts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.contradictions.iter().flat_map(|one| {
            one.said.iter().filter_map(|said| match one.fact {
                DeclaredFact::Product => Some(("provider", &**said)),
                DeclaredFact::Region => Some(("region", &**said)),
                DeclaredFact::Label => said.split_once('='),
                _ => None,
            })
        })
    }

    /// What is declared, in words: a short phrase for each fact.
    pub fn phrases(&self) -> Vec<String> {
        let mut phrases = Vec::new();
        if let Some(anonymous) = self.anonymous {
            phrases.push(format!("anonymous requests {}", anonymous.as_str()));
        }
        phrases.extend(self.reach());
        if let Some(audit) = self.audit_logging {
            phrases.push(format!("audit log {}", if audit { "on" } else { "off" }));
        }
        if self.skips_certificate_check {
            phrases.push("clients do not check the certificate".to_owned());
        }
        if let Some(proxy) = &self.proxy {
            phrases.push(format!("through the proxy {proxy}"));
        }
        if let Some(Reported {
            at,
            status,
            version,
        }) = &self.reported
        {
            let status = status.map_or_else(String::new, |status| format!(": {status}"));
            let version = version.as_deref();
            let version = version.map_or_else(String::new, |version| format!(", {version}"));
            phrases.push(format!("reported {at}{status}{version}"));
        }
        for contradiction in &self.contradictions {
            phrases.push(format!("{}: {contradiction}", contradiction.fact.phrase()));
        }
        phrases
    }

    /// Whether the cluster must be reachable, so that its silence counts against the coverage.
    pub fn must_answer(&self) -> bool {
        self.endpoint != Some(DeclaredEndpoint::Private) && self.reported.is_none()
    }
}

impl fmt::Debug for Declared {
    /// Writes only the number of the certificates.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            inventory,
            provider,
            region,
            version,
            anonymous,
            endpoint,
            authorized_networks,
            unread_networks,
            admits_provider,
            audit_logging,
            skips_certificate_check,
            proxy,
            reported,
            contradictions,
            labels,
            authorities,
        } = self;
        f.debug_struct("Declared")
            .field("inventory", inventory)
            .field("provider", provider)
            .field("region", region)
            .field("version", version)
            .field("anonymous", anonymous)
            .field("endpoint", endpoint)
            .field("authorized_networks", authorized_networks)
            .field("unread_networks", unread_networks)
            .field("admits_provider", admits_provider)
            .field("audit_logging", audit_logging)
            .field("skips_certificate_check", skips_certificate_check)
            .field("proxy", proxy)
            .field("reported", reported)
            .field("contradictions", contradictions)
            .field("labels", labels)
            .field("authorities", &authorities.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded_and_the_first_of_a_key_counts() {
        let mut declared = Declared::default();
        declared.label("env", " prod ");
        declared.label("env", "test");
        declared.label(" ", "x");
        declared.label("empty", "");
        declared.label(&"ü".repeat(1000), &"ü".repeat(1000));
        assert_eq!(declared.labels.len(), 2);
        assert_eq!(&*declared.labels["env"], "prod");
        let (key, value) = declared.labels.iter().next_back().unwrap();
        assert_eq!(
            (key.chars().count(), value.chars().count()),
            (MAX_KEY, MAX_VALUE)
        );
        for number in 0..1000 {
            declared.label(&number.to_string(), "x");
        }
        assert_eq!(declared.labels.len(), MAX_LABELS);
    }
}
