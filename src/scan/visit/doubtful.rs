//! Failures after which an observation may not be the target's, or its verdict may be another.

use crate::model::{EndpointReport, Failure, FailureKind, Observation, Verdict};

/// The failure of a connection through a proxy over which nothing came from the target: the proxy may
/// have reported a connection that it did not have.
pub(super) fn without_target_bytes(report: &EndpointReport) -> Option<Failure> {
    if report.verdict != Verdict::Unreachable || report.tls.is_some() {
        return None;
    }
    let failure = report.failure.as_ref()?;
    let ended_early = matches!(
        failure.kind,
        FailureKind::Closed | FailureKind::Reset | FailureKind::Deadline
    );
    ended_early.then(|| Failure {
        detail: "the proxy may not have connected".to_owned(),
        ..failure.clone()
    })
}

/// A failure on our own side that may have changed the verdict. `exposed` is proven, so no failure can change it.
pub(super) fn affecting_verdict(
    observation: &Observation,
    verdict: Verdict,
    recheck: Option<&Failure>,
) -> Option<Failure> {
    if verdict == Verdict::Exposed {
        return None;
    }
    recheck
        .into_iter()
        .chain(observation.failures())
        .find(|failure| failure.kind.is_own_side())
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::assess;
    use crate::identify::identify;
    use crate::model::fixtures::{api_versions, failing, forbidden, ok, page, reset, version};
    use crate::model::{Reply, Stage};

    /// Only a proof of exposure is worth anything without the requests that failed.
    #[test]
    fn resource_exhaustion_leaves_every_verdict_open_but_exposed() {
        let short = || {
            let detail = "Too many open files";
            Failure::new(Stage::Connect, FailureKind::ResourcesExhausted, detail)
        };
        let of = |answers: Vec<(&str, Result<Reply, Failure>)>, recheck: Option<Failure>| {
            let observation = failing(1, answers);
            let verdict = assess(&observation, &identify(&observation)).verdict;
            (
                verdict,
                affecting_verdict(&observation, verdict, recheck.as_ref()).is_some(),
            )
        };
        let default = || {
            vec![
                ("/version", Ok(version())),
                ("/api", Ok(forbidden())),
                ("/healthz", Ok(ok())),
            ]
        };
        let with = |path, answer| [default(), vec![(path, answer)]].concat();
        assert_eq!(of(default(), None), (Verdict::Forbidden, false));
        assert_eq!(
            of(with("/api/v1/nodes", Err(short())), None),
            (Verdict::Forbidden, true)
        );
        // A failure of the server.
        assert_eq!(
            of(with("/api/v1/nodes", Err(reset())), None),
            (Verdict::Forbidden, false)
        );
        assert_eq!(of(default(), Some(short())), (Verdict::Forbidden, true));
        assert!(
            of(
                vec![("/version", Ok(page(404))), ("/api", Err(short()))],
                None
            )
            .1
        );
        let open = vec![
            ("/version", Ok(version())),
            ("/api", Ok(api_versions())),
            ("/healthz", Err(short())),
        ];
        assert_eq!(of(open, None), (Verdict::Exposed, false));
    }
}
