use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::combine::reassessed;
use super::*;
use crate::config::{Family, Order, ScanConfig, Shard};
use crate::model::{Coverage, FailureKind};
use crate::model::{Failure, Host, ScanSummary, SpecCoverage, Stage, Target};
use crate::report::sample::{self, Sample};

fn saved(sample: &Sample) -> SavedScan {
    SavedScan {
        tool_version: sample.tool_version.clone(),
        config: ScanConfig {
            shard: Shard::WHOLE,
            ..sample.config.clone()
        },
        // Whether it is the same list again is for the tests that say so.
        summary: ScanSummary {
            targets_digest: None,
            ..sample.summary.clone()
        },
    }
}

/// Several scans as one, with the records that count.
struct Whole {
    scan: SavedScan,
    records: Vec<EndpointReport>,
    repeated: u64,
    superseded: u64,
}

fn whole(scans: &[(&Sample, SavedScan)]) -> Whole {
    let mut merge = Merge::default();
    for (number, (sample, scan)) in scans.iter().enumerate() {
        let mut sightings = Sightings::default();
        sample
            .reports
            .iter()
            .for_each(|report| sightings.add(report));
        merge.scan(&format!("{number}.json"), scan.clone(), sightings);
    }
    for (number, (sample, _)) in scans.iter().enumerate() {
        sample
            .reports
            .iter()
            .for_each(|report| merge.record(number, report));
    }
    let merged = merge.finish().unwrap();
    let mut records = Vec::new();
    for (number, (sample, _)) in scans.iter().enumerate() {
        let own = sample.reports.iter().cloned().enumerate();
        records.extend(own.filter_map(|(at, report)| merged.merged_record(number, at, report)));
    }
    records.sort_by_key(EndpointReport::order_key);
    Whole {
        scan: merged.scan,
        records,
        repeated: merged.repeated,
        superseded: merged.superseded,
    }
}

fn merged(samples: &[&Sample]) -> Whole {
    whole(
        &samples
            .iter()
            .map(|sample| (*sample, saved(sample)))
            .collect::<Vec<_>>(),
    )
}

fn as_sample(merged: Whole, like: &Sample) -> Sample {
    let SavedScan {
        tool_version,
        config,
        summary,
    } = merged.scan;
    let summary = ScanSummary {
        targets_digest: like.summary.targets_digest.clone(),
        ..summary
    };
    Sample {
        tool_version,
        config,
        reports: merged.records,
        summary,
        findings: like.findings.clone(),
        carried: like.carried.clone(),
        changes: None,
        accepted_verdicts: std::collections::BTreeMap::new(),
        since_reported: <_>::default(),
        outage: None,
        sentence: like.sentence.clone(),
    }
}

#[test]
fn one_scan_stays_as_it_is() {
    for mut sample in [sample::mixed(), sample::stopped(), sample::empty()] {
        sample.config.shard = Shard::WHOLE;
        let again = as_sample(merged(&[&sample]), &sample);
        assert_eq!(sample::json(&again), sample::json(&sample));
    }
}

#[test]
fn the_same_scan_twice_is_that_scan() {
    let sample = sample::mixed();
    let twice = merged(&[&sample, &sample]);
    assert_eq!(twice.repeated, sample.reports.len() as u64);
    assert_eq!(twice.records.len(), sample.reports.len());
    let coverage = &twice.scan.summary.coverage;
    assert!(coverage.adds_up());
    for verdict in Verdict::ALL
        .into_iter()
        .filter(|verdict| *verdict != Verdict::Unreachable)
    {
        assert_eq!(
            coverage.count(verdict),
            sample.summary.coverage.count(verdict),
            "{verdict}"
        );
    }
    assert_eq!(
        unnumbered(coverage.clone()).specs,
        unnumbered(sample.summary.coverage.clone()).specs
    );
}

