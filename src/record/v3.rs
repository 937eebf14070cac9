//! Versions 1 to 3 called the DNS name `name`, and the user's name `label`.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use super::endpoint::Endpoint;

/// The value of the former key `label`; `None` without the key, which every record of these versions has.
pub(super) type FormerLabel = Option<Option<Arc<str>>>;

/// Reads the former key, if it is there.
pub(super) fn label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FormerLabel, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Gives both names their keys of today. Some reports of version 3 have `host`, too: it is the same as their `name`.
pub(super) fn upgrade(record: &mut Endpoint<'_>) {
    if let Some(label) = record.former_label.take() {
        record.host = record.name.take();
        record.name = label;
    }
}
