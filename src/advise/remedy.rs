//! How to close what is open, with the product's own setting if it has one.

use crate::kubernetes::Minor;
use crate::model::{ClueKind, Component, Identification, Remedy, Text, Verdict};
use crate::products::{self, Entry, Guide, TABLE};

use super::draft::Draft;
use super::observed::Observed;
use super::texts::TEXTS;

/// The remedy for an endpoint; `None` if nothing is open.
pub(super) fn remedy(identification: &Identification, observed: Observed<'_>) -> Option<Remedy> {
    let entry = identification.product().and_then(products::entry);
    let exposed = match observed.verdict {
        Verdict::Exposed => true,
        Verdict::Forbidden => false,
        Verdict::Rejected if entry.is_some_and(|entry| entry.rejected_is_weak) => false,
        _ => return None,
    };
    let texts = &TEXTS.guides;
    let over_plain_http = identification
        .clues
        .iter()
        .any(|clue| clue.kind == ClueKind::PlainHttp);
    let mut draft = Draft::default();
    if identification.component == Component::AggregatedApiServer {
        draft.add(&texts.extension);
    } else if over_plain_http {
        // An insecure port has no authorization, so bindings change nothing.
        draft.add(&texts.plain_http);
    } else {
        if exposed {
            bindings(&mut draft, entry, identification, observed);
        }
        if exposed && identification.through_front {
            draft.step(&TEXTS.steps.front);
        }
        draft.add(setting(entry, identification, observed.expected));
    }
    let reference = entry
        .and_then(|entry| entry.url.as_deref())
        .unwrap_or(&TEXTS.pages.anonymous);
    Some(Remedy {
        remediation: draft.remediation(Some(reference)),
        changeable: entry.and_then(|entry| entry.changeable),
        network_url: entry
            .and_then(|entry| entry.network_url.as_deref())
            .map(Text::Borrowed),
    })
}

/// The bindings to change, which depend on what is open, and those that the product needs.
fn bindings(
    draft: &mut Draft,
    entry: Option<&'static Entry>,
    identification: &Identification,
    observed: Observed<'_>,
) {
    let texts = &TEXTS.steps;
    draft.add(&TEXTS.guides.bindings);
    if observed.opens_discovery() {
        draft.step(&texts.edit_discovery);
        if identification
            .minor()
            .is_none_or(|minor| minor < Minor::CLOSED_DISCOVERY)
        {
            draft.step(&texts.annotate_discovery);
        }
    }
    draft.step(&texts.find_bindings);
    // If products tie, it may be any of them.
    let others = &identification.attribution.others;
    let candidates = entry
        .into_iter()
        .chain(others.iter().filter_map(products::entry));
    let own_bindings = candidates
        .flat_map(|entry| TABLE.with_roots(entry))
        .find_map(|entry| entry.keep.as_ref());
    draft.step(own_bindings.unwrap_or(&texts.keep));
    draft.step(&texts.unbind);
    if observed.opens_metrics() {
        draft.step(&texts.monitoring);
    }
}

/// How to limit anonymous requests: with the product's own setting if one is known.
fn setting(
    entry: Option<&'static Entry>,
    identification: &Identification,
    expected: Option<Verdict>,
) -> &'static Guide {
    match entry {
        // One of the tied products may need what another one should switch off.
        None if !identification.attribution.others.is_empty() => &TEXTS.guides.tied,
        None => flags(identification.minor(), expected),
        Some(entry) => match &entry.change {
            Some(change) => change,
            None if entry.managed => &TEXTS.guides.no_switch,
            None => flags(identification.minor(), expected),
        },
    }
}

/// The flags of the API server, which depend on its release and on the verdict that the user expects.
fn flags(minor: Option<Minor>, expected: Option<Verdict>) -> &'static Guide {
    let texts = &TEXTS.guides;
    match minor {
        _ if expected == Some(Verdict::Rejected) => &texts.switch_off_as_expected,
        Some(minor) if minor < Minor::PATH_CONDITIONS => &texts.switch_off,
        Some(_) => &texts.limit,
        None => &texts.limit_or_switch_off,
    }
}