#[test]
fn a_shard_that_is_missing_is_no_smaller_scan() {
    let shards = |numbers: &[(u32, u32, u64)]| {
        let mut merge = Merge::default();
        for (number, of, seed) in numbers {
            let mut scan = saved(&sample::empty());
            scan.config.shard = Shard::new(*number, *of).unwrap();
            scan.config.order = Order::Seeded(*seed);
            merge.scan(&format!("{number}.json"), scan, Sightings::default());
        }
        merge.finish().map(|merged| merged.scan.config.shard)
    };
    let problem = |numbers: &[(u32, u32, u64)]| shards(numbers).unwrap_err().to_string();
    // One alone is shown as what it is.
    assert_eq!(shards(&[(2, 3, 1)]), Ok(Shard::new(2, 3).unwrap()));
    assert_eq!(shards(&[(1, 3, 1), (3, 3, 1), (2, 3, 1)]), Ok(Shard::WHOLE));
    // Beside a scan of another site, and again a week later.
    assert_eq!(
        shards(&[(2, 2, 1), (1, 1, 9), (1, 2, 1), (2, 2, 1)]),
        Ok(Shard::WHOLE)
    );
    assert!(
        problem(&[(1, 3, 1), (3, 3, 1)])
            .ends_with("this is shard 1/3 of a scan, and no report of 2/3 is given")
    );
    // Of another order it is a shard of another scan.
    assert!(
        problem(&[(1, 2, 1), (2, 2, 7)]).ends_with(
            "no report of 2/2 is given: 2.json is of a scan with --seed 7, not --seed 1"
        )
    );
    assert!(
        problem(&[(1, u32::MAX, 1), (2, u32::MAX, 1)])
            .ends_with("no report of 3/4294967295 is given")
    );
}

/// Shards of one seed and of two lists leave half of both out.
#[test]
fn shards_of_other_targets_are_no_scan() {
    let shards = |digests: [Option<&str>; 2]| {
        let mut merge = Merge::default();
        for (number, digest) in (1..).zip(digests) {
            let mut scan = saved(&sample::empty());
            scan.config.shard = Shard::new(number, 2).unwrap();
            scan.summary.targets_digest = digest.map(str::to_owned);
            merge.scan(&format!("{number}.json"), scan, Sightings::default());
        }
        merge
            .finish()
            .map(|merged| merged.scan.summary.targets_digest)
    };
    assert_eq!(shards([Some("aa"), Some("aa")]), Ok(Some("aa".to_owned())));
    assert_eq!(
        shards([None, Some("aa")]),
        Ok(None),
        "an older report does not say"
    );
    let problem = shards([Some("aa"), Some("bb")]).unwrap_err().to_string();
    assert!(
        problem.ends_with(
            "no report of 2/2 is given: 2.json is of other targets, exclusions or ports"
        ),
        "{problem}"
    );
}

/// One list names it in one line, the next in another: it is one target, and counts as the later scan
/// saw it. Within a scan two lines stay two.
#[test]
fn a_target_that_two_scans_name_in_different_places_counts_once() {
    for (verdict, now) in [
        (Verdict::Forbidden, Verdict::Forbidden),
        (Verdict::Rejected, Verdict::Unreachable),
    ] {
        let report = |verdict, line| {
            let mut report = sample::mixed().reports[1].clone();
            report.verdict = verdict;
            let down = || Failure::new(Stage::Connect, FailureKind::TimedOut, "");
            report.failure = (verdict == Verdict::Unreachable).then(down);
            report.target.named = true;
            let origin = Origin {
                line,
                column: None,
                ..(*report.target.origin).clone()
            };
            report.target.origin = Arc::new(origin);
            report
        };
        let earlier = scan_of(vec![report(verdict, 700)]);
        let later = scan_of(vec![report(now, 800)]);
        let coverage = merged(&[&later, &earlier]).scan.summary.coverage;
        assert!(coverage.adds_up());
        let seen: Vec<&[Verdict]> = coverage
            .specs
            .iter()
            .map(|spec| spec.seen.as_slice())
            .collect();
        assert_eq!(seen, [[now]]);
        assert_eq!(
            (coverage.named(), coverage.covered()),
            (1, usize::from(now.is_conclusive()))
        );
        assert_eq!(coverage.specs[0].origin.line, 800, "the later one's");

        let mut twice = scan_of(later.reports.clone());
        twice
            .summary
            .coverage
            .specs
            .push(earlier.summary.coverage.specs[0].clone());
        for samples in [&[&twice][..], &[&twice, &earlier], &[&twice, &twice]] {
            assert_eq!(merged(samples).scan.summary.coverage.named(), 2);
        }
    }
}

