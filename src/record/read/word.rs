//! The model's words, read back; and numbers with their units.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::model::{
    ClueKind, Component, Confidence, FailureKind, Gap, Grade, Method, PostureStatus, Provenance,
    Scheme, Specificity, Stage, Unclear, Verdict,
};
use crate::record::READABLE;

/// A type with a word for each of its values.
pub(super) trait Worded: Sized {
    /// What the word is, for errors.
    const WHAT: &'static str;

    fn from_word(word: &str) -> Option<Self>;
}

macro_rules! worded {
    ($type:ty, $what:literal: $($variant:ident)+) => {
        impl Worded for $type {
            const WHAT: &'static str = $what;

            fn from_word(word: &str) -> Option<Self> {
                // A variant that is not listed does not compile.
                let _: fn(&Self) = |one| match one { $(Self::$variant)|+ => {} };
                [$(Self::$variant),+].into_iter().find(|one| one.as_str() == word)
            }
        }
    };
}

impl Worded for Verdict {
    const WHAT: &'static str = "verdict";

    fn from_word(word: &str) -> Option<Self> {
        // Nobody can expect it, so it is no word of the settings.
        let none = Self::NotAttempted;
        word.parse()
            .ok()
            .or_else(|| (word == none.as_str()).then_some(none))
    }
}

worded!(Scheme, "scheme": Https Http);
worded!(Method, "method": Get Head);
worded!(Stage, "stage": Dns Proxy Connect Tls Http Body Internal);
worded!(Grade, "grade": Product PublicInfo Discovery Telemetry Resources SensitiveResources);
worded!(Component, "component":
    KubeApiServer AggregatedApiServer KubeControllerManager KubeScheduler ControllerManagerOrScheduler
    Kubelet Etcd Supervisor KubernetesProxy FrontEnd Other Unknown);
worded!(Confidence, "confidence": Low Medium High);
worded!(ClueKind, "kind of clue":
    Status VersionFields Discovery AuditId FlowControl ServingCertificate CertificateNames ClientCaNames
    WithoutServerName Alpn HostName TransportSecurity ProductAnswer PlainHttp ForeignAnswer ServerHeader Port);
worded!(Specificity, "specificity": Weak Family Unique);
worded!(Gap, "reason": ExcludedAddress SpecialAddress BeyondLimit HalfResolved
    UnroutableAddress);
worded!(Provenance, "degree of knowledge": Unknown Inferred Observed Documented);
worded!(PostureStatus, "standing": Looser Stricter Either AsDocumented Unknown);
worded!(FailureKind, "kind of failure":
    Refused TimedOut HostUnreachable NetworkUnreachable Prohibited NameNotFound NoAddress ResolverFailure
    ResolverTimedOut Proxy Reset Closed PlainHttp NotTls ClientCertificateRequired Handshake InvalidHttp
    Deadline LocalShortage Panic NoRoute NoResolver ProxyRefused ProxyCouldNotConnect);
worded!(Unclear, "kind of unclear answer":
    Redirect RateLimited ServerError Plain401 Plain403 OtherUser OtherRequest OwnWords AuthorizerFailed UnexpectedBody SameBody Unmarked Unvouched FrontHealth TlsPort Cut
    OtherStatus);

/// A value by its word.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word<T>(pub(super) T);

impl<'de, T: Worded> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ByWord(PhantomData)).map(Word)
    }
}

struct ByWord<T>(PhantomData<T>);

impl<T: Worded> Visitor<'_> for ByWord<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {}", T::WHAT)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<T, E> {
        T::from_word(word).ok_or_else(|| E::custom(format_args!("this is no {}", T::WHAT)))
    }
}

/// Milliseconds with a fraction.
#[derive(Clone, Copy, Default)]
pub(super) struct Ms(pub(super) Duration);

impl<'de> Deserialize<'de> for Ms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ms = f64::deserialize(deserializer)?;
        // Written with a precision of one microsecond: what lies between is the reading's own error.
        let seconds = (ms * 1e3).round() / 1e6;
        Duration::try_from_secs_f64(seconds)
            .map(|duration| Self(round_to_micros(duration)))
            .map_err(|_| D::Error::custom("this is no duration"))
    }
}

fn round_to_micros(duration: Duration) -> Duration {
    let micros = (duration.as_nanos() + 500) / 1000;
    u64::try_from(micros).map_or(duration, Duration::from_micros)
}

/// The name of a format that this version reads; any other is an error where it stands.
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
                // Ours are shown, whatever else may stand here is not.
                let ours = schema
                    .strip_prefix("kubeknock/report/v")
                    .filter(|rest| rest.parse::<u16>().is_ok());
                let schema = ours.map(|_| format!(" {schema:?}")).unwrap_or_default();
                Err(E::custom(format_args!(
                    "schema{schema} is not one that this version reads ({readable})"
                )))
            }
        }

        deserializer.deserialize_str(Readable)
    }
}

/// An RFC 3339 time.
pub(super) struct Time(pub(super) Timestamp);

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
                    .map_err(|_| E::custom("this is no time in RFC 3339"))
            }
        }

        deserializer.deserialize_str(Rfc3339).map(Self)
    }
}
