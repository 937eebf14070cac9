//! Groups the requests of other callers without credentials.

use std::collections::HashMap;

use super::log::{Decision, Event, Who};
use super::outcome::{OtherCounts, OtherRequests};
use crate::escape::clip;
use crate::kubernetes::PathClass;

/// How many groups are kept. Whoever scans a server makes as many paths as they like.
const MAX_GROUPS: usize = 10_000;
/// Characters of a text that are kept.
const MAX_TEXT: usize = 200;
/// Characters of the name of a parameter.
const MAX_NAME: usize = 40;
/// Parameters that are named.
const MAX_PARAMETERS: usize = 8;
/// What kubeadm opens for nodes that join.
const CLUSTER_INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

#[derive(Debug, PartialEq, Eq, Hash)]
struct Group {
    decision: Decision,
    claims_run: bool,
    source: String,
    agent: String,
    verb: String,
    path: String,
}

/// The groups.
#[derive(Default)]
pub(super) struct Others {
    groups: HashMap<Group, (u64, Span)>,
    counts: OtherCounts,
}

#[derive(Default, Clone, Copy)]
struct Span {
    first: Option<jiff::Timestamp>,
    last: Option<jiff::Timestamp>,
}

impl Others {
    /// Adds a request, unless its caller has a name. `claims_run` says whether it has the id of the run.
    pub(super) fn add(&mut self, event: &Event<'_>, claims_run: bool) {
        if event.who == Who::Known || !event.last {
            return;
        }
        let path = event.path();
        if claims_run {
            self.counts.claiming_this_run += 1;
        } else if PathClass::of(path) == Ok(PathClass::Health) {
            self.counts.health_checks += 1;
            return;
        }
        match event.decision {
            Decision::Allowed => self.counts.allowed += 1,
            Decision::Forbidden => self.counts.forbidden += 1,
            Decision::Unauthenticated => self.counts.unauthenticated += 1,
            Decision::Unknown => self.counts.unknown += 1,
        }
        let text = |text| clip(text, MAX_TEXT).into_owned();
        let group = Group {
            decision: event.decision,
            claims_run,
            source: text(event.source),
            agent: text(event.agent),
            verb: text(event.verb),
            path: text(&without_values(event.uri)),
        };
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&group) {
            self.counts.not_listed += 1;
            return;
        }
        let (count, span) = self.groups.entry(group).or_default();
        *count += 1;
        if let Some(at) = event.at {
            span.first = Some(span.first.map_or(at, |first| first.min(at)));
            span.last = Some(span.last.map_or(at, |last| last.max(at)));
        }
    }

    /// The groups, the worst first: what was allowed beyond the defaults, then by decision and count.
    pub(super) fn finish(self) -> (Vec<OtherRequests>, OtherCounts) {
        let made = |(group, (count, span)): (Group, (u64, Span))| OtherRequests {
            is_beyond_default: group.decision == Decision::Allowed && !is_default(&group.path),
            decision: group.decision,
            claims_run: group.claims_run,
            source: group.source,
            agent: group.agent,
            verb: group.verb,
            path: group.path,
            count,
            first: span.first,
            last: span.last,
        };
        let mut all: Vec<OtherRequests> = self.groups.into_iter().map(made).collect();
        all.sort_by(|a, b| {
            let key =
                |one: &OtherRequests| (!one.is_beyond_default, one.decision, u64::MAX - one.count);
            key(a)
                .cmp(&key(b))
                .then_with(|| a.path.cmp(&b.path))
                .then_with(|| a.source.cmp(&b.source))
                .then_with(|| a.agent.cmp(&b.agent))
                .then_with(|| a.verb.cmp(&b.verb))
        });
        (all, self.counts)
    }
}

/// Whether a default cluster allows it: version, and what kubeadm opens.
fn is_default(path: &str) -> bool {
    let bare = path.split_once('?').map_or(path, |(bare, _)| bare);
    bare == CLUSTER_INFO || PathClass::of(bare).is_ok_and(PathClass::is_public)
}

/// A path with the names of its parameters. Values may be secrets, and so may a parameter that is not named like one.
fn without_values(uri: &str) -> String {
    let Some((path, query)) = uri.split_once('?') else {
        return uri.to_owned();
    };
    let is_name = |name: &&str| {
        let is_known = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '.');
        (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_known)
    };
    let names = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, _)| name)
        .filter(is_name);
    let names: Vec<String> = names
        .take(MAX_PARAMETERS)
        .map(|name| format!("{name}=…"))
        .collect();
    if names.is_empty() {
        format!("{path}?…")
    } else {
        format!("{path}?{}", names.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event<'a>(uri: &'a str, decision: Decision, agent: &'a str) -> Event<'a> {
        Event {
            id: "1",
            uri,
            verb: "get",
            who: Who::Anonymous,
            source: "192.0.2.9",
            agent,
            decision,
            at: Some(jiff::Timestamp::UNIX_EPOCH),
            last: true,
        }
    }

    #[test]
    fn values_of_a_query_are_never_kept() {
        for (uri, shown) in [
            ("/api", "/api"),
            (
                "/api?limit=5&access_token=SECRET",
                "/api?limit=…&access_token=…",
            ),
            ("/api?SECRET", "/api?…"),
            ("/api?S3CRET=1", "/api?…"),
            ("/api?a=1?b=SECRET&", "/api?a=…"),
        ] {
            assert_eq!(without_values(uri), shown);
        }
    }

    #[test]
    fn requests_are_grouped_and_health_checks_are_left_out() {
        let mut others = Others::default();
        for (uri, decision, agent) in [
            ("/healthz", Decision::Allowed, "probe"),
            ("/livez?verbose", Decision::Forbidden, "probe"),
            ("/version", Decision::Allowed, "a"),
            ("/api", Decision::Forbidden, "a"),
            ("/api", Decision::Forbidden, "a"),
            ("/metrics", Decision::Allowed, "a"),
            (CLUSTER_INFO, Decision::Allowed, "kubeadm"),
        ] {
            others.add(&event(uri, decision, agent), false);
        }
        let known = Event {
            who: Who::Known,
            ..event("/metrics", Decision::Allowed, "root")
        };
        others.add(&known, false);
        let early = Event {
            last: false,
            ..event("/metrics", Decision::Allowed, "a")
        };
        others.add(&early, false);
        let (groups, counts) = others.finish();
        let lines: Vec<_> = (groups.iter())
            .map(|group| (&*group.path, group.count, group.is_beyond_default))
            .collect();
        assert_eq!(
            lines,
            [
                ("/metrics", 1, true),
                (CLUSTER_INFO, 1, false),
                ("/version", 1, false),
                ("/api", 2, false),
            ]
        );
        assert_eq!(
            (counts.allowed, counts.forbidden, counts.health_checks),
            (3, 2, 2)
        );
    }

    #[test]
    fn groups_and_texts_are_bounded() {
        let mut others = Others::default();
        let long = "x".repeat(100_000);
        for number in 0..MAX_GROUPS + 5 {
            others.add(
                &event(&format!("/{number}"), Decision::Forbidden, &long),
                false,
            );
        }
        others.add(&event("/1", Decision::Forbidden, &long), false);
        let (groups, counts) = others.finish();
        assert_eq!((groups.len(), counts.not_listed), (MAX_GROUPS, 5));
        assert_eq!(counts.forbidden, MAX_GROUPS as u64 + 6);
        assert!(groups.iter().all(|group| group.agent.len() < 1000));
        assert_eq!(groups[0].count, 2, "{:?}", groups[0]);
    }
}