/// The later scan could not ask it, for want of something on its own machine.
#[test]
fn a_shortage_of_the_scanning_machine_is_not_what_was_seen() {
    let earlier = scan_of(vec![sample::mixed().reports[1].clone()]);
    let mut failed = earlier.reports[0].clone();
    failed.failure = Some(Failure::new(
        Stage::Connect,
        FailureKind::ResourcesExhausted,
        "",
    ));
    // The former is how older versions call it.
    for verdict in [Verdict::Unreachable, Verdict::NotAttempted] {
        failed.verdict = verdict;
        let failed = scan_of(vec![failed.clone()]);
        for order in [[&failed, &earlier], [&earlier, &failed]] {
            let both = merged(&order);
            let coverage = both.scan.summary.coverage;
            assert!(coverage.adds_up());
            assert_eq!(
                (coverage.covered(), coverage.count(Verdict::Forbidden)),
                (coverage.named(), 1)
            );
            assert_eq!(
                (coverage.not_attempted, coverage.unreachable_total()),
                (0, 0)
            );
            assert_eq!(both.records.len(), 1);
        }
        let twice = merged(&[&failed, &failed]).scan.summary.coverage;
        assert_eq!(twice.could_not_scan(), verdict == Verdict::NotAttempted);
    }
}

/// The sample's records with other hosts, as another site has them.
fn elsewhere(mut sample: Sample) -> Sample {
    for report in &mut sample.reports {
        let Target { host, .. } = &mut report.target;
        *host = Host::Name(format!("site-2-{host}").into());
        if let Some(endpoint) = &mut report.endpoint {
            endpoint.name = Some("site-2".into());
        }
    }
    sample
}

#[test]
fn two_sites_add_up() {
    let (one, two) = (sample::mixed(), elsewhere(sample::mixed()));
    let both = merged(&[&one, &two]);
    assert_eq!(both.repeated, 0);
    assert_eq!(both.records.len(), 2 * one.reports.len());
    let coverage = &both.scan.summary.coverage;
    assert!(coverage.adds_up());
    assert_eq!(coverage.targets, 2 * one.summary.coverage.targets);
    let indices: HashSet<u64> = both
        .records
        .iter()
        .map(|record| record.target.index)
        .collect();
    let targets: HashSet<Identity> = both
        .records
        .iter()
        .map(|record| Identity::of_target(&record.target))
        .collect();
    assert_eq!(
        indices.len(),
        targets.len(),
        "each target has a place of its own"
    );
}

/// The name of one target leads to the address of another, asked under that name.
fn with_two_targets_for_one_endpoint() -> Sample {
    let mut sample = sample::mixed();
    let mut twin = sample.reports[1].clone();
    twin.target.host = Host::Ip("192.0.2.18".parse().unwrap());
    twin.target.sni = Some("stage.example".into());
    twin.target.index = 1000;
    sample.reports.push(twin);
    let coverage = &mut sample.summary.coverage;
    coverage.targets += 1;
    *coverage.verdicts.get_mut(&Verdict::Forbidden).unwrap() += 1;
    sample
}

#[test]
fn two_targets_may_lead_to_one_endpoint() {
    let both = with_two_targets_for_one_endpoint();
    assert_eq!(merged(&[&both]).repeated, 0);
    // Another scan knew it by one of its names only.
    for order in [[&both, &sample::mixed()], [&sample::mixed(), &both]] {
        let merged = merged(&order);
        assert!(merged.scan.summary.coverage.adds_up());
        assert_eq!(
            merged.records.len() as u64 + merged.repeated,
            2 * both.reports.len() as u64 - 1
        );
    }
}

