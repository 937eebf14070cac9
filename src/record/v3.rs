//! Versions 1 to 3 called the DNS name `name`, and the user's name `label`.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

/// A name, or null.
type Name = Option<Arc<str>>;

/// The value of the former key `label`; `None` without the key, which every record of these versions has.
#[derive(Default)]
pub(super) struct FormerLabel(Option<Name>);

/// Reads the former key, if it is there.
pub(super) fn label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FormerLabel, D::Error> {
    Option::deserialize(deserializer).map(|name| FormerLabel(Some(name)))
}

/// Gives both names their keys of today. Some reports of version 3 have `host`, too: it is the same as their `name`.
pub(super) fn upgrade(host: &mut Name, name: &mut Name, former: &mut FormerLabel) {
    if let Some(label) = former.0.take() {
        *host = name.take();
        *name = label;
    }
}
