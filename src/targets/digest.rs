//! A digest of a whole set: two sets with the same one are asked alike, index by index.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

use super::set::{Segment, TargetSet};
use crate::model::hex;

/// Writes text into a digest.
struct Digesting(Sha256);

impl fmt::Write for Digesting {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

impl TargetSet {
    /// SHA-256 over everything that the set asks, in which order, under which names, and what it
    /// excludes. Only the same version of kubeknock gives the same digest.
    pub fn digest(&self) -> [u8; 32] {
        let mut out = self.asked();
        for segment in &self.segments {
            let _ = write!(out, "{:?}", segment.naming);
        }
        for spec in &self.specs {
            let _ = write!(out, "{spec:?}");
        }
        out.0.finalize().into()
    }

    /// SHA-256 over what the set asks and excludes alone, in hexadecimal digits: the same wherever the
    /// list lay, and however its targets are called. Only the same version of kubeknock gives the same.
    pub fn asked_digest(&self) -> String {
        hex(self.asked().0.finalize())
    }

    fn asked(&self) -> Digesting {
        let mut out = Digesting(Sha256::new());
        // Writing into a digest cannot fail.
        let _ = write!(
            out,
            "{} {} {:?} {:?}",
            self.len, self.excluded, self.planes, self.names
        );
        for Segment {
            start,
            first,
            plane,
            naming: _,
        } in &self.segments
        {
            let _ = write!(out, "{start} {first} {plane};");
        }
        if !self.absolute.is_empty() {
            let _ = write!(out, "{:?}", self.absolute);
        }
        let _ = self.exclusions.describe(&mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use crate::targets::{TargetOptions, TargetSetBuilder};

    fn digest(specs: &[&str], exclusions: &[&str]) -> [u8; 32] {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        for spec in specs {
            builder.argument(spec);
        }
        for exclusion in exclusions {
            builder.exclude(exclusion);
        }
        builder.build().unwrap().digest()
    }

    #[test]
    fn what_is_asked_is_the_same_wherever_it_is_written() {
        let asked = |specs: &[&str]| {
            let mut builder = TargetSetBuilder::new(TargetOptions::default());
            builder.read(crate::model::Source::Stdin, specs.join("\n").as_bytes());
            builder.build().unwrap().asked_digest()
        };
        let one = asked(&["192.0.2.0/24", "api.example:1"]);
        assert_eq!(
            one,
            asked(&[
                "# a remark",
                "192.0.2.0/24 name=net",
                "api.example:1 expect=rejected"
            ])
        );
        assert_ne!(one, asked(&["192.0.2.0/25", "api.example:1"]));
        assert_ne!(one, asked(&["192.0.2.0/24", "api.example:2"]));
        assert_ne!(
            one,
            asked(&["192.0.2.0/24", "api.example:1 sni=other.example"])
        );
        assert_ne!(one, asked(&["192.0.2.0/24"]));
    }

    #[test]
    fn equal_sets_have_it_and_every_difference_changes_it() {
        let excluded: Vec<String> = (0..50)
            .map(|index| format!("host-{index}.example"))
            .collect();
        let excluded: Vec<&str> = excluded.iter().map(String::as_str).collect();
        let specs = ["192.0.2.0/24 name=lab", "api.example"];
        assert_eq!(
            digest(&specs, &excluded),
            digest(&specs, &excluded),
            "in any order of a hash map"
        );
        let all = [
            digest(&specs, &[]),
            digest(&specs, &["192.0.2.1"]),
            digest(&specs, &["198.51.100.1"]),
            digest(&specs, &["host-1.example"]),
            digest(&["api.example", "192.0.2.0/24 name=lab"], &[]),
            digest(&["192.0.2.0/24 name=prod", "api.example"], &[]),
            digest(
                &["192.0.2.0/24 name=lab expect=rejected", "api.example"],
                &[],
            ),
            digest(&["192.0.2.0/24 name=lab", "api.example:6443"], &[]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{at}");
        }
    }
}
