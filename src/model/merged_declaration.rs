//! Several inventories that list one endpoint. What one does not say, another does; where two say different things, the
//! fact is not known. Their order does not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use super::declared::Contradiction;
use super::declared_reach::admitted;
use super::{Declared, DeclaredAnonymous, DeclaredFact, hex};

/// The labels whose values Azure writes in any case.
const CASELESS_LABELS: [&str; 2] = ["resource-group", "subscription"];

impl Declared {
    /// What several inventories say of one endpoint.
    pub(crate) fn merged(all: &[&Self]) -> Self {
        let mut merged = Self {
            skips_certificate_check: all.iter().any(|one| one.skips_certificate_check),
            // Only those that lead to the proxy of the scan are asked, so they differ in spelling alone.
            proxy: values(all, |one| one.proxy.clone()).pop_first(),
            // The latest.
            reported: (all.iter().filter_map(|one| one.reported.clone()))
                .max_by_key(|one| (Arc::clone(&one.at), one.status, one.version.clone())),
            ..Self::default()
        };
        let inventories = values(all, |one| Some(one.inventory.clone()));
        let inventories: Vec<&str> = inventories.iter().map(|one| &**one).collect();
        merged.inventory = inventories.join(", ").into();
        let providers = values(all, |one| one.provider.clone());
        merged.provider = merged.agreed(DeclaredFact::Product, providers, ToString::to_string);
        let versions = values(all, |one| one.version.clone());
        let is_vague = |one: &str| versions.iter().any(|other| is_part_of(one, other));
        let exact = (versions.iter().filter(|one| !is_vague(one))).cloned();
        let exact = exact.collect();
        merged.version = merged.agreed(DeclaredFact::Version, exact, ToString::to_string);
        let settings = values(all, |one| one.anonymous.map(DeclaredAnonymous::setting));
        let setting = merged.agreed(DeclaredFact::AnonymousRequests, settings, |one| {
            (*one).to_owned()
        });
        merged.anonymous =
            (all.iter().filter_map(|one| one.anonymous)).find(|one| setting == Some(one.setting()));
        let audit = values(all, |one| one.audit_logging);
        merged.audit_logging = merged.agreed(DeclaredFact::AuditLog, audit, |on| {
            if *on { "on" } else { "off" }.to_owned()
        });
        merged.merge_reach(all);
        merged.merge_authorities(all);
        let regions = values(all, |one| one.region.clone());
        merged.region = merged.agreed(DeclaredFact::Region, regions, ToString::to_string);
        merged.merge_labels(all);
        merged
    }

    /// The only value, or none; several contradict each other.
    fn agreed<T: Ord>(
        &mut self,
        fact: DeclaredFact,
        mut values: BTreeSet<T>,
        text: impl Fn(&T) -> String,
    ) -> Option<T> {
        if values.len() > 1 {
            let said = values.iter().map(text).collect();
            self.contradictions.push(Contradiction { fact, said });
            return None;
        }
        values.pop_first()
    }

    /// Whether it is one of the inventories that contradict each other about a fact.
    pub(crate) fn says(&self, contradiction: &Contradiction) -> bool {
        match contradiction.fact {
            DeclaredFact::AnonymousRequests => self.anonymous.is_some(),
            DeclaredFact::Reach => self.reach().is_some(),
            DeclaredFact::CertificateAuthority => !self.authorities.is_empty(),
            DeclaredFact::Product => self.provider.is_some(),
            DeclaredFact::Version => self.version.is_some(),
            DeclaredFact::AuditLog => self.audit_logging.is_some(),
            DeclaredFact::Region => self.region.is_some(),
            DeclaredFact::Label => (self.labels.iter())
                .any(|(key, value)| contradiction.said.contains(&label_text(key, value))),
        }
    }

