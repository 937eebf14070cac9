//! Checks that all shards of a scan are given.

use super::part::Part;
use crate::config::{Order, Shard};
use crate::record::SavedError;

/// Fails if a shard is missing: the merged scan would look like a smaller scan. The search ends after as many shards
/// as there are reports, however many shards the reports claim.
pub(super) fn are_complete(parts: &[Part]) -> Result<(), SavedError> {
    for one in parts {
        let (shard, order) = (one.scan.config.shard, one.scan.config.order);
        let has_shard = |part: &&Part, wanted: &Shard| part.scan.config.shard == *wanted;
        let is_same_scan =
            |part: &&Part| part.scan.config.order == order && have_same_targets(part, one);
        let is_given = |wanted: &Shard| {
            parts
                .iter()
                .any(|part| has_shard(&part, wanted) && is_same_scan(&part))
        };
        let Some(missing) = shard.parts().find(|shard| !is_given(shard)) else {
            continue;
        };
        let mut problem =
            format!("this is shard {shard} of a scan, and no report of {missing} is given");
        if let Some(other) = parts.iter().find(|part| has_shard(part, &missing)) {
            let others = other.scan.config.order;
            problem = if others == order {
                format!(
                    "{problem}: {} is of other targets, exclusions or ports",
                    other.name
                )
            } else {
                format!(
                    "{problem}: {} is of a scan with {}, not {}",
                    other.name,
                    seed(others),
                    seed(order)
                )
            };
        }
        return Err(SavedError {
            place: one.name.clone(),
            problem,
        });
    }
    Ok(())
}

/// Whether two scans had the same targets. Reports of earlier versions do not say, and count as equal.
fn have_same_targets(one: &Part, other: &Part) -> bool {
    let (one, other) = (
        &one.scan.summary.targets_digest,
        &other.scan.summary.targets_digest,
    );
    one.as_ref()
        .zip(other.as_ref())
        .is_none_or(|(one, other)| one == other)
}

fn seed(order: Order) -> String {
    match order {
        Order::Seeded(seed) => format!("--seed {seed}"),
        Order::Sequential => "--order sequential".to_owned(),
    }
}
