//! Enums as one byte in checkpoints and in the queue of retries: the number of the variant.

use serde::{Deserialize as _, Deserializer, Serializer, de};

use crate::model::{FailureKind, Gap, Stage};

/// An enum whose variants are known by number. A number, once written, must keep its meaning.
pub(super) trait Numbered: Copy + 'static {
    const VARIANTS: &'static [Self];

    fn number(self) -> u8;

    fn from_number(number: u8) -> Option<Self> {
        Self::VARIANTS.get(usize::from(number)).copied()
    }
}

impl Numbered for FailureKind {
    const VARIANTS: &'static [Self] = &Self::ALL;

    fn number(self) -> u8 {
        self as u8
    }
}

impl Numbered for Gap {
    const VARIANTS: &'static [Self] = &Self::ALL;

    fn number(self) -> u8 {
        self as u8
    }
}

impl Numbered for Stage {
    const VARIANTS: &'static [Self] = &[
        Self::Dns,
        Self::Proxy,
        Self::Connect,
        Self::Tls,
        Self::Http,
        Self::Body,
        Self::Internal,
    ];

    fn number(self) -> u8 {
        self as u8
    }
}

pub(super) fn serialize<T: Numbered, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(value.number())
}

pub(super) fn deserialize<'de, T: Numbered, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    T::from_number(u8::deserialize(deserializer)?)
        .ok_or_else(|| de::Error::custom("no variant has this number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_numbers_lead_back<T: Numbered + PartialEq + std::fmt::Debug>() {
        for (number, variant) in (0..).zip(T::VARIANTS) {
            assert_eq!(variant.number(), number);
            assert_eq!(T::from_number(number), Some(*variant));
        }
        assert_eq!(T::from_number(255), None);
    }

    #[test]
    fn a_variant_is_its_number() {
        all_numbers_lead_back::<FailureKind>();
        all_numbers_lead_back::<Gap>();
        all_numbers_lead_back::<Stage>();
    }
}
