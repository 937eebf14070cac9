//! Fields of a JSON object. Bodies are parsed into borrowed values: few of their fields are kept.

use serde_json_borrow::{ObjectAsVec, Value};

/// A field. If its key comes more than once, the last one counts, as for Go and `serde_json`.
pub(super) fn field<'a, 'body>(
    object: &'a ObjectAsVec<'body>,
    key: &str,
) -> Option<&'a Value<'body>> {
    let fields = object.iter().filter(|(other, _)| *other == key);
    fields.last().map(|(_, value)| value)
}

/// A field that is a string.
pub(super) fn text<'a>(object: &'a ObjectAsVec<'_>, key: &str) -> Option<&'a str> {
    field(object, key).and_then(|value| value.as_str())
}

/// A field that is a string, to keep.
pub(super) fn owned(object: &ObjectAsVec<'_>, key: &str) -> Option<String> {
    text(object, key).map(str::to_owned)
}
