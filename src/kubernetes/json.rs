//! Fields of a JSON object. Bodies are parsed into borrowed values: few of their fields are kept.

use serde_json_borrow::ObjectAsVec;

/// A field that is a string.
pub(super) fn text<'a>(object: &'a ObjectAsVec<'_>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(|value| value.as_str())
}

/// A field that is a string, to keep.
pub(super) fn owned(object: &ObjectAsVec<'_>, key: &str) -> Option<String> {
    text(object, key).map(str::to_owned)
}
