//! How to close what is open, by the product's own switch where it has one.

use crate::kubernetes::Minor;
use crate::model::{ClueKind, Component, Identification, Remedy, Scheme, Text, Verdict};
use crate::products::{self, Entry, TABLE};

use super::observed::Observed;
use super::texts::TEXTS;

/// The remedy for what an endpoint leaves open; `None` where nothing is.
pub(super) fn remedy(identification: &Identification, observed: Observed<'_>) -> Option<Remedy> {
    let entry = identification.product().and_then(products::entry);
    let exposed = match observed.verdict {
        Verdict::Exposed => true,
        Verdict::Forbidden => false,
        Verdict::Rejected if entry.is_some_and(|entry| entry.rejected_is_weak) => false,
        _ => return None,
    };
    let texts = &TEXTS.steps;
    let over_plain_http = identification
        .clues
        .iter()
        .any(|clue| clue.kind == ClueKind::PlainHttp);
    let mut steps: Vec<&str> = Vec::new();
    if identification.component == Component::AggregatedApiServer {
        steps.push(&texts.extension);
    } else if over_plain_http {
        // An insecure port knows no authorization, so that bindings change nothing.
        steps.push(&texts.plain_http);
    } else {
        if exposed {
            steps.extend(bindings(entry, identification, observed));
        }
        if exposed && identification.through_front {
            steps.push(&texts.front);
        }
        steps.extend(setting(entry, identification, observed.expected));
    }
    Some(Remedy {
        text: sentences(&steps),
        url: Some(Text::Borrowed(
            entry
                .and_then(|entry| entry.url.as_deref())
                .unwrap_or(&TEXTS.pages.anonymous),
        )),
        changeable: entry.and_then(|entry| entry.changeable),
        network_url: entry
            .and_then(|entry| entry.network_url.as_deref())
            .map(Text::Borrowed),
    })
}

/// How to hide the version by bindings, which is less than switching anonymous requests off. `None` where the
/// release knows path conditions, where the product has a switch of its own, and over plain HTTP.
pub(crate) fn hide_version(
    identification: &Identification,
    scheme: Scheme,
    remedy: &Remedy,
) -> Option<Remedy> {
    let is_upstream = identification.product().map_or_else(
        || identification.attribution.others.is_empty(),
        |product| products::entry(product).is_some_and(|entry| entry.upstream),
    );
    if !is_upstream || scheme == Scheme::Http {
        return None;
    }
    let step = match identification.minor()? {
        minor if minor < Minor::CLOSED_DISCOVERY => &TEXTS.steps.hide_version_and_discovery,
        minor if minor < Minor::PATH_CONDITIONS => &TEXTS.steps.hide_version,
        _ => return None,
    };
    Some(Remedy {
        text: sentences(&[step]),
        url: Some(Text::Borrowed(&TEXTS.pages.default_bindings)),
        ..remedy.clone()
    })
}

fn sentences(steps: &[&str]) -> String {
    steps
        .iter()
        .map(|step| format!("{}.", step.trim_end_matches('.')))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Which bindings to change, by what is open, and which ones the product needs.
fn bindings(
    entry: Option<&'static Entry>,
    identification: &Identification,
    observed: Observed<'_>,
) -> Vec<&'static str> {
    let texts = &TEXTS.steps;
    let mut steps: Vec<&str> = Vec::new();
    if observed.opens_discovery() {
        steps.push(&texts.edit_discovery);
        if identification
            .minor()
            .is_none_or(|minor| minor < Minor::CLOSED_DISCOVERY)
        {
            steps.push(&texts.annotate_discovery);
        }
    }
    steps.push(&texts.unbind);
    // Where products tie, it may be any of them.
    let others = &identification.attribution.others;
    let candidates = entry
        .into_iter()
        .chain(others.iter().filter_map(products::entry));
    let own_bindings = candidates
        .flat_map(|entry| TABLE.with_roots(entry))
        .find_map(|entry| entry.keep.as_deref());
    steps.push(own_bindings.unwrap_or(&texts.keep));
    if observed.opens_metrics() {
        steps.push(&texts.monitoring);
    }
    steps
}

/// How to limit anonymous requests: by the product's own switch where one is known.
fn setting(
    entry: Option<&'static Entry>,
    identification: &Identification,
    expected: Option<Verdict>,
) -> Vec<&'static str> {
    match entry {
        // One of the products that tie may need what another should switch off.
        None if !identification.attribution.others.is_empty() => vec![&TEXTS.steps.tied],
        None => flags(identification.minor(), expected),
        Some(entry) => match &entry.change {
            Some(change) => vec![change],
            None if entry.managed => vec![&TEXTS.steps.no_switch],
            None => flags(identification.minor(), expected),
        },
    }
}

/// The flags of the API server itself, by what its release has and what the user expects.
fn flags(minor: Option<Minor>, expected: Option<Verdict>) -> Vec<&'static str> {
    let texts = &TEXTS.steps;
    match minor {
        _ if expected == Some(Verdict::Rejected) => {
            vec![&texts.switch_off_as_expected, &texts.limit_instead]
        }
        Some(minor) if minor < Minor::PATH_CONDITIONS => vec![&texts.switch_off, &texts.upgrade],
        Some(_) => vec![&texts.limit],
        None => vec![&texts.limit, &texts.limit_if_older],
    }
}
