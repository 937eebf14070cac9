//! Fields of a JSON object.

use serde_json::{Map, Value};

/// A field that is a string.
pub(super) fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}
