//! Values inside an event: the user, the addresses, the status and the annotations. Azure writes them as JSON in a text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::event::Decision;
use super::text::{Text, other_values};

/// What is read of a value. A value of another kind gives the default.
pub(super) trait Part: Default {
    /// Reads the value of a key of an object.
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let _ = key;
        map.next_value::<IgnoredAny>().map(|_| ())
    }

    /// Reads a text of a list.
    fn element(&mut self, text: &str) {
        let _ = text;
    }
}

/// A part, as a value or as JSON in a text.
#[derive(Default)]
pub(super) struct Embedded<P>(pub(super) P);

impl<'de, P: Part> Deserialize<'de> for Embedded<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyPart(PhantomData))
    }
}

struct AnyPart<P>(PhantomData<P>);

impl<'de, P: Part> Visitor<'de> for AnyPart<P> {
    type Value = Embedded<P>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, or JSON in a text")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Embedded<P>, A::Error> {
        let mut part = P::default();
        while let Some(Text(key)) = map.next_key()? {
            part.entry(&key, &mut map)?;
        }
        Ok(Embedded(part))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Embedded<P>, A::Error> {
        let mut part = P::default();
        while let Some(Text(text)) = seq.next_element()? {
            part.element(&text);
        }
        Ok(Embedded(part))
    }

    fn visit_str<E>(self, text: &str) -> Result<Embedded<P>, E> {
        // A text inside the text is no part, so that this ends.
        let is_value = text.trim_start().starts_with(['{', '[']);
        let part = is_value.then(|| serde_json::from_str(text).ok()).flatten();
        Ok(part.unwrap_or_default())
    }

    other_values!(Embedded<P>, unit bool i64 u64 f64);
}

/// `user`.
#[derive(Default)]
pub(super) struct User {
    pub(super) has_name: bool,
    pub(super) is_anonymous: bool,
}

impl User {
    pub(super) fn named(name: &str) -> Self {
        Self {
            has_name: !name.is_empty(),
            is_anonymous: name == "system:anonymous",
        }
    }
}

impl Part for User {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key == "username" {
            *self = Self::named(&map.next_value::<Text<'_>>()?.0);
            Ok(())
        } else {
            map.next_value::<IgnoredAny>().map(|_| ())
        }
    }
}

/// The last of `sourceIPs`. Those before it are what the client says (`X-Forwarded-For`).
#[derive(Default)]
pub(super) struct Source(pub(super) String);

impl Part for Source {
    fn element(&mut self, text: &str) {
        self.0.clear();
        self.0.push_str(text);
    }
}

/// The code of `responseStatus`.
#[derive(Default)]
pub(super) struct Code(pub(super) Option<i64>);

impl Part for Code {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key == "code" {
            self.0 = map.next_value::<Number>()?.0;
            Ok(())
        } else {
            map.next_value::<IgnoredAny>().map(|_| ())
        }
    }
}

/// The decision among the annotations.
#[derive(Default)]
pub(super) struct Decided(pub(super) Option<Decision>);

impl Part for Decided {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key != "authorization.k8s.io/decision" {
            return map.next_value::<IgnoredAny>().map(|_| ());
        }
        self.0 = match &*map.next_value::<Text<'_>>()?.0 {
            "allow" => Some(Decision::Allowed),
            "forbid" => Some(Decision::Forbidden),
            _ => None,
        };
        Ok(())
    }
}

/// A whole number, or nothing for any other value.
#[derive(Default)]
pub(super) struct Number(pub(super) Option<i64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNumber;
        impl<'de> Visitor<'de> for AnyNumber {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(Some(number)))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(i64::try_from(number).ok()))
            }

            other_values!(Number, unit bool f64 str seq map);
        }
        deserializer.deserialize_any(AnyNumber)
    }
}
