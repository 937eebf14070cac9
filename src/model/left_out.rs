//! The parts of a target that were not requested, and why.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use strum::{VariantArray, VariantNames};

use super::words;
use crate::wording::plural;

/// Examples that are kept.
const EXAMPLES: usize = 5;

/// The reason why a part of a target was not requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantArray, VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Gap"))]
#[strum(serialize_all = "kebab-case")]
pub enum LeftOutReason {
    /// An exclusion covers the address of a name, or a name that it is an alias of.
    ExcludedAddress,
    /// A name resolves to a special address (loopback, link-local, cloud metadata …) that is not a target itself.
    SpecialAddress,
    /// A name has more addresses than the limit.
    BeyondLimit,
    /// The lookup of a name failed for one address family only: there may be addresses that nobody knows.
    HalfResolved,
    /// This machine has no route for one address family; the name has addresses of the other.
    UnroutableAddress,
    /// It is outside of what the user allows to be asked: a target, or an address of a name.
    OutsideAllow,
}

words!(LeftOutReason, all);

impl LeftOutReason {
    /// Whether it counts addresses of a target, and not lookups.
    pub const fn is_address(self) -> bool {
        !matches!(self, Self::HalfResolved)
    }

    /// Whether the scan is incomplete because of it. It is complete if the user excluded the address, or if the name
    /// has other addresses that were requested.
    pub const fn is_missed(self) -> bool {
        !matches!(
            self,
            Self::ExcludedAddress | Self::UnroutableAddress | Self::OutsideAllow
        )
    }

    /// The count with its unit in words.
    pub fn counted(self, count: u64) -> String {
        let (one, several) = match self {
            Self::ExcludedAddress => ("excluded address", "excluded addresses"),
            Self::SpecialAddress => (
                "special address without --allow-special",
                "special addresses without --allow-special",
            ),
            Self::BeyondLimit => (
                "address beyond the limit for one name",
                "addresses beyond the limit for one name",
            ),
            Self::HalfResolved => (
                "lookup that failed for one address family",
                "lookups that failed for one address family",
            ),
            Self::UnroutableAddress => (
                "address of a family without a route here",
                "addresses of families without a route here",
            ),
            Self::OutsideAllow => ("outside of --allow", "outside of --allow"),
        };
        plural(count, one, several)
    }
}

/// What was not requested for one reason.
// Checkpoints have the fields without their names: the order stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Unasked"))]
pub struct LeftOut {
    /// The reason.
    pub why: LeftOutReason,
    /// How many addresses; for `half-resolved`, how many lookups.
    pub count: u64,
    /// Some of them: addresses with what they are, lookups with how they failed.
    pub examples: BTreeSet<String>,
}

impl LeftOut {
    /// A count with an example.
    pub fn new(why: LeftOutReason, count: u64, example: impl Into<String>) -> Self {
        Self {
            why,
            count,
            examples: BTreeSet::from([example.into()]),
        }
    }

    /// Adds a count with the same reason.
    pub fn join(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.examples.extend(other.examples.iter().cloned());
        while self.examples.len() > EXAMPLES {
            self.examples.pop_last();
        }
    }

    /// Adds this count to a sorted list that has each reason once.
    pub fn add_to(&self, list: &mut Vec<Self>) {
        match list.binary_search_by_key(&self.why, |left_out| left_out.why) {
            Ok(at) => list[at].join(self),
            Err(at) => list.insert(at, self.clone()),
        }
    }

    /// Whether this address of a name may be among what was left out, and not by an exclusion.
    pub fn may_include(&self, address: IpAddr) -> bool {
        match self.why {
            LeftOutReason::ExcludedAddress | LeftOutReason::HalfResolved => false,
            LeftOutReason::BeyondLimit => true,
            LeftOutReason::SpecialAddress
            | LeftOutReason::UnroutableAddress
            | LeftOutReason::OutsideAllow => {
                // Each example is an address, with what it is after a comma.
                let is_address = |example: &String| {
                    let (text, _) = example.split_once(',').unwrap_or((example, ""));
                    text.parse() == Ok(address)
                };
                self.count > self.examples.len() as u64 || self.examples.iter().any(is_address)
            }
        }
    }

    /// `1 special address without --allow-special (127.0.0.1, loopback)`.
    pub fn text(&self) -> String {
        let counted = self.why.counted(self.count);
        if self.examples.is_empty() {
            return counted;
        }
        let examples: Vec<&str> = self.examples.iter().map(String::as_str).collect();
        format!("{counted} ({})", examples.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_each_reason_once() {
        let mut list = Vec::new();
        for (why, count, example) in [
            (LeftOutReason::HalfResolved, 1, "AAAA: resolver timed out"),
            (LeftOutReason::SpecialAddress, 1, "127.0.0.1, loopback"),
            (LeftOutReason::SpecialAddress, 2, "0.0.0.0, unspecified"),
        ] {
            LeftOut::new(why, count, example).add_to(&mut list);
        }
        let said: Vec<String> = list.iter().map(LeftOut::text).collect();
        assert_eq!(
            said,
            [
                "3 special addresses without --allow-special (0.0.0.0, unspecified; 127.0.0.1, loopback)",
                "1 lookup that failed for one address family (AAAA: resolver timed out)"
            ]
        );
    }

    #[test]
    fn examples_are_few() {
        let mut left_out = LeftOut::new(LeftOutReason::SpecialAddress, 1, "127.0.0.9");
        for host in 0..9 {
            left_out.join(&LeftOut::new(
                LeftOutReason::SpecialAddress,
                1,
                format!("127.0.0.{host}"),
            ));
        }
        assert_eq!((left_out.count, left_out.examples.len()), (10, EXAMPLES));
        assert_eq!(left_out.examples.first().unwrap(), "127.0.0.0");
    }
}