    fn merge_labels(&mut self, all: &[&Self]) {
        let mut labels: BTreeMap<&Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
        for (key, value) in all.iter().flat_map(|one| &one.labels) {
            labels.entry(key).or_default().insert(Arc::clone(value));
        }
        for (key, mut values) in labels {
            if CASELESS_LABELS.contains(&&**key) {
                let mut seen = BTreeSet::new();
                values.retain(|value| seen.insert(value.to_lowercase()));
            }
            let text = |value: &Arc<str>| label_text(key, value);
            if let Some(value) = self.agreed(DeclaredFact::Label, values, text) {
                self.labels.insert(Arc::clone(key), value);
            }
        }
    }

    fn merge_reach(&mut self, all: &[&Self]) {
        let endpoints: Vec<_> = all.iter().filter_map(|one| one.endpoint).collect();
        let restricted = || (all.iter()).filter(|one| one.authorized_networks.is_some());
        // A network that could not be read may be the one that differs.
        let whole: Vec<_> = restricted()
            .filter(|one| one.unread_networks == 0)
            .collect();
        let contradict = (whole.iter().enumerate()).any(|(at, one)| {
            whole
                .iter()
                .skip(at + 1)
                .any(|other| !one.admits_like(other))
        });
        if contradict || endpoints.windows(2).any(|pair| pair[0] != pair[1]) {
            let said: BTreeSet<String> = all.iter().filter_map(|one| one.reach()).collect();
            let mut said: Vec<String> = said.into_iter().collect();
            if said.len() == 1 {
                said.push("other networks".to_owned());
            }
            self.contradictions.push(Contradiction {
                fact: DeclaredFact::Reach,
                said,
            });
            return;
        }
        self.endpoint = endpoints.first().copied();
        if restricted().next().is_some() {
            let networks = restricted().filter_map(|one| one.authorized_networks.as_deref());
            let networks: Vec<IpNet> = networks.flatten().copied().collect();
            self.authorized_networks = Some(admitted(&networks).into());
            self.unread_networks = restricted()
                .map(|one| one.unread_networks)
                .max()
                .unwrap_or(0);
            self.admits_provider = restricted().filter_map(|one| one.admits_provider).max();
        }
    }

    /// Keeps all CA certificates, so that a certificate of none of them is still noticed. Sets without a common
    /// certificate contradict each other; a rotation has one in common.
    fn merge_authorities(&mut self, all: &[&Self]) {
        let sets = values(all, |one| {
            let set: BTreeSet<&[u8]> = one.authorities.iter().map(|der| &**der).collect();
            (!set.is_empty()).then_some(set)
        });
        let contradict = (sets.iter().enumerate())
            .any(|(at, one)| sets.iter().skip(at + 1).any(|other| one.is_disjoint(other)));
        if contradict {
            let name = |set: &BTreeSet<&[u8]>| {
                let first = set.first().copied().unwrap_or_default();
                let digest = hex(Sha256::digest(first));
                format!("SHA-256 {}", digest.get(..16).unwrap_or_default())
            };
            self.contradictions.push(Contradiction {
                fact: DeclaredFact::CertificateAuthority,
                said: sets.iter().map(name).collect(),
            });
        }
        let ders: BTreeSet<&[u8]> = sets.into_iter().flatten().collect();
        self.authorities = ders.into_iter().map(Box::from).collect();
    }
}

fn label_text(key: &str, value: &str) -> String {
    format!("{key}={value}")
}

fn values<'a, T: Ord>(
    all: &[&'a Declared],
    get: impl Fn(&'a Declared) -> Option<T>,
) -> BTreeSet<T> {
    all.iter().filter_map(|one| get(one)).collect()
}

/// Whether a version says less than another one and nothing else: `1.33` and `1.33.5`. A leading `v` is no difference.
fn is_part_of(one: &str, other: &str) -> bool {
    let number = |text| str::strip_prefix(text, 'v').unwrap_or(text);
    match number(other).strip_prefix(number(one)) {
        Some("") => one < other,
        Some(rest) => rest.starts_with(['.', '-', '+']),
        None => false,
    }
}
