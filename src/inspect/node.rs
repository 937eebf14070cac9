//! The values of a YAML or JSON document, each with its place.
//!
//! Only values of fields that are read are kept. Of every other field the name is kept and the value is skipped while
//! parsing, so that no token, key or password beside them is ever in memory.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::place::Place;
use crate::model::Source;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// The canonical text of a number.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// A value that is not read.
    Skipped,
}

/// A field of a map.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Node {
    /// The value of a field; `None` for a null.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let entry = self.entries().iter().find(|entry| entry.key == key)?;
        (!matches!(entry.node.value, Value::Null)).then_some(&entry.node)
    }

    /// The value that these fields lead to.
    pub(super) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of a field.
    pub(super) fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => Some(text),
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// The text of a field that API servers read strictly: a number or a switch is none.
    pub(super) fn strict_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The texts of a list field.
    pub(super) fn texts_of<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a str> {
        let items = self.get(key).map_or(&[][..], Self::items);
        items.iter().filter_map(Self::text)
    }

    /// Sets every place to what `place` makes of its line and column.
    pub(super) fn relocate(&mut self, place: &impl Fn(u32, u32) -> Place) {
        let moved = |old: &Place| place(old.line, old.column);
        self.place = moved(&self.place);
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.relocate(place)),
            Value::Map(entries) => {
                for entry in entries {
                    entry.place = moved(&entry.place);
                    entry.node.relocate(place);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Skipped => {}
        }
    }
}

/// The fields that are read, beside the names of flags.
const FIELDS: [&str; 68] = [
    "aggregationRule",
    "anonymous",
    "anonymousAuth",
    "api",
    "apiGroup",
    "apiGroups",
    "apiServer",
    "apiServerArguments",
    "apiVersion",
    "args",
    "authorizers",
    "claimMappings",
    "cluster",
    "clusterConfiguration",
    "clusterRoleSelectors",
    "command",
    "conditions",
    "configMapName",
    "configuration",
    "containers",
    "data",
    "enableAnonymousAuthentication",
    "enabled",
    "extraArgs",
    "failurePolicy",
    "files",
    "group",
    "image",
    "issuer",
    "items",
    "jwt",
    "kind",
    "kube-apiserver-arg",
    "kube-apiserver-arg+",
    "kubeAPIServer",
    "kubeadmConfigSpec",
    "kubernetes",
    "kubernetesVersion",
    "labels",
    "level",
    "machine",
    "matchLabels",
    "metadata",
    "name",
    "namespace",
    "namespaces",
    "nonResourceURLs",
    "omitStages",
    "path",
    "rawArgs",
    "resourceNames",
    "resources",
    "roleRef",
    "rules",
    "spec",
    "structuredAuthentication",
    "structuredAuthorization",
    "subjects",
    "template",
    "timeout",
    "type",
    "url",
    "userGroups",
    "users",
    "value",
    "verbs",
    "version",
    "webhook",
];

/// Whether the value of a field is read. The value of a flag is read only if the flag decides something.
fn is_read(key: &str) -> bool {
    let holds_document = key == "ClusterConfiguration"
        || [".yaml", ".yml", ".json"]
            .iter()
            .any(|extension| key.ends_with(extension));
    FIELDS.binary_search(&key).is_ok()
        || holds_document
        || super::flags::is_decisive(&super::flags::normalised(key))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self {
            place: place(&spanned),
            value: spanned.value,
        })
    }
}

/// The place of a value in a file that is not known yet.
fn place<T>(value: &Spanned<T>) -> Place {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    let location = value.referenced;
    let (line, column) = (number(location.line()), number(location.column()));
    Place::new(Source::Stdin, line, column)
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let place = place(&key);
            let key = key.value;
            let node = if key == "labels" || key == "matchLabels" {
                map.next_value::<Labels>()?.0
            } else if key == "content" {
                map.next_value::<Content>()?.0
            } else if is_read(&key) {
                map.next_value()?
            } else {
                map.next_value::<IgnoredAny>()?;
                Node {
                    value: Value::Skipped,
                    place: place.clone(),
                }
            };
            entries.push(Entry { key, place, node });
        }
        Ok(Value::Map(entries))
    }
}

/// The content of a file: skipped, unless it is a document that is read.
struct Content(Node);

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const KINDS: [&str; 3] = [
            "AuthenticationConfiguration",
            "AuthorizationConfiguration",
            "audit.k8s.io",
        ];
        let mut node = Node::deserialize(deserializer)?;
        let is_read = |text: &str| KINDS.iter().any(|kind| text.contains(kind));
        if !node.text().is_some_and(is_read) {
            node.value = Value::Skipped;
        }
        Ok(Self(node))
    }
}

/// A map whose fields have any name and a text as value.
struct Labels(Node);

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let labels = Option::<Spanned<LabelMap>>::deserialize(deserializer)?;
        let Some(labels) = labels else {
            let place = Place::new(Source::Stdin, 1, 1);
            return Ok(Self(Node {
                value: Value::Null,
                place,
            }));
        };
        let place = place(&labels);
        let entry = |(key, value): (String, Option<String>)| Entry {
            key,
            place: place.clone(),
            node: Node {
                value: value.map_or(Value::Null, Value::Text),
                place: place.clone(),
            },
        };
        let entries = labels.value.into_iter().map(entry).collect();
        Ok(Self(Node {
            value: Value::Map(entries),
            place,
        }))
    }
}

type LabelMap = std::collections::BTreeMap<String, Option<String>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_sorted_for_the_search() {
        assert!(FIELDS.is_sorted());
    }
}
