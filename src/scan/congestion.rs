//! Whether the network, or this machine, can bear the scan: additive increase, multiplicative
//! decrease (AIMD).
//!
//! What is lost shows in two ways. A connect that was answered only after a second is one whose
//! first SYN, or the answer to it, got lost: systems send it again after one second (RFC 6298). And
//! a connect that is not answered at all is lost when the host answered before. If their share
//! rises, the scan slows down; if slowing down does not help, the loss is not the scan's doing, is
//! from then on taken for granted, and the scan goes back to its speed.

use std::time::Duration;

/// A connect that took this long was answered to a repeated SYN.
pub(super) const RETRANSMITTED: Duration = Duration::from_secs(1);
/// The least of full speed to which a scan slows down.
const FLOOR: f64 = 0.02;
const DECREASE: f64 = 0.7;
const INCREASE: f64 = 0.05;
/// A share of losses that says nothing yet.
const MARGIN: f64 = 0.05;
/// Answers and losses that make a share worth something.
const ENOUGH: u32 = 100;

/// The speed, as a share of what was asked for, and what led to it.
#[derive(Debug, Clone)]
pub(super) struct Congestion {
    level: f64,
    /// The share of losses that is there at any speed.
    granted: f64,
    /// The share that led to slowing down last.
    slowed_at: Option<f64>,
}

impl Congestion {
    pub(super) const fn new() -> Self {
        Self {
            level: 1.0,
            granted: 0.0,
            slowed_at: None,
        }
    }

    /// The share of full speed that is right, 0.02 to 1.
    pub(super) const fn level(&self) -> f64 {
        self.level
    }

    /// Takes in what a while showed; `false` if that is too little to tell.
    pub(super) fn window(&mut self, answered: u32, lost: u32) -> bool {
        let all = answered.saturating_add(lost);
        if all < ENOUGH {
            return false;
        }
        let share = f64::from(lost) / f64::from(all);
        if let Some(before) = self.slowed_at.take() {
            // A full path delivers as much as before, and loses less of less.
            let helped = (1.0 - (1.0 - before) / DECREASE).max(0.0);
            if share >= f64::midpoint(before, helped) {
                self.granted = share;
            }
        }
        if share > self.granted * 1.5 + MARGIN {
            self.slowed_at = Some(share);
            self.slow();
        } else {
            self.level = (self.level + INCREASE).min(1.0);
            // What is taken for granted is forgotten when it is no longer seen.
            self.granted = share.min(self.granted) * 0.1 + self.granted * 0.9;
        }
        true
    }

    /// Slows down one step, whatever the reason.
    pub(super) fn slow(&mut self) {
        self.level = (self.level * DECREASE).max(FLOOR);
    }

    /// Goes one step back to full speed.
    pub(super) fn recover(&mut self) {
        self.level = (self.level + INCREASE).min(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path that drops what is beyond its capacity, and `base` of everything.
    fn drive(congestion: &mut Congestion, windows: usize, capacity: f64, base: f64) -> Vec<f64> {
        (0..windows)
            .map(|_| {
                let rate = 1000.0 * congestion.level();
                let share = base + (1.0 - base) * (1.0 - capacity / rate).max(0.0);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "0 to 1000"
                )]
                let lost = (share * 1000.0).round() as u32;
                congestion.window(1000 - lost, lost);
                congestion.level()
            })
            .collect()
    }

    #[test]
    fn a_narrow_path_is_filled_and_not_flooded() {
        let mut congestion = Congestion::new();
        let levels = drive(&mut congestion, 200, 400.0, 0.01);
        let settled = &levels[50..];
        assert!(
            settled.iter().all(|level| (0.25..0.5).contains(level)),
            "{settled:?}"
        );
    }

    #[test]
    fn it_recovers_when_the_path_does() {
        let mut congestion = Congestion::new();
        drive(&mut congestion, 50, 100.0, 0.0);
        assert!(congestion.level() < 0.2);
        drive(&mut congestion, 25, 5000.0, 0.0);
        assert!((congestion.level() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn loss_that_does_not_depend_on_the_rate_is_taken_for_granted() {
        for base in [0.01, 0.1, 0.4, 1.0] {
            let mut congestion = Congestion::new();
            let levels = drive(&mut congestion, 60, 5000.0, base);
            assert!(
                levels[40..].iter().all(|level| *level > 0.99),
                "{base}: {levels:?}"
            );
        }
    }

    #[test]
    fn little_evidence_changes_nothing() {
        let mut congestion = Congestion::new();
        assert!(!congestion.window(0, ENOUGH - 1));
        assert!((congestion.level() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn it_never_stands_still() {
        let mut congestion = Congestion::new();
        for _ in 0..1000 {
            congestion.slow();
        }
        assert!(congestion.level() >= FLOOR);
        congestion.recover();
        assert!(congestion.level() > FLOOR);
    }
}
