//! Reads audit policies as leniently and as strictly as the server does: a key that it does not know is a warning, and a
//! value that it does not know is an error.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Options, Spanned};

use super::decision::Policy;
use super::rule::{GroupResources, Rule};
use super::words::{Level, Place, Stage};

/// The most values that a policy may have.
const MAX_NODES: usize = 200_000;
/// The most events that aliases of a file may repeat.
const MAX_REPLAYED: usize = 50_000;

/// Why the server would not start with this policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {problem}", place.line, place.column)]
pub struct InvalidPolicy {
    /// Where the problem is.
    pub place: Place,
    /// What is wrong. It does not repeat the file.
    pub problem: String,
}

impl InvalidPolicy {
    fn new(place: Place, problem: impl Into<String>) -> Self {
        Self {
            place,
            problem: problem.into(),
        }
    }
}

/// The keys of a table, without their values.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    api_version: Option<Spanned<String>>,
    #[serde(default)]
    kind: Option<Spanned<String>>,
    #[serde(default)]
    omit_stages: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    rules: Option<Vec<Spanned<RuleText>>>,
    #[serde(default, rename = "omitManagedFields")]
    _omit_managed_fields: IgnoredAny,
    #[serde(default, rename = "metadata")]
    _metadata: IgnoredAny,
    #[serde(flatten)]
    other: Keys,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleText {
    level: Option<String>,
    users: Option<Vec<String>>,
    user_groups: Option<Vec<String>>,
    verbs: Option<Vec<String>>,
    namespaces: Option<Vec<String>>,
    resources: Option<Vec<ResourcesText>>,
    #[serde(rename = "nonResourceURLs")]
    non_resource_urls: Option<Vec<String>>,
    omit_stages: Option<Vec<String>>,
    #[serde(default, rename = "omitManagedFields")]
    _omit_managed_fields: IgnoredAny,
    #[serde(flatten)]
    other: Keys,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourcesText {
    group: Option<String>,
    resources: Option<Vec<String>>,
    resource_names: Option<Vec<String>>,
    #[serde(flatten)]
    other: Keys,
}

impl Policy {
    /// Reads the policy of a file, YAML or JSON.
    ///
    /// # Errors
    /// The server would not start with this file, or it has several documents.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        let mut all = Self::parse_all(text)?;
        match all.len() {
            1 => Ok(all.remove(0)),
            0 => Err(InvalidPolicy::new(START, "no audit policy in this file")),
            _ => Err(InvalidPolicy::new(
                START,
                "several documents: the server reads the first one only; pass a file with one policy",
            )),
        }
    }

    /// Reads every document of a file as a policy. Empty documents are left out.
    ///
    /// # Errors
    /// The server would not start with one of the documents.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, InvalidPolicy> {
        let mut options = Options::default();
        options.with_snippet = false;
        options.alias_limits.max_total_replayed_events = MAX_REPLAYED;
        if let Some(budget) = &mut options.budget {
            (budget.max_events, budget.max_nodes) = (MAX_NODES * 2, MAX_NODES);
        }
        let files: Vec<Option<File>> = serde_saphyr::from_multiple_with_options(text, options)
            .map_err(|error| {
                let place = error.location().map_or(START, |location| place(&location));
                InvalidPolicy::new(
                    place,
                    "invalid YAML or a value of another kind than a policy has",
                )
            })?;
        files.into_iter().flatten().map(Self::try_from).collect()
    }
}

/// The beginning of a file.
const START: Place = Place { line: 1, column: 1 };

impl TryFrom<File> for Policy {
    type Error = InvalidPolicy;

    fn try_from(file: File) -> Result<Self, InvalidPolicy> {
        let beginning = file
            .kind
            .as_ref()
            .map_or(START, |kind| place(&kind.referenced));
        let is = |text: &Option<Spanned<String>>, expected: &str| {
            text.as_ref().is_some_and(|text| text.value == expected)
        };
        if !is(&file.kind, "Policy") || !is(&file.api_version, "audit.k8s.io/v1") {
            let at = file
                .api_version
                .as_ref()
                .map_or(beginning, |version| place(&version.referenced));
            return Err(InvalidPolicy::new(
                at,
                "expected apiVersion: audit.k8s.io/v1 and kind: Policy",
            ));
        }
        let mut unknown_keys: Vec<(Place, String)> = file
            .other
            .0
            .into_iter()
            .map(|key| (beginning, key))
            .collect();
        let stages = file.omit_stages.unwrap_or_default();
        let omit_stages = stages
            .iter()
            .map(|stage| self::stage(&stage.value, place(&stage.referenced)));
        let omit_stages = omit_stages.collect::<Result<_, _>>()?;
        let mut rules = Vec::new();
        for rule in file.rules.unwrap_or_default() {
            rules.push(self::rule(rule, &mut unknown_keys)?);
        }
        if rules.is_empty() {
            return Err(InvalidPolicy::new(beginning, "a policy without rules"));
        }
        Ok(Self {
            omit_stages,
            rules,
            unknown_keys,
        })
    }
}

fn rule(
    written: Spanned<RuleText>,
    unknown_keys: &mut Vec<(Place, String)>,
) -> Result<Rule, InvalidPolicy> {
    let place = place(&written.referenced);
    let invalid = |problem: &str| InvalidPolicy::new(place, problem);
    let written = written.value;
    unknown_keys.extend(written.other.0.into_iter().map(|key| (place, key)));
    let level = (written
        .level
        .as_deref()
        .unwrap_or_default()
        .parse::<Level>())
    .map_err(|_| invalid("level: expected one of None, Metadata, Request, RequestResponse"))?;
    let stages = written.omit_stages.unwrap_or_default();
    let mut resources = Vec::new();
    for one in written.resources.unwrap_or_default() {
        unknown_keys.extend(one.other.0.into_iter().map(|key| (place, key)));
        let one = GroupResources {
            group: one.group.unwrap_or_default(),
            resources: one.resources.unwrap_or_default(),
            names: one.resource_names.unwrap_or_default(),
        };
        if one.resources.is_empty() && !one.names.is_empty() {
            return Err(invalid("resourceNames without resources"));
        }
        resources.push(one);
    }
    let rule = Rule {
        place,
        level,
        users: written.users.unwrap_or_default(),
        user_groups: written.user_groups.unwrap_or_default(),
        verbs: written.verbs.unwrap_or_default(),
        namespaces: written.namespaces.unwrap_or_default(),
        resources,
        non_resource_urls: written.non_resource_urls.unwrap_or_default(),
        omit_stages: (stages.iter().map(|word| stage(word, place))).collect::<Result<_, _>>()?,
    };
    let has_resources = !rule.resources.is_empty() || !rule.namespaces.is_empty();
    if has_resources && !rule.non_resource_urls.is_empty() {
        return Err(invalid(
            "a rule is about resources or about nonResourceURLs, not both",
        ));
    }
    let is_url = |url: &String| {
        url == "*" || url.starts_with('/') && !url.trim_end_matches('*').contains('*')
    };
    if !rule.non_resource_urls.iter().all(is_url) {
        return Err(invalid(
            "nonResourceURLs: expected paths that begin with a slash and have a * at the end only",
        ));
    }
    Ok(rule)
}

fn stage(word: &str, place: Place) -> Result<Stage, InvalidPolicy> {
    word.parse().map_err(|_| {
        InvalidPolicy::new(
            place,
            "omitStages: expected RequestReceived, ResponseStarted, ResponseComplete or Panic",
        )
    })
}

fn place(location: &Location) -> Place {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    Place {
        line: number(location.line()),
        column: number(location.column()),
    }
}
