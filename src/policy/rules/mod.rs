//! The rules. Each file holds a rule's explanation and its check; [`REGISTRY`] lists them.

pub(super) mod anonymous_access;
pub(super) mod anonymous_auth;
pub(super) mod certificate;
pub(crate) mod configuration;
pub(super) mod coverage;
pub(super) mod declared_access;
pub(super) mod declared_facts;
pub(super) mod divergence;
pub(super) mod etcd;
pub(super) mod expectation;
pub(super) mod exposure;
pub(super) mod hit;
pub(super) mod insecure_http;
pub(super) mod kubelet;
pub(super) mod posture;
pub(super) mod rego;
pub(super) mod support;

use std::collections::BTreeSet;

use crate::model::{EndpointReport, FailureKind, Rule, SpecCoverage};
use hit::{Hit, ScanTime};

/// Every rule, in the order of the documentation: what is open, what differs, what is unknown.
pub(super) static REGISTRY: [Entry; 44] = [
    chosen(&exposure::RESOURCES),
    chosen(&exposure::DISCOVERY),
    chosen(&exposure::TELEMETRY_UNEXPECTED),
    chosen(&exposure::TELEMETRY),
    chosen(&insecure_http::RULE),
    endpoint(&etcd::RULE, etcd::check).other_way_in(),
    endpoint(&kubelet::OPEN, kubelet::open).other_way_in(),
    endpoint(&kubelet::ANONYMOUS, kubelet::anonymous).other_way_in(),
    chosen(&anonymous_auth::UNEXPECTED),
    chosen(&anonymous_auth::ENABLED),
    chosen(&anonymous_auth::NOT_CHANGEABLE),
    chosen(&anonymous_auth::LIMITED),
    endpoint(&posture::MORE_OPEN, posture::more_open),
    endpoint(&posture::STRICTER, posture::stricter),
    endpoint(&declared_access::STRICTER, declared_access::stricter),
    endpoint(
        &declared_facts::OTHER_AUTHORITY,
        declared_facts::other_authority,
    ),
    endpoint(&declared_facts::REACHABLE, declared_facts::reachable),
    endpoint(
        &declared_facts::OTHER_PRODUCT,
        declared_facts::other_product,
    ),
    endpoint(
        &declared_facts::OTHER_VERSION,
        declared_facts::other_version,
    ),
    endpoint(&declared_facts::NO_AUDIT_LOG, declared_facts::no_audit_log),
    endpoint(&expectation::RULE, expectation::of_endpoint)
        .and_specification(expectation::of_specification),
    specification(&expectation::NOT_CHECKED, expectation::not_checked),
    chosen(&rego::DENIED),
    chosen(&rego::WARNED),
    chosen(&divergence::RULE),
    endpoint(&support::RULE, support::check),
    endpoint(&certificate::EXPIRED, certificate::expired),
    endpoint(&certificate::EXPIRING, certificate::expiring),
    endpoint(&coverage::INCONCLUSIVE, coverage::inconclusive),
    endpoint(&coverage::NOT_FULLY_ASKED, coverage::not_fully_asked),
    specification(&coverage::NOT_COVERED, coverage::not_covered),
    chosen(&configuration::ALLOWS_EVERYTHING),
    chosen(&configuration::ACCEPTS_ANONYMOUS),
    chosen(&configuration::LIMITS_ANONYMOUS),
    chosen(&configuration::DOES_NOT_START),
    chosen(&configuration::UNCLEAR),
    chosen(&configuration::NOT_FOUND),
    chosen(&configuration::ANONYMOUS_CHANGES),
    chosen(&configuration::ANONYMOUS_BINDING),
    chosen(&configuration::AUTHENTICATED_BINDING),
    chosen(&configuration::ROLE_MISSING),
    chosen(&configuration::AUDIT_LOSES),
    chosen(&configuration::MORE_OPEN_OUTSIDE),
    chosen(&configuration::STRICTER_OUTSIDE),
];

/// What a rule finds at one endpoint.
type EndpointCheck = fn(&EndpointReport, ScanTime) -> Option<Hit>;
/// What a rule finds about a specification as a whole, where attempts failed in these ways.
type SpecificationCheck = fn(&SpecCoverage, &BTreeSet<FailureKind>) -> Option<Hit>;

/// A rule and what it checks.
pub(super) struct Entry {
    pub(super) rule: &'static Rule,
    pub(super) endpoint: Option<EndpointCheck>,
    pub(super) specification: Option<SpecificationCheck>,
    /// Whether it finds a way into the cluster other than the API server. Such a target is covered, although it is
    /// no API server.
    pub(super) other_way_in: bool,
}

/// A rule without a check here: the evaluator applies it to all addresses of a name, [`anonymous_access::find`]
/// chooses it, a policy in Rego decides, or it is about configuration files, which `inspect` reads.
const fn chosen(rule: &'static Rule) -> Entry {
    Entry {
        rule,
        endpoint: None,
        specification: None,
        other_way_in: false,
    }
}

const fn endpoint(rule: &'static Rule, check: EndpointCheck) -> Entry {
    Entry {
        endpoint: Some(check),
        ..chosen(rule)
    }
}

const fn specification(rule: &'static Rule, check: SpecificationCheck) -> Entry {
    chosen(rule).and_specification(check)
}

impl Entry {
    const fn and_specification(self, check: SpecificationCheck) -> Self {
        Self {
            specification: Some(check),
            ..self
        }
    }

    const fn other_way_in(self) -> Self {
        Self {
            other_way_in: true,
            ..self
        }
    }
}
