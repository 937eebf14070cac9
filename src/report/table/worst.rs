//! The worst endpoints, named again where a reader of a long table looks first.

use super::super::findings_by_endpoint::FindingsByEndpoint;
use super::super::phrases::{name_and_place, target_and_address, who_answered};
use super::lines::Lines;
use super::style::{TableOptions, shown, verdict_style};
use crate::model::EndpointReport;

/// Endpoints named.
const MAX_NAMED: usize = 3;

pub(super) fn say(
    lines: &mut Lines,
    worst: &[&EndpointReport],
    findings: &FindingsByEndpoint<'_>,
    options: &TableOptions,
) {
    if worst.is_empty() {
        return;
    }
    let more = match worst.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" ({more} more above)"),
    };
    lines.say(0, &format!("worst endpoints{more}:"));
    for report in worst.iter().take(MAX_NAMED) {
        let (verdict, target) = (report.verdict, target_and_address(report));
        let name = name_and_place(report.target.label.as_deref(), &target).into_owned();
        let verdict = options.painted(verdict_style(verdict), verdict.as_str());
        let [name, may, who] =
            [name, findings.anonymous_may(report), who_answered(report)].map(|text| shown(&text));
        lines.say_briefly(2, &format!("{verdict} {name}: {may}; {who}"), 1);
    }
}
