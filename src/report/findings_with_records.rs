//! Findings together with the records that they rest on, while the records are read once.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;

use super::findings_by_endpoint::FindingsByEndpoint;
use crate::model::{EndpointReport, Finding, Fingerprint};
use crate::record::Spool;

/// Hands each finding to `take` once, with the records of its endpoints. Findings without a record come last, then those
/// that are `carried` from earlier scans, in the same way.
///
/// Only the records of one target are in memory: records are sorted by target, and a finding is about one target.
pub(super) fn each<'a>(
    findings: &[&'a Finding],
    carried: &[&'a Finding],
    records: &mut Spool,
    mut take: impl FnMut(&'a Finding, &[&EndpointReport]) -> io::Result<()>,
) -> io::Result<()> {
    records.read(|records| with_records(findings, records, &mut take))?;
    records.read_carried(|records| with_records(carried, records, &mut take))
}

fn with_records<'a>(
    findings: &[&'a Finding],
    records: &mut dyn Iterator<Item = Cow<'_, EndpointReport>>,
    take: &mut impl FnMut(&'a Finding, &[&EndpointReport]) -> io::Result<()>,
) -> io::Result<()> {
    let by_endpoint = FindingsByEndpoint::new(findings.iter().copied());
    let mut taken: HashSet<Fingerprint> = HashSet::new();
    let mut of_target = |records: &[Cow<'_, EndpointReport>]| {
        for finding in records.iter().flat_map(|record| by_endpoint.of(record)) {
            if taken.insert(finding.fingerprint) {
                let is_about = |record: &&EndpointReport| {
                    let found = by_endpoint.of(record).iter();
                    found
                        .into_iter()
                        .any(|other| other.fingerprint == finding.fingerprint)
                };
                let records = records.iter().map(|record| &**record);
                take(finding, &records.filter(is_about).collect::<Vec<_>>())?;
            }
        }
        io::Result::Ok(())
    };
    let mut group: Vec<Cow<'_, EndpointReport>> = Vec::new();
    for record in records {
        let is_other = |first: &Cow<'_, EndpointReport>| first.target.index != record.target.index;
        if group.first().is_some_and(is_other) {
            of_target(&group)?;
            group.clear();
        }
        group.push(record);
    }
    of_target(&group)?;
    for finding in findings {
        if taken.insert(finding.fingerprint) {
            take(finding, &[])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn each_finding_comes_once_with_the_records_of_its_endpoints() {
        let sample = sample::mixed();
        let findings: Vec<&Finding> = sample.findings.iter().collect();
        let mut seen = Vec::new();
        let mut records = sample.records();
        each(&findings, &[], &mut records, |finding, records| {
            let endpoints: Vec<_> = (records.iter())
                .filter_map(|record| record.endpoint.clone())
                .collect();
            assert!(
                finding
                    .sites
                    .iter()
                    .all(|site| endpoints.contains(&site.endpoint)),
                "{}",
                finding.about
            );
            seen.push(finding.fingerprint);
            Ok(())
        })
        .unwrap();
        let mut expected: Vec<_> = findings.iter().map(|finding| finding.fingerprint).collect();
        seen.sort_unstable();
        expected.sort_unstable();
        assert_eq!(seen, expected);
    }
}
