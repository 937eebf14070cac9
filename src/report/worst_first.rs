//! Chooses the endpoints to show if there are too many for all.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use crate::model::{EndpointReport, Verdict};

/// The first `max` endpoints in the order of `key`, and how many of each verdict were left out. At most `2 * max`
/// endpoints are in memory.
pub(super) fn worst_first<R: Borrow<EndpointReport>, K: Ord>(
    reports: impl Iterator<Item = R>,
    max: usize,
    key: impl Fn(&EndpointReport) -> K,
) -> (Vec<R>, BTreeMap<Verdict, usize>) {
    let (mut kept, mut left_out) = (Vec::new(), BTreeMap::new());
    let mut cut = |kept: &mut Vec<R>| {
        kept.sort_by_cached_key(|report| key(report.borrow()));
        for report in kept.drain(kept.len().min(max)..) {
            *left_out.entry(report.borrow().verdict).or_default() += 1;
        }
    };
    for report in reports {
        kept.push(report);
        if kept.len() >= 2 * max {
            cut(&mut kept);
        }
    }
    cut(&mut kept);
    (kept, left_out)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_first_endpoints_are_kept_and_the_others_counted() {
        let reports = sample::mixed().reports;
        let order = |report: &EndpointReport| (report.verdict, report.order_key());
        let mut sorted: Vec<&EndpointReport> = reports.iter().collect();
        sorted.sort_by_key(|report| order(report));
        for most in [1, 2, 3, reports.len(), 1000] {
            let (kept, left_out) = worst_first(reports.iter().rev(), most, order);
            let keys = |reports: &[&EndpointReport]| {
                reports
                    .iter()
                    .map(|report| order(report))
                    .collect::<Vec<_>>()
            };
            assert_eq!(keys(&kept), keys(&sorted[..most.min(sorted.len())]));
            assert_eq!(kept.len() + left_out.values().sum::<usize>(), reports.len());
        }
    }
}
