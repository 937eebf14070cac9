//! What an attempt at a target led to: counted, written to the checkpoint and sent to the caller.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::model::{EndpointReport, Failure, FailureKind, LeftOut, Stage, Verdict};

/// One outcome of a target or of one of its addresses. Checkpoints contain it as postcard writes it: without
/// names, so variants and fields must keep their order, here and in the enums inside.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::scan) enum Outcome {
    /// Without an answer, in a range: counted, and no record.
    CountedOnly(FailureKind),
    /// A record.
    Record(#[serde(with = "line")] Box<EndpointReport>),
    /// Addresses that are not asked, or a lookup of one address family that failed while the other was answered.
    LeftOut(LeftOut),
    /// Addresses of a name beyond its first.
    Further(u64),
    /// Retried after this pass.
    Deferred(Deferral),
}

impl Outcome {
    /// Whether a resumed scan should ask again: the failure was on our own side, and may be gone by then. A panic
    /// would only repeat itself.
    pub(super) fn is_unfinished(&self) -> bool {
        let kind = match self {
            Self::CountedOnly(kind) => Some(*kind),
            Self::Record(report) if report.verdict == Verdict::NotAttempted => {
                report.failure.as_ref().map(|failure| failure.kind)
            }
            _ => None,
        };
        kind.is_some_and(|kind| kind.is_own_side() && kind != FailureKind::Panic)
    }

    /// Whether the outcomes of one target are complete: one for the target, and one for each further
    /// address that they mention. An address that is not asked counts; half of a lookup does not.
    pub(super) fn are_complete(outcomes: &[Self]) -> bool {
        let (mut expected, mut found) = (Some(1_u64), Some(0_u64));
        for outcome in outcomes {
            let (sum, count) = match outcome {
                Self::Further(count) => (&mut expected, *count),
                Self::LeftOut(left_out) if left_out.why.is_address() => {
                    (&mut found, left_out.count)
                }
                Self::LeftOut(_) => continue,
                Self::CountedOnly(_) | Self::Record(_) | Self::Deferred(_) => (&mut found, 1),
            };
            *sum = sum.and_then(|sum| sum.checked_add(count));
        }
        expected.is_some() && expected == found
    }
}

/// An attempt that is made again in the next pass, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::scan) struct Deferral {
    /// The target's rank in the first pass.
    pub(in crate::scan) rank: u64,
    /// The one address to ask, for a name; `None` for the whole target.
    pub(in crate::scan) address: Option<IpAddr>,
    pub(in crate::scan) stage: Stage,
    pub(in crate::scan) kind: FailureKind,
}

impl Deferral {
    /// The failure of an attempt that is not retried because the scan was stopped.
    pub(in crate::scan) fn failure(self) -> Failure {
        Failure::new(
            self.stage,
            self.kind,
            "the scan was stopped before the retry",
        )
    }
}

/// Sends the records to the caller; `false` if the caller has dropped the scan.
pub(in crate::scan) async fn send(
    outcomes: Vec<Outcome>,
    reports: &mpsc::Sender<Box<EndpointReport>>,
) -> bool {
    for outcome in outcomes {
        if let Outcome::Record(report) = outcome
            && reports.send(report).await.is_err()
        {
            return false;
        }
    }
    true
}

/// A record as its line of `jsonl`.
mod line {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de, ser};

    use crate::model::EndpointReport;
    use crate::record;

    pub(super) fn serialize<S: Serializer>(
        report: &EndpointReport,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let line = record::to_line(report).map_err(ser::Error::custom)?;
        line.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Box<EndpointReport>, D::Error> {
        let line = Vec::<u8>::deserialize(deserializer)?;
        record::from_line(&line)
            .map(Box::new)
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LeftOutReason;

    fn left_out(why: LeftOutReason, count: u64) -> Outcome {
        Outcome::LeftOut(LeftOut::new(why, count, "127.0.0.1"))
    }

    /// Checkpoints that exist hold these bytes.
    #[test]
    fn the_serialized_form_does_not_change() {
        let deferral = Deferral {
            rank: 300,
            address: Some(IpAddr::from([10, 0, 0, 1])),
            stage: Stage::Connect,
            kind: FailureKind::TimedOut,
        };
        for (outcome, bytes) in [
            (Outcome::CountedOnly(FailureKind::TimedOut), &[0, 1][..]),
            (
                left_out(LeftOutReason::ExcludedAddress, 2),
                &[
                    2,
                    LeftOutReason::ExcludedAddress as u8,
                    2,
                    1,
                    9,
                    b'1',
                    b'2',
                    b'7',
                    b'.',
                    b'0',
                    b'.',
                    b'0',
                    b'.',
                    b'1',
                ],
            ),
            (Outcome::Further(3), &[3, 3]),
            (
                Outcome::Deferred(deferral),
                &[4, 0xac, 2, 1, 0, 10, 0, 0, 1, 2, 1],
            ),
        ] {
            assert_eq!(postcard::to_stdvec(&outcome).unwrap(), bytes, "{outcome:?}");
        }
    }

    #[test]
    fn enums_are_written_as_the_number_of_their_variant() {
        for (number, kind) in (0..).zip(FailureKind::ALL) {
            assert_eq!(postcard::to_stdvec(&kind).unwrap(), [number]);
        }
        for (number, reason) in (0..).zip(LeftOutReason::ALL) {
            assert_eq!(postcard::to_stdvec(&reason).unwrap(), [number]);
        }
        assert_eq!(postcard::to_stdvec(&Stage::Internal).unwrap(), [6]);
    }

    #[test]
    fn unknown_numbers_are_refused() {
        let read = |bytes: &[u8]| postcard::from_bytes::<Outcome>(bytes).is_ok();
        assert!(read(&[0, 1]) && read(&[4, 0, 0, 6, 0]));
        assert!(!read(&[0, 200]), "a kind of failure");
        assert!(!read(&[2, 200, 1, 0]), "a reason");
        assert!(!read(&[4, 0, 0, 7, 0]), "a stage");
        assert!(!read(&[4, 0, 0, 0, 200]), "a kind of a deferral");
    }

    #[test]
    fn outcomes_are_complete_with_one_for_each_address() {
        let counted_only = || Outcome::CountedOnly(FailureKind::Refused);
        for (outcomes, complete) in [
            (vec![counted_only()], true),
            (vec![], false),
            (vec![counted_only(), counted_only()], false),
            (
                vec![counted_only(), counted_only(), Outcome::Further(1)],
                true,
            ),
            (
                vec![
                    left_out(LeftOutReason::SpecialAddress, 2),
                    Outcome::Further(1),
                ],
                true,
            ),
            (
                vec![counted_only(), left_out(LeftOutReason::HalfResolved, 1)],
                true,
            ),
            (
                vec![
                    counted_only(),
                    Outcome::Further(u64::MAX),
                    Outcome::Further(1),
                ],
                false,
            ),
        ] {
            assert_eq!(Outcome::are_complete(&outcomes), complete, "{outcomes:?}");
        }
    }
}
