//! Text → [`TargetSet`]: what to knock on, counted and read by index, never listed in memory.
//!
//! ```text
//! argument, file, stdin ─reader→ line ─spec→ Specification ─draft→ runs ─exclusions→ TargetSet
//!                                                    Permutation: position → index ─get→ Target
//! ```
//!
//! One specification a line: an address, `address:port`, `[v6]:port`, a CIDR, a range
//! (`192.0.2.10-40`), a host name, `host:port`, or the base URL of a server. Words of the form
//! `key=value` behind it annotate it (`name=`, `expect=`, `sni=`, `ports=`); `#` begins a comment.
//! `targets.example.txt` shows every form.
//!
//! A set costs memory by its specifications and ports, not by its addresses. What several
//! specifications name is asked once: the first is its origin, and every *named* one (no CIDR, no
//! range) is listed with it, so that no annotation of a named target is lost.
//!
//! ```
//! use kubeknock::targets::{Permutation, TargetOptions, TargetSetBuilder};
//!
//! let mut builder = TargetSetBuilder::new(TargetOptions::default());
//! builder.argument("192.0.2.0/24 name=lab");
//! builder.argument("https://rancher.example/k8s/clusters/c-1");
//! builder.exclude("192.0.2.1");
//! let set = builder.build().unwrap();
//! assert_eq!(set.len(), 255 * 3 + 1);
//! assert_eq!(set.get(0).unwrap().to_string(), "192.0.2.0:6443");
//!
//! let order = Permutation::new(set.len(), 42);
//! assert!(set.get(order.nth(0)).is_some());
//! ```

mod base_url;
mod builder;
mod digest;
mod draft;
mod error;
mod exclusions;
mod foreign;
mod host;
mod import;
mod intervals;
mod layout;
mod notes;
mod order;
mod ports;
mod reader;
mod runs;
mod set;
mod span;
mod spec;
#[cfg(test)]
mod tests;

pub use builder::TargetSetBuilder;
pub use error::{TargetError, TargetErrors};
pub use exclusions::Exclusions;
pub use import::ImportFormat;
pub use notes::Note;
pub use order::Permutation;
pub use ports::parse_ports;
pub use set::{Spec, TargetSet};

use crate::model::{Pattern, TargetNames, Verdict};

/// The ports that are asked where a specification names none.
pub const DEFAULT_PORTS: [u16; 3] = [6443, 443, 8443];

/// How specifications are understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetOptions {
    /// The ports where a specification names none: 1 to 65535, at least one.
    pub ports: Vec<u16>,
    /// Allow a CIDR or range of more than 2^24 addresses.
    pub allow_large: bool,
    /// What is expected of specifications that do not say it with `expect=`; the last one that
    /// matches counts.
    pub expectations: Vec<Expectation>,
}

/// The verdict that must come out at some targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// At which specifications: compared with the text as written, its host, and its `name=`.
    pub target: Pattern,
    /// The verdict.
    pub verdict: Verdict,
}

impl TargetOptions {
    /// The expectations that are about a specification, by their numbers.
    fn about(&self, text: &str, label: Option<&str>) -> Vec<usize> {
        if self.expectations.is_empty() {
            return Vec::new();
        }
        let names = TargetNames::of_specification(text, label);
        let of_these = self.expectations.iter().enumerate();
        of_these
            .filter(|(_, expectation)| expectation.target.matches(&names))
            .map(|(at, _)| at)
            .collect()
    }
}

impl Default for TargetOptions {
    fn default() -> Self {
        Self {
            ports: DEFAULT_PORTS.to_vec(),
            allow_large: false,
            expectations: Vec::new(),
        }
    }
}
