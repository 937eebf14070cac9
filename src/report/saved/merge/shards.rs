//! Whether the shards of a scan are all there, and of one scan.

use super::super::{SavedError, SavedScan};
use super::Part;
use crate::config::{Order, Shard};

/// Without one of its shards the whole would pass for a smaller one. The search for what is missing
/// ends after as many shards as there are reports, whatever number they claim.
pub(super) fn are_complete(parts: &[Part]) -> Result<(), SavedError> {
    for Part { name, scan: SavedScan { config, .. }, .. } in parts {
        let given = |shard: &Shard| {
            let of = |part: &Part| (part.scan.config.order, part.scan.config.shard);
            parts.iter().any(|part| of(part) == (config.order, *shard))
        };
        if let Some(missing) = config.shard.parts().find(|shard| !given(shard)) {
            let shard = config.shard;
            let mut problem = format!("this is shard {shard} of a scan, and no report of {missing} is given");
            if let Some(other) = parts.iter().find(|part| part.scan.config.shard == missing) {
                let (own, others) = (seed(config.order), seed(other.scan.config.order));
                problem = format!("{problem}: {} is of a scan with {others}, not {own}", other.name);
            }
            return Err(SavedError { place: name.clone(), problem });
        }
    }
    for one in parts.iter().filter(|part| part.whole().is_some()) {
        let digest = |part: &'_ Part| part.scan.summary.targets_digest.clone();
        let differs = |part: &&Part| digest(part).zip(digest(one)).is_some_and(|(part, own)| part != own);
        let mut others = parts.iter().filter(|part| part.whole() == one.whole());
        if let Some(other) = others.find(differs) {
            return Err(SavedError {
                place: one.name.clone(),
                problem: format!(
                    "this is shard {} of other targets than {}: all shards need the same targets, exclusions and ports",
                    one.scan.config.shard, other.name
                ),
            });
        }
    }
    Ok(())
}

fn seed(order: Order) -> String {
    match order {
        Order::Seeded(seed) => format!("--seed {seed}"),
        Order::Sequential => "--order sequential".to_owned(),
    }
}
