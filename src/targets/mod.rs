//! From text to a [`TargetSet`]: which hosts and ports to ask.
//!
//! ```text
//! argument, file, stdin ─lines→ line ─specification→ Specification ─collector→ unique hosts
//!                                             unique hosts ─assembly, exclusions→ TargetSet
//! position in the scan ─Permutation→ index ─TargetSet::get→ Target
//! ```
//!
//! Each line has one specification: an address, `address:port`, `[v6]:port`, a CIDR, a range
//! (`192.0.2.10-40`), a host name, `host:port`, or the base URL of a server. Annotations of the
//! form `key=value` may follow it (`name=`, `expect=`, `sni=`, `ports=`); `#` begins a comment.
//! `targets.example.txt` shows every form.
//!
//! A set is never a list in memory: it grows with its specifications and ports, not with its
//! addresses. A target that several specifications name is asked once. The first specification is
//! its origin, and every *named* one (no CIDR, no range) is recorded with it, so that no
//! annotation of a named target is lost.
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

mod allowlist;
mod assembly;
mod base_url;
mod builder;
mod collector;
mod digest;
mod error;
mod exclusions;
mod file_kind;
mod finder;
mod host;
mod host_range;
mod host_set;
mod import;
mod intervals;
mod inventoried;
mod limits;
mod lines;
mod options;
mod permutation;
mod ports;
mod set;
mod specification;
#[cfg(test)]
mod tests;
mod unique_hosts;
mod warnings;

pub use allowlist::Allowlist;
pub use builder::TargetSetBuilder;
pub use error::{TargetError, TargetErrors};
pub use exclusions::Exclusions;
pub use finder::TargetFinder;
pub use import::ImportFormat;
pub use options::{DEFAULT_PORTS, Expectation, TargetOptions};
pub use permutation::Permutation;
pub use ports::{PortsError, parse_ports};
pub use set::{Spec, TargetSet};
pub use warnings::Warning;
