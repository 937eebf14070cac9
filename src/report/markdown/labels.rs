//! The endpoints by provider and region, as inventories declare them.

use std::collections::BTreeMap;

use super::super::phrases;
use super::text::code;
use crate::model::{EndpointReport, Verdict};

/// The title, the head of the table and its rows: endpoints by verdict for each provider and region; `None` if no
/// endpoint comes from an inventory.
pub(super) fn table(reports: &[&EndpointReport]) -> Option<(String, Vec<String>)> {
    let mut places: BTreeMap<[&str; 2], BTreeMap<Verdict, usize>> = BTreeMap::new();
    for report in reports {
        let Some(declared) = report.target.declared.as_deref() else {
            continue;
        };
        let place = [&declared.provider, &declared.region];
        let place = place.map(|text| text.as_deref().unwrap_or_default());
        let verdicts = places.entry(place).or_default();
        *verdicts.entry(report.verdict).or_default() += 1;
    }
    if places.keys().all(|place| *place == ["", ""]) {
        return None;
    }
    let head = "### By provider and region\n\n| provider | region | endpoints |\n|---|---|---|";
    let rows = places.into_iter().map(|([provider, region], verdicts)| {
        let text = |text: &str| {
            if text.is_empty() {
                "–".to_owned()
            } else {
                code(text)
            }
        };
        let verdicts = verdicts
            .into_iter()
            .map(|(verdict, count)| (count, verdict));
        format!(
            "| {} | {} | {} |",
            text(provider),
            text(region),
            phrases::counts(verdicts)
        )
    });
    Some((head.to_owned(), rows.collect()))
}
