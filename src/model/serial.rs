//! The forms in which records have times, durations and texts from the network.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

use crate::escape::{TEXT, clip, clip_owned};

/// A text from the network: at most 1,024 characters, the last of them `…` where it was cut.
#[derive(Default, Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Text", extend("maxLength" = TEXT)))]
pub(crate) struct Clipped<'a>(Cow<'a, str>);

impl<'a> From<&'a str> for Clipped<'a> {
    fn from(text: &'a str) -> Self {
        Self(clip(text, TEXT))
    }
}

impl From<String> for Clipped<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(clip_owned(text, TEXT)))
    }
}

impl Deref for Clipped<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<Clipped<'_>> for String {
    fn from(Clipped(text): Clipped<'_>) -> Self {
        text.into_owned()
    }
}

/// Writes a text as [`Clipped`] does.
pub(super) fn clipped<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    Clipped::from(text).serialize(serializer)
}

/// Writes a text as [`Clipped`] does, and null without one.
#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
pub(super) fn clipped_if_any<S: Serializer>(
    text: &Option<Cow<'static, str>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    text.as_deref().map(Clipped::from).serialize(serializer)
}

/// A time: RFC 3339, UTC, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("pattern" = r"^-?\d{4,6}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")))]
pub(crate) struct Time(#[cfg_attr(test, schemars(with = "String"))] pub(crate) Timestamp);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rfc3339;

        impl Visitor<'_> for Rfc3339 {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time in RFC 3339")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse()
                    .map_err(|_| E::custom("invalid time: expected RFC 3339"))
            }
        }

        deserializer.deserialize_str(Rfc3339).map(Self)
    }
}

/// A duration in milliseconds, with a precision of one microsecond.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("minimum" = 0)))]
pub(crate) struct Ms(#[cfg_attr(test, schemars(with = "f64"))] pub(crate) Duration);

impl Serialize for Ms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((self.0.as_secs_f64() * 1e6).round() / 1e3)
    }
}

impl<'de> Deserialize<'de> for Ms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let micros = (f64::deserialize(deserializer)? * 1e3).round();
        // Rounded again: seconds as a float are not exact.
        Duration::try_from_secs_f64(micros / 1e6)
            .map(|duration| (duration.as_nanos() + 500) / 1000)
            .ok()
            .and_then(|micros| u64::try_from(micros).ok())
            .map(|micros| Self(Duration::from_micros(micros)))
            .ok_or_else(|| D::Error::custom("invalid duration: expected milliseconds from 0"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_durations_microseconds() {
        for (time, written) in [
            ("2026-10-01T08:00:00.1234567Z", "2026-10-01T08:00:00.123Z"),
            ("2026-10-01T08:00:00Z", "2026-10-01T08:00:00.000Z"),
        ] {
            assert_eq!(Time(time.parse().unwrap()).to_string(), written);
        }
        for (nanoseconds, written) in [
            (0, "0.0"),
            (1_234_567, "1.235"),
            (10_000_000_001, "10000.0"),
        ] {
            let duration = Ms(Duration::from_nanos(nanoseconds));
            let text = serde_json::to_string(&duration).unwrap();
            assert_eq!(text, written);
            let Ms(read) = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&Ms(read)).unwrap(), text);
        }
    }
}