#[test]
fn the_later_scan_counts() {
    let (mut later, earlier) = (sample::mixed(), sample::mixed());
    // What was exposed is rejected now, and one address of a name is another.
    later.reports[0].verdict = Verdict::Rejected;
    later.reports[1].endpoint.as_mut().unwrap().host = Host::Ip("192.0.2.200".parse().unwrap());
    let coverage = &mut later.summary.coverage;
    coverage.verdicts.remove(&Verdict::Exposed);
    *coverage.verdicts.get_mut(&Verdict::Rejected).unwrap() += 1;
    let spec = &mut coverage.specs[0];
    *spec = reassessed(
        SpecCoverage {
            seen: vec![Verdict::Rejected],
            ..spec.clone()
        },
        BTreeSet::new(),
    );
    let both = merged(&[&later, &earlier]);
    let coverage = &both.scan.summary.coverage;
    assert_eq!(
        (
            coverage.count(Verdict::Exposed),
            coverage.count(Verdict::Forbidden)
        ),
        (0, 3)
    );
    assert!(coverage.adds_up());
    assert_eq!(
        (coverage.specs[0].seen.as_slice(), coverage.specs[0].met),
        (&[Verdict::Rejected][..], Some(true))
    );
}

/// A scan that went on from a checkpoint began first and asked last.
#[test]
fn what_was_seen_last_counts_whichever_scan_began_first() {
    let second = Duration::from_secs(1);
    let seen = |verdict, at: Timestamp, began: Timestamp| {
        let mut report = sample::mixed().reports[1].clone();
        report.verdict = verdict;
        for request in &mut report.requests {
            Arc::make_mut(&mut request.exchange).at = at;
        }
        let mut sample = scan_of(vec![report]);
        sample.summary.started = began;
        sample
    };
    let began = sample::mixed().summary.started;
    let first = |at| seen(Verdict::Exposed, at, began);
    let later = seen(Verdict::Rejected, began + 10 * second, began + 5 * second);
    for (at, counts) in [
        (began + 20 * second, Verdict::Exposed),
        (began + 9 * second, Verdict::Rejected),
    ] {
        let both = merged(&[&later, &first(at)]);
        let coverage = &both.scan.summary.coverage;
        assert_eq!(
            (both.records.len(), both.records[0].verdict, both.repeated),
            (1, counts, 1)
        );
        assert_eq!((coverage.targets, coverage.count(counts)), (1, 1));
        assert_eq!(coverage.specs[0].seen, [counts]);
        assert!(coverage.adds_up());
    }
    // Who was sent no request was seen at some moment of the scan: that beats no answer of it.
    let mut silent = first(began);
    silent.reports[0].requests.clear();
    silent.reports[0].verdict = Verdict::Unreachable;
    silent.reports[0].failure = Some(Failure::new(Stage::Connect, FailureKind::TimedOut, ""));
    let silent = scan_of(silent.reports);
    assert_eq!(
        merged(&[&later, &silent]).records[0].verdict,
        Verdict::Rejected
    );
}

/// Reports of one scan are one, with the silent addresses, which have no record. A scan made again is
/// another: from elsewhere the same list is another estate.
#[test]
fn two_reports_of_one_scan_are_one() {
    let sample = sample::mixed();
    let records = sample.reports.len() as u64;
    let scan = |change: fn(&mut SavedScan)| {
        let mut scan = saved(&sample);
        scan.summary.targets_digest = Some("aa".to_owned());
        change(&mut scan);
        scan
    };
    let both = |later, earlier| whole(&[(&sample, scan(later)), (&sample, scan(earlier))]);
    let stopped: fn(&mut SavedScan) = |scan| scan.summary.stopped = Some("interrupted".to_owned());
    let went_on: fn(&mut SavedScan) = |scan| scan.summary.elapsed += Duration::from_secs(9);
    for (later, earlier) in [
        (went_on, stopped),
        (stopped, stopped),
        (|_: &mut SavedScan| {}, |_: &mut SavedScan| {}),
    ] {
        let both = both(later, earlier);
        assert_eq!((both.superseded, both.repeated), (records, 0));
        assert_eq!(
            both.scan.summary.coverage.targets,
            sample.summary.coverage.targets
        );
        assert!(both.scan.summary.targets_digest.is_some());
    }
    for change in [
        (|scan| scan.summary.started += Duration::from_hours(1)) as fn(&mut SavedScan),
        |scan| scan.config.family = Family::V4,
        |scan| scan.config.proxy = None,
        |scan| scan.config.resolver = Some("192.0.2.54:53".parse().unwrap()),
        |scan| scan.summary.targets_digest = None,
        |scan| scan.summary.targets_digest = Some("bb".to_owned()),
    ] {
        assert_eq!(both(change, |_| {}).superseded, 0);
    }
}

