//! The format's name, the versions that can be read, and how large its parts may be.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The name and version of the format that is written, which `docs/report.schema.json` describes.
pub const SCHEMA: &str = "kubeknock/report/v4";

/// The versions that can be read.
pub const READABLE: [&str; 4] = [
    "kubeknock/report/v1",
    "kubeknock/report/v2",
    "kubeknock/report/v3",
    "kubeknock/report/v4",
];

/// Largest part of a report about the scan as a whole, in bytes. Most of it lists named targets.
pub(super) const MAX_PIECE: usize = 256 * 1024 * 1024;

/// Largest endpoint record, in bytes.
pub(super) const MAX_RECORD: usize = if cfg!(test) { 1 << 20 } else { 64 << 20 };

/// The name of a format that this version reads. Any other name is an error.
pub(super) struct Schema;

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Readable;

        impl Visitor<'_> for Readable {
            type Value = Schema;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a report format")
            }

            fn visit_str<E: Error>(self, schema: &str) -> Result<Schema, E> {
                if READABLE.contains(&schema) {
                    return Ok(Schema);
                }
                let readable = READABLE.join(", ");
                // Shows the name only if it is one of ours.
                let ours = schema
                    .strip_prefix("kubeknock/report/v")
                    .filter(|rest| rest.parse::<u16>().is_ok());
                let schema = ours.map(|_| format!(" {schema:?}")).unwrap_or_default();
                Err(E::custom(format_args!(
                    "schema{schema} is not supported: expected one of {readable}"
                )))
            }
        }

        deserializer.deserialize_str(Readable)
    }
}
