//! `AuthorizationConfiguration`: the authorizers, in their order.

use super::authentication::{StartProblem, kind, text, unknown_fields, version};
use super::node::{Node, Value};
use super::place::Place;

/// An authorizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthorizerKind {
    AlwaysAllow,
    Rbac,
    /// What it decides is not in the configuration.
    Webhook,
    Abac,
    /// Has no opinion about anonymous callers: `Node`, `AlwaysDeny`, and `Scope` and `SystemMasters` of `OpenShift`.
    NoOpinion,
}

/// The words of authorization modes. Case counts.
const KINDS: [(&str, AuthorizerKind); 8] = [
    ("AlwaysAllow", AuthorizerKind::AlwaysAllow),
    ("RBAC", AuthorizerKind::Rbac),
    ("Webhook", AuthorizerKind::Webhook),
    ("ABAC", AuthorizerKind::Abac),
    ("Node", AuthorizerKind::NoOpinion),
    ("AlwaysDeny", AuthorizerKind::NoOpinion),
    ("Scope", AuthorizerKind::NoOpinion),
    ("SystemMasters", AuthorizerKind::NoOpinion),
];

impl AuthorizerKind {
    pub(super) fn of_word(word: &str) -> Option<Self> {
        let known = KINDS.iter().find(|(known, _)| *known == word);
        known.map(|(_, kind)| *kind)
    }
}

/// An authorizer at its place.
#[derive(Debug, Clone)]
pub(super) struct Authorizer {
    pub(super) word: String,
    pub(super) kind: AuthorizerKind,
    pub(super) place: Place,
}

/// An `AuthorizationConfiguration`.
#[derive(Debug, Clone)]
pub(super) struct AuthorizationFile {
    pub(super) place: Place,
    pub(super) authorizers: Vec<Authorizer>,
    pub(super) problems: Vec<StartProblem>,
}

pub(super) fn read(node: &Node) -> AuthorizationFile {
    let mut problems = Vec::new();
    unknown_fields(node, &["apiVersion", "kind", "authorizers"], &mut problems);
    kind(node, "AuthorizationConfiguration", &mut problems);
    let known = [
        ("v1", Some(32)),
        ("v1beta1", Some(30)),
        ("v1alpha1", Some(29)),
    ];
    version(node, "AuthorizationConfiguration", &known, &mut problems);
    let items = node.get("authorizers").map_or(&[][..], Node::items);
    if items.is_empty() {
        problems.push(StartProblem::always(&node.place, "no authorizer is given"));
    }
    let mut authorizers: Vec<Authorizer> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for item in items {
        unknown_fields(item, &["type", "name", "webhook"], &mut problems);
        let word = item.text_of("type").unwrap_or_default();
        // A file cannot configure ABAC's policy, and knows no modes of OpenShift.
        let kind = AuthorizerKind::of_word(word).filter(|kind| {
            *kind != AuthorizerKind::Abac && !matches!(word, "Scope" | "SystemMasters")
        });
        let Some(kind) = kind else {
            problems.push(StartProblem::always(
                &item.place,
                "a type of authorizer that the server cannot use",
            ));
            continue;
        };
        let name = item.get("name");
        let name = name.and_then(|name| text(name, "the name of an authorizer", &mut problems));
        let name = name.unwrap_or_default();
        if kind == AuthorizerKind::Webhook && !is_subdomain(name) {
            let text =
                "the name of a webhook must be a DNS name: small letters, digits, dashes and dots";
            problems.push(StartProblem::always(&item.place, text));
        } else if kind != AuthorizerKind::Webhook && name != word.to_lowercase() {
            let text = "the name of a built-in authorizer is its type in lower case";
            problems.push(StartProblem::always(&item.place, text));
        }
        if names.contains(&name) {
            let text = "two authorizers have the same name";
            problems.push(StartProblem::always(&item.place, text));
        }
        names.push(name);
        match item.get("webhook") {
            Some(webhook) if kind == AuthorizerKind::Webhook => {
                check_webhook(webhook, &mut problems);
            }
            Some(webhook) => {
                let text = "webhook beside a type that is not Webhook";
                problems.push(StartProblem::always(&webhook.place, text));
            }
            None if kind == AuthorizerKind::Webhook => {
                let text = "an authorizer of the type Webhook without the field webhook";
                problems.push(StartProblem::always(&item.place, text));
            }
            None => {}
        }
        authorizers.push(Authorizer {
            word: word.to_owned(),
            kind,
            place: item.place.clone(),
        });
    }
    AuthorizationFile {
        place: node.place.clone(),
        authorizers,
        problems,
    }
}

/// The fields of a webhook whose values the server checks by themselves.
fn check_webhook(node: &Node, problems: &mut Vec<StartProblem>) {
    for name in [
        "timeout",
        "subjectAccessReviewVersion",
        "failurePolicy",
        "connectionInfo",
    ] {
        if node.get(name).is_none() {
            let text = format!("webhook.{name} is missing");
            problems.push(StartProblem::always(&node.place, text));
        }
    }
    if let Some(policy) = node.get("failurePolicy")
        && !matches!(policy.text(), Some("NoOpinion" | "Deny"))
    {
        let text = "webhook.failurePolicy is neither NoOpinion nor Deny";
        problems.push(StartProblem::always(&policy.place, text));
    }
    if let Some(timeout) = node.get("timeout")
        && !matches!(timeout.value, Value::Skipped)
        && !is_timeout(timeout.text().unwrap_or_default())
    {
        let text = "webhook.timeout is not a duration above 0 and of at most 30s";
        problems.push(StartProblem::always(&timeout.place, text));
    }
}

/// Whether this is a name as DNS has them: labels of small letters, digits and dashes.
fn is_subdomain(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label = |label: &str| {
        !label.is_empty()
            && label.chars().all(is_part)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether this is a duration as Go writes it (`1m30s`, `1.5s`), above 0 and of at most 30 seconds.
fn is_timeout(text: &str) -> bool {
    const UNITS: [(&str, f64); 7] = [
        ("ns", 1e-9),
        ("us", 1e-6),
        ("µs", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
    ];
    let (mut rest, mut seconds) = (text.strip_prefix('+').unwrap_or(text), 0.0);
    while !rest.is_empty() {
        let is_number = |character: char| character.is_ascii_digit() || character == '.';
        let number = &rest[..rest.find(|next| !is_number(next)).unwrap_or(rest.len())];
        rest = &rest[number.len()..];
        let unit = UNITS.iter().find(|(unit, _)| rest.starts_with(unit));
        let (Ok(number), Some((unit, size))) = (number.parse::<f64>(), unit) else {
            return false;
        };
        rest = &rest[unit.len()..];
        seconds += number * size;
    }
    seconds > 0.0 && seconds <= 30.0
}
