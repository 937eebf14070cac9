//! Target lists in all formats.

use crate::config::Shard;
use crate::model::{Host, Source};
use crate::targets::{
    ImportFormat, Permutation, TargetErrors, TargetOptions, TargetSet, TargetSetBuilder,
};

/// How many targets of a large set are checked.
const CHECKED: u64 = 64;

/// Arguments, one per line; `!` marks an exclusion.
pub fn targets(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    for line in text.lines() {
        match line.strip_prefix('!') {
            Some(exclusion) => builder.exclude(exclusion),
            None => builder.argument(line),
        }
    }
    check(builder.build());
}

/// A targets file.
pub fn targets_files(data: &[u8]) {
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    builder.read(Source::File("targets.txt".into()), data);
    let built = builder.build();
    assert!(built.as_ref().map_or(true, |set| !set.is_empty()));
    check(built);
}

/// Results of another scanner; the first byte selects the format.
pub fn imports(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let format = ImportFormat::ALL[usize::from(*first) % ImportFormat::ALL.len()];
    let mut builder = TargetSetBuilder::new(TargetOptions::default());
    builder.import(format, Source::File("open.txt".into()), rest);
    check(builder.build());
}

fn check(built: Result<TargetSet, TargetErrors>) {
    let set = match built {
        Ok(set) => set,
        Err(errors) => {
            assert!(!errors.0.is_empty(), "rejected without an error");
            for error in errors.0 {
                let said = error.to_string();
                assert!(
                    !said.chars().any(char::is_control),
                    "a control character in {said:?}"
                );
                assert!(said.len() < 4096, "{} bytes in one error", said.len());
            }
            return;
        }
    };
    // An inventory may list no cluster that is asked.
    assert!(set.get(set.len()).is_none());
    let exclusions = set.exclusions();
    let order = Permutation::new(set.len(), 1);
    let ends = (0..CHECKED).chain(set.len().saturating_sub(CHECKED)..set.len());
    let random = (0..CHECKED)
        .filter(|place| *place < set.len())
        .map(|place| order.nth(place));
    for index in ends.chain(random).filter(|index| *index < set.len()) {
        let target = set
            .get(index)
            .expect("every index below the length is a target");
        assert!(target.port > 0 && target.index == index);
        match &target.host {
            Host::Ip(address) => assert!(
                !exclusions.excludes_address(*address, target.port),
                "{target}"
            ),
            Host::Name(name) => assert!(!exclusions.excludes_name(name, target.port), "{target}"),
        }
        assert!(
            target
                .specs
                .iter()
                .all(|id| set.specs().get(id.0 as usize).is_some()),
            "{target}"
        );
    }
    let shares: u64 = Shard::new(1, 3)
        .into_iter()
        .flat_map(Shard::parts)
        .map(|part| part.share(set.len()))
        .sum();
    assert_eq!(shares, set.len());
}
