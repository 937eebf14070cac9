//! The speed that network and machine can take: additive increase, multiplicative decrease (AIMD).
//!
//! Losses show in two ways. A connect that takes more than a second lost its first SYN or the answer to it, because
//! systems repeat the SYN after one second (RFC 6298). A connect without an answer counts as a loss if the host has
//! answered before. If the share of losses rises, the scan slows down. If the share stays the same at the lower speed,
//! the scan is not its cause: the share becomes the base, and the scan returns to its speed.

/// The lowest share of full speed.
const FLOOR: f64 = 0.02;
const DECREASE: f64 = 0.7;
const INCREASE: f64 = 0.05;
/// A share of losses that is tolerated above the base.
const MARGIN: f64 = 0.05;
/// Answers and losses that make a share meaningful.
const ENOUGH: u32 = 100;

/// The speed as a share of full speed, and the losses behind it.
#[derive(Debug, Clone)]
pub(super) struct Congestion {
    level: f64,
    /// The share of losses that does not depend on our speed.
    base_loss: f64,
    /// The share of losses at which the scan last slowed down.
    slowed_at: Option<f64>,
    /// The answers of the window before.
    answered_before: u32,
}

impl Congestion {
    pub(super) const fn new() -> Self {
        Self {
            level: 1.0,
            base_loss: 0.0,
            slowed_at: None,
            answered_before: 0,
        }
    }

    /// The share of full speed, 0.02 to 1.
    pub(super) const fn level(&self) -> f64 {
        self.level
    }

    /// Evaluates the answers and losses of a window; `false` if they are fewer than [`ENOUGH`].
    pub(super) fn evaluate_window(&mut self, answered: u32, lost: u32) -> bool {
        let all = answered.saturating_add(lost);
        if all < ENOUGH {
            return false;
        }
        // A loss shows a second after its packet left. At the end of a pass few later packets are answered, so the answers of
        // the window before count as well.
        let answered = answered.max(std::mem::replace(&mut self.answered_before, answered));
        let share = f64::from(lost) / f64::from(answered.saturating_add(lost));
        if let Some(loss_before) = self.slowed_at.take() {
            // If a full link caused the losses, it still delivers as many packets as before, but the slower scan sent
            // only `DECREASE` times as many.
            let expected_loss = (1.0 - (1.0 - loss_before) / DECREASE).max(0.0);
            if share >= f64::midpoint(loss_before, expected_loss) {
                self.base_loss = share;
            }
        }
        if share > self.base_loss * 1.5 + MARGIN {
            self.slowed_at = Some(share);
            self.slow_down();
        } else {
            self.speed_up();
            // The base decays when losses are no longer seen.
            self.base_loss = share.min(self.base_loss) * 0.1 + self.base_loss * 0.9;
        }
        true
    }

    /// Slows down one step.
    pub(super) fn slow_down(&mut self) {
        self.level = (self.level * DECREASE).max(FLOOR);
    }

    /// Goes one step towards full speed.
    pub(super) fn speed_up(&mut self) {
        self.level = (self.level + INCREASE).min(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path that drops what exceeds its capacity, and a `base` share of everything.
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
                congestion.evaluate_window(1000 - lost, lost);
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
    fn the_speed_recovers_when_the_path_does() {
        let mut congestion = Congestion::new();
        drive(&mut congestion, 50, 100.0, 0.0);
        assert!(congestion.level() < 0.2);
        drive(&mut congestion, 25, 5000.0, 0.0);
        assert!((congestion.level() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn losses_that_do_not_depend_on_the_rate_do_not_slow_down() {
        for base in [0.01, 0.1, 0.4, 1.0] {
            let mut congestion = Congestion::new();
            let levels = drive(&mut congestion, 60, 5000.0, base);
            assert!(
                levels[40..].iter().all(|level| *level > 0.99),
                "{base}: {levels:?}"
            );
        }
    }

    /// In the last window of a pass, 139 packets were answered at once, and 17 of the many before them were lost.
    #[test]
    fn the_end_of_a_pass_does_not_slow_down() {
        let mut congestion = Congestion::new();
        for (answered, lost) in [(980, 0), (960, 18), (961, 20), (139, 17)] {
            assert!(congestion.evaluate_window(answered, lost));
            assert!((congestion.level() - 1.0).abs() < f64::EPSILON);
        }
        // If as many are lost afterwards, the network is the cause.
        assert!(congestion.evaluate_window(139, 17));
        assert!(congestion.level() < 1.0);
    }

    #[test]
    fn little_evidence_changes_nothing() {
        let mut congestion = Congestion::new();
        assert!(!congestion.evaluate_window(0, ENOUGH - 1));
        assert!((congestion.level() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_speed_never_falls_to_zero() {
        let mut congestion = Congestion::new();
        for _ in 0..1000 {
            congestion.slow_down();
        }
        assert!(congestion.level() >= FLOOR);
        congestion.speed_up();
        assert!(congestion.level() > FLOOR);
    }
}
