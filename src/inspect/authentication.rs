//! `AuthenticationConfiguration`: who is anonymous.

use super::node::{Node, Value};
use super::place::Place;
use crate::kubernetes::Minor;

/// Something with which a server does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StartProblem {
    pub(super) place: Place,
    pub(super) text: String,
    /// The releases concerned; `None` for every release.
    pub(super) releases: Option<Releases>,
}

/// Some releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Releases {
    Before(Minor),
    From(Minor),
}

impl StartProblem {
    pub(super) fn always(place: &Place, text: impl Into<String>) -> Self {
        Self {
            place: place.clone(),
            text: text.into(),
            releases: None,
        }
    }

    pub(super) fn in_releases(place: &Place, text: impl Into<String>, releases: Releases) -> Self {
        Self {
            releases: Some(releases),
            ..Self::always(place, text)
        }
    }

    /// Whether it concerns this release; `None` if the release is not known and only some are concerned.
    pub(super) fn concerns(&self, release: Option<Minor>) -> Option<bool> {
        match (self.releases, release) {
            (None, _) => Some(true),
            (Some(_), None) => None,
            (Some(Releases::Before(first)), Some(release)) => Some(release < first),
            (Some(Releases::From(first)), Some(release)) => Some(release >= first),
        }
    }
}

/// What the file says about anonymous requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileAnonymous {
    /// Nothing, so the flag counts.
    Absent,
    Off(Place),
    On(Place),
    /// On for these paths.
    Paths(Vec<String>, Place),
}

/// An `AuthenticationConfiguration`.
#[derive(Debug, Clone)]
pub(super) struct AuthenticationFile {
    /// The object that holds it, such as `ConfigMap NAMESPACE/NAME`; `None` if the file itself is it.
    pub(super) holder: Option<String>,
    pub(super) place: Place,
    pub(super) anonymous: FileAnonymous,
    pub(super) problems: Vec<StartProblem>,
}

/// Reads the fields of a document. `with_type` says that it has a kind and a version.
pub(super) fn read(node: &Node, with_type: bool) -> AuthenticationFile {
    let mut problems = Vec::new();
    let mut allowed = vec!["anonymous", "jwt"];
    if with_type {
        allowed.extend(["apiVersion", "kind"]);
        kind(node, "AuthenticationConfiguration", &mut problems);
        let known = [("v1", Some(34)), ("v1beta1", Some(30)), ("v1alpha1", None)];
        version(node, "AuthenticationConfiguration", &known, &mut problems);
    }
    unknown_fields(node, &allowed, &mut problems);
    if let Some(jwt) = node.get("jwt") {
        issuers(jwt, &mut problems);
    }
    let anonymous = node
        .get("anonymous")
        .map(|node| anonymous(node, &mut problems));
    AuthenticationFile {
        holder: None,
        place: node.place.clone(),
        anonymous: anonymous.unwrap_or(FileAnonymous::Absent),
        problems,
    }
}

/// The issuers of tokens. The text of an address may hold a secret, so it is not repeated.
fn issuers(node: &Node, problems: &mut Vec<StartProblem>) {
    if !matches!(node.value, Value::List(_)) {
        problems.push(StartProblem::always(&node.place, "jwt is not a list"));
    }
    for item in node.items() {
        let url = item.at(&["issuer", "url"]);
        if url
            .and_then(Node::text)
            .is_none_or(|url| !url.starts_with("https://"))
        {
            let place = &url.unwrap_or(item).place;
            let text = "jwt.issuer.url does not begin with https://";
            problems.push(StartProblem::always(place, text));
        }
        for field in [["issuer", "audiences"], ["claimMappings", "username"]] {
            if item.at(&field).is_none() {
                let text = format!("jwt.{}.{} is missing", field[0], field[1]);
                problems.push(StartProblem::always(&item.place, text));
            }
        }
    }
}

