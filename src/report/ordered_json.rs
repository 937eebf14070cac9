//! JSON values whose keys keep the order in which they are written. `serde_json::Value` sorts them.

use serde::{Serialize, Serializer};

/// A JSON value.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Json {
    Bool(bool),
    Number(u64),
    Text(String),
    Array(Vec<Json>),
    #[serde(serialize_with = "present_entries")]
    Object(Vec<(&'static str, Json)>),
    /// The value of a key that is left out.
    Absent,
}

/// An object: `object! { "key": value, … }`. A key whose value is `None` is left out.
macro_rules! object {
    ($($key:literal: $value:expr),* $(,)?) => {
        $crate::report::ordered_json::Json::Object(vec![$(($key, $value.into())),*])
    };
}
pub(super) use object;

fn present_entries<S: Serializer>(
    entries: &[(&'static str, Json)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let is_present = |(_, value): &&(&str, Json)| !matches!(value, Json::Absent);
    let present = entries.iter().filter(is_present);
    serializer.collect_map(present.map(|(key, value)| (key, value)))
}

/// The array, or `None` if it is empty.
pub(super) fn if_any(values: Vec<Json>) -> Option<Json> {
    (!values.is_empty()).then_some(Json::Array(values))
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(values: Vec<T>) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}