/// Of all that name a target none keeps what an earlier scan saw.
#[test]
fn every_specification_of_a_target_takes_what_was_seen_last() {
    let scan = |verdict, began: Timestamp| {
        let mut report = sample::mixed().reports[1].clone();
        report.verdict = verdict;
        let down = || Failure::new(Stage::Connect, FailureKind::TimedOut, "");
        report.failure = (verdict == Verdict::Unreachable).then(down);
        report.target.specs = [SpecId(0), SpecId(1)].into();
        let mut sample = scan_of(vec![report]);
        let first = sample.summary.coverage.specs.remove(0);
        let text = "https://192.0.2.18:6443".into();
        let second = Arc::new(Origin {
            line: 99,
            column: None,
            text,
            ..(*first.origin).clone()
        });
        sample.summary.coverage.specs = vec![
            SpecCoverage {
                id: Some(SpecId(0)),
                ..first.clone()
            },
            SpecCoverage {
                id: Some(SpecId(1)),
                origin: second,
                ..first
            },
        ];
        sample.summary.started = began;
        sample
    };
    let began = sample::mixed().summary.started;
    let (earlier, later) = (
        scan(Verdict::Rejected, began),
        scan(Verdict::Unreachable, began + Duration::from_hours(1)),
    );
    let mut later = later;
    later.reports[0].requests.clear();
    let mut earlier = earlier;
    for request in &mut earlier.reports[0].requests {
        Arc::make_mut(&mut request.exchange).at = began;
    }
    let both = merged(&[&later, &earlier]);
    let seen: Vec<_> = both
        .scan
        .summary
        .coverage
        .specs
        .iter()
        .map(|spec| spec.seen.clone())
        .collect();
    assert_eq!(seen, [[Verdict::Unreachable], [Verdict::Unreachable]]);
    assert_eq!(
        both.records[0].target.specs.as_ref(),
        [SpecId(0), SpecId(1)],
        "its numbers are the whole's"
    );
    // Also those of the other list, so that the whole can be merged again.
    let mut later = later;
    later.summary.coverage.specs.truncate(1);
    later.reports[0].target.specs = [SpecId(0)].into();
    let both = merged(&[&later, &earlier]);
    assert_eq!(
        both.records[0].target.specs.as_ref(),
        [SpecId(0), SpecId(1)]
    );
}

/// The numbers in a report are by the line; lists put together are one list.
#[test]
fn records_follow_their_specification_into_the_whole() {
    let at_line = |line, address: &str| {
        let mut report = sample::mixed().reports[1].clone();
        report.endpoint.as_mut().unwrap().host = Host::Ip(address.parse().unwrap());
        report.target.origin = Arc::new(Origin {
            line,
            column: None,
            ..(*report.target.origin).clone()
        });
        scan_of(vec![report])
    };
    let both = merged(&[&at_line(5, "192.0.2.1"), &at_line(9, "192.0.2.2")]);
    assert_eq!(both.records.len(), 2);
    let origin = &both.scan.summary.coverage.specs[0].origin;
    assert!(
        both.records
            .iter()
            .all(|record| record.target.origin == *origin && origin.line == 5)
    );
}

