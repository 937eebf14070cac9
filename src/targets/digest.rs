//! A digest of a target set: sets with the same digest have the same targets at the same indices.
//!
//! Checkpoints and reports hold these digests. The hashed text still uses the type names of the
//! first checkpoint format. Changing the text would make every existing checkpoint unusable.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::host_set::HostSet;
use super::set::{Naming, Segment, Spec, TargetSet, Template};
use crate::model::{Declared, Origin, hex};

/// Writes text into a digest.
struct DigestWriter(Sha256);

impl std::fmt::Write for DigestWriter {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

impl TargetSet {
    /// SHA-256 of all targets with their order and names, and of the exclusions. Only the same
    /// version of kubeknock gives the same digest.
    pub fn digest(&self) -> [u8; 32] {
        let mut out = self.asked();
        // Writing into a digest cannot fail.
        for segment in &self.segments {
            let _ = out.write_str(&naming(&segment.naming));
        }
        for one in &self.specs {
            let _ = out.write_str(&spec(one));
        }
        out.0.finalize().into()
    }

    /// SHA-256 of targets and exclusions, in hexadecimal digits. It does not depend on where the
    /// list is stored or on the `name=` of its targets. Only the same version of kubeknock gives
    /// the same digest.
    pub fn asked_digest(&self) -> String {
        hex(self.asked().0.finalize())
    }

    fn asked(&self) -> DigestWriter {
        let mut out = DigestWriter(Sha256::new());
        let templates: Vec<String> = self.templates.iter().map(template).collect();
        let _ = write!(
            out,
            "{} {} [{}] {:?}",
            self.len,
            self.excluded,
            templates.join(", "),
            self.names
        );
        for Segment {
            start,
            first,
            template,
            ..
        } in &self.segments
        {
            let _ = write!(out, "{start} {first} {template};");
        }
        if !self.absolute.is_empty() {
            let _ = write!(out, "{:?}", self.absolute);
        }
        let _ = out.write_str(&hosts(&self.exclusions.hosts));
        if let Some(allowlist) = &self.allowlist {
            let _ = out.write_str(&hosts(&allowlist.hosts));
        }
        out
    }
}

fn template(template: &Template) -> String {
    let Template {
        kind,
        scheme,
        port,
        prefix,
        sni,
    } = template;
    format!(
        "Plane {{ space: {kind:?}, scheme: {scheme:?}, port: {port}, prefix: {prefix:?}, sni: {sni:?} }}"
    )
}

fn origin(origin: &Origin) -> String {
    // Targets have no column.
    let Origin {
        source, line, text, ..
    } = origin;
    format!("Origin {{ source: {source:?}, line: {line}, text: {text:?} }}")
}

fn naming(naming: &Naming) -> String {
    let Naming {
        origin: from,
        specs,
        label,
        expect,
        declared,
        named,
    } = naming;
    let specs: Vec<String> = specs.iter().map(|id| format!("SpecId({})", id.0)).collect();
    format!(
        "Naming {{ origin: {}, specs: [{}], label: {label:?}, expect: {expect:?}, named: {named} }}{}",
        origin(from),
        specs.join(", "),
        declared_text(declared.as_deref())
    )
}

/// What an inventory says; nothing for targets of lists, as in the first checkpoints.
fn declared_text(declared: Option<&Declared>) -> String {
    declared.map_or_else(String::new, |declared| format!(" {declared:?}"))
}

fn spec(spec: &Spec) -> String {
    let Spec {
        origin: from,
        named,
        label,
        expect,
        declared: _,
        is_shut_out: _,
        targets,
        outside_allow: _,
    } = spec;
    format!(
        "Spec {{ origin: {}, named: {named}, label: {label:?}, expect: {expect:?}, targets: {targets} }}",
        origin(from)
    )
}

fn hosts(hosts: &HostSet) -> String {
    let addresses: Vec<String> = hosts
        .addresses
        .iter()
        .map(|((kind, port), first, last)| format!("(({kind:?}, {port}), {first}): {last}"))
        .collect();
    let names: BTreeMap<_, _> = hosts.names.iter().collect();
    format!("Intervals({{{}}}) {names:?}", addresses.join(", "))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use crate::targets::{TargetOptions, TargetSetBuilder};

    /// The text of the first checkpoints; a change to it would make them unusable.
    #[test]
    fn the_text_that_is_hashed_stays_the_same() {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument("192.0.2.0/30 ports=1 name=lab expect=rejected");
        builder.argument("https://api.example./x sni=b.example");
        builder.exclude("192.0.2.1");
        builder.exclude("192.0.2.2");
        builder.exclude("192.0.2.9:443");
        builder.exclude("c.example:443");
        let asked = "3 2 [Plane { space: V4, scheme: Https, port: 1, prefix: \"\", sni: None }, \
                     Plane { space: Name, scheme: Https, port: 443, prefix: \"/x\", sni: Some(\"b.example\") }] \
                     [\"api.example\"]0 3221225984 0;1 3221225987 0;2 0 1;{0}\
                     Intervals({((V4, 0), 3221225985): 3221225986, ((V4, 443), 3221225993): 3221225993}) \
                     {\"c.example\": {443}}";
        let first = "origin: Origin { source: Argument, line: 1, text: \"192.0.2.0/30 ports=1\" }";
        let second = "origin: Origin { source: Argument, line: 2, text: \"https://api.example./x sni=b.example\" }";
        let lab = "label: Some(\"lab\"), expect: Some(Rejected)";
        let range = format!("Naming {{ {first}, specs: [SpecId(0)], {lab}, named: false }}");
        let all = format!(
            "{asked}{range}{range}Naming {{ {second}, specs: [SpecId(1)], label: None, expect: None, named: true }}\
             Spec {{ {first}, named: false, {lab}, targets: 2 }}\
             Spec {{ {second}, named: true, label: None, expect: None, targets: 1 }}"
        );
        let set = builder.build().unwrap();
        assert_eq!(set.asked_digest(), crate::model::hex(Sha256::digest(asked)));
        assert_eq!(set.digest(), *Sha256::digest(all));
    }

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
    fn the_asked_digest_ignores_names_and_places() {
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
    fn equal_sets_have_the_same_digest_and_every_difference_changes_it() {
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