fn anonymous(node: &Node, problems: &mut Vec<StartProblem>) -> FileAnonymous {
    if !matches!(node.value, Value::Map(_)) {
        let text = "anonymous is not a mapping with the field enabled";
        problems.push(StartProblem::always(&node.place, text));
    }
    unknown_fields(node, &["enabled", "conditions"], problems);
    let enabled = node.get("enabled");
    let is_on = match enabled.map(|enabled| &enabled.value) {
        None => false,
        Some(Value::Bool(is_on)) => *is_on,
        Some(_) => {
            let place = &enabled.unwrap_or(node).place;
            let text = "anonymous.enabled is not true or false";
            problems.push(StartProblem::always(place, text));
            false
        }
    };
    let place = enabled
        .map_or(&node.place, |enabled| &enabled.place)
        .clone();
    let conditions = node.get("conditions");
    if let Some(node) = conditions.filter(|node| !matches!(node.value, Value::List(_))) {
        let text = "anonymous.conditions is not a list";
        problems.push(StartProblem::always(&node.place, text));
    }
    let conditions = conditions.map_or(&[][..], Node::items);
    for condition in conditions {
        if !matches!(condition.value, Value::Map(_) | Value::Null) {
            let text = "a condition is not a mapping with the field path";
            problems.push(StartProblem::always(&condition.place, text));
        }
        unknown_fields(condition, &["path"], problems);
        if let Some(path) = condition.get("path") {
            text(path, "a path of anonymous.conditions", problems);
        }
    }
    if !is_on {
        if let Some(first) = conditions.first() {
            let text = "anonymous.conditions without enabled: true";
            problems.push(StartProblem::always(&first.place, text));
        }
        return FileAnonymous::Off(place);
    }
    let paths = conditions.iter();
    let paths: Vec<String> = paths
        .map(|condition| condition.text_of("path").unwrap_or_default().to_owned())
        .collect();
    if paths.is_empty() {
        FileAnonymous::On(place)
    } else {
        FileAnonymous::Paths(paths, place)
    }
}

/// The version of a document, which a release may not know. `known` has each with the first minor release that reads it,
/// if not all do.
pub(super) fn version(
    node: &Node,
    kind: &str,
    known: &[(&str, Option<u16>)],
    problems: &mut Vec<StartProblem>,
) {
    let version = node.get("apiVersion");
    let place = version.map_or(&node.place, |version| &version.place);
    let word = version.and_then(Node::text);
    let word = word.and_then(|text| text.strip_prefix("apiserver.config.k8s.io/"));
    let Some((word, first)) = known.iter().find(|(known, _)| word == Some(*known)) else {
        let text = format!("no apiVersion of {kind} that a release knows");
        problems.push(StartProblem::always(place, text));
        return;
    };
    if let Some(minor) = *first {
        let text = format!("apiVersion {word} of {kind} needs Kubernetes 1.{minor} or newer");
        let releases = Releases::Before(Minor { major: 1, minor });
        problems.push(StartProblem::in_releases(place, text, releases));
    }
}

/// A file without this kind is not read.
pub(super) fn kind(node: &Node, wanted: &str, problems: &mut Vec<StartProblem>) {
    if node.text_of("kind") != Some(wanted) {
        let text = format!("the document has no kind: {wanted}");
        problems.push(StartProblem::always(&node.place, text));
    }
}

/// The text of a field. A number or a switch without quotes is none to the server.
pub(super) fn text<'a>(
    node: &'a Node,
    name: &str,
    problems: &mut Vec<StartProblem>,
) -> Option<&'a str> {
    let text = node.strict_text();
    if text.is_none() {
        let text = format!(
            "{name} must be text: put quotes around numbers and around yes, no, on, off, true and false"
        );
        problems.push(StartProblem::always(&node.place, text));
    }
    text
}

/// The server reads its files strictly.
pub(super) fn unknown_fields(node: &Node, allowed: &[&str], problems: &mut Vec<StartProblem>) {
    for entry in node.entries() {
        if !allowed.contains(&entry.key.as_str()) {
            problems.push(StartProblem::always(
                &entry.place,
                "a field that the server does not know here",
            ));
        }
    }
}