/// A scan of just these records: nothing else was counted.
fn scan_of(reports: Vec<EndpointReport>) -> Sample {
    let mut sample = sample::mixed();
    let mut coverage = Coverage::default();
    let mut targets = HashSet::new();
    for report in &reports {
        match (&report.failure, report.verdict) {
            (Some(failure), Verdict::NotAttempted) => {
                *coverage.own_side_failures.entry(failure.kind).or_default() += 1;
                coverage.not_attempted += 1;
            }
            (Some(failure), _) => *coverage.unreachable.entry(failure.kind).or_default() += 1,
            (None, verdict) => *coverage.verdicts.entry(verdict).or_default() += 1,
        }
        let target = &report.target;
        if targets.insert(Identity::of_target(target)) {
            coverage.targets += 1;
        } else {
            coverage.further_addresses += 1;
        }
        if target.named {
            let (origin, label) = (Arc::clone(&target.origin), target.label.clone());
            let id = target.specs.first().copied();
            let known = coverage.specs.iter().position(|spec| spec.origin == origin);
            let seen = known
                .map(|known| coverage.specs.remove(known).seen)
                .unwrap_or_default();
            let spec = SpecCoverage::of(
                origin,
                true,
                label,
                target.expect,
                report.seen().into_iter().collect(),
            );
            let spec = SpecCoverage {
                id,
                ..reassessed(spec, seen.into_iter().collect())
            };
            coverage
                .specs
                .insert(known.unwrap_or(coverage.specs.len()), spec);
        }
    }
    sample.summary.coverage = coverage;
    sample.reports = reports;
    sample
}

/// By the line, without the numbers that a whole gives anew.
fn unnumbered(mut coverage: Coverage) -> Coverage {
    coverage.specs.sort_by_key(|spec| spec.origin.line);
    coverage.specs.iter_mut().for_each(|spec| spec.id = None);
    coverage
}

/// The sample's records of the targets that `mask` names.
fn some(mask: u32) -> Vec<EndpointReport> {
    let of_mask = |report: &EndpointReport| mask & (1 << (report.target.index % 32)) != 0;
    sample::mixed()
        .reports
        .into_iter()
        .filter(of_mask)
        .collect()
}

proptest! {
    /// However many shards a scan is made of, and whichever target falls to which: together they are it,
    /// also where two of its targets lead to one endpoint.
    #[test]
    fn shards_make_the_whole(of in 2..9_u32, salt: u64) {
        let all = with_two_targets_for_one_endpoint().reports;
        let shard_of = |report: &EndpointReport| (report.target.index.wrapping_mul(salt | 1) >> 7) % u64::from(of);
        let shards: Vec<Sample> = (1..=of)
            .map(|number| {
                let own = |report: &&EndpointReport| shard_of(report) == u64::from(number - 1);
                let mut sample = scan_of(all.iter().filter(own).cloned().collect());
                sample.config.shard = Shard::new(number, of).unwrap();
                sample
            })
            .collect();
        let of_shard = |sample: &Sample| SavedScan { config: sample.config.clone(), ..saved(sample) };
        let both = self::whole(&shards.iter().map(|sample| (sample, of_shard(sample))).collect::<Vec<_>>());
        let whole = merged(&[&scan_of(all)]);
        prop_assert_eq!(both.repeated, 0);
        let by_line = |merged: &Whole| unnumbered(merged.scan.summary.coverage.clone());
        prop_assert_eq!(by_line(&both), by_line(&whole));
        let endpoints = |merged: &Whole| {
            merged.records.iter().map(|record| record.endpoint.clone()).collect::<HashSet<_>>()
        };
        prop_assert_eq!(endpoints(&both), endpoints(&whole));
        prop_assert_eq!(both.records.len(), whole.records.len());
    }

    /// However a list is cut into scans, with or without overlap, together they are the whole.
    #[test]
    fn parts_make_the_whole(one: u32, other: u32) {
        let whole = scan_of(some(one | other));
        let both = merged(&[&scan_of(some(one)), &scan_of(some(other))]);
        let mut coverage = unnumbered(both.scan.summary.coverage);
        coverage.verdicts.retain(|_, count| *count > 0);
        coverage.unreachable.retain(|_, count| *count > 0);
        prop_assert_eq!(coverage, unnumbered(whole.summary.coverage.clone()));
        let records = |reports: Vec<&EndpointReport>| {
            let said = reports.iter().map(|report| (Identity::of_target(&report.target), report.endpoint.clone()));
            said.map(|said| format!("{said:?}")).collect::<Vec<_>>()
        };
        let merged = records(both.records.iter().collect());
        prop_assert_eq!(merged, records(whole.reports.iter().collect()));
    }
}
