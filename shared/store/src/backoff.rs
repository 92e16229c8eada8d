//! Backoff: how long a command waits after a lost race, and when it gives up.

use std::time::Duration;

/// The minimum ceiling of the first pause.
const FIRST_MIN: Duration = Duration::from_millis(10);
/// The maximum pause: half of the time that a till waits. Two hundred commands on one member, each waiting half of this
/// on average, still try often enough in total to keep the member busy.
const PAUSE_MAX: Duration = Duration::from_secs(3);
/// The maximum number of attempts of one command, including the first. Two hundred concurrent commands need about five
/// each. A command that loses this often has met a fault and not a rush, and each lost attempt costs money.
const ATTEMPTS_MAX: u32 = 24;

/// The pauses of one command: full jitter below a ceiling that doubles, so that rivals spread out.
///
/// The ceiling starts at twice the duration of the last attempt, because a rival needs that long too. If calls are
/// slow, because of distance or of the rush itself, pauses are long from the beginning.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    retries: u32,
}

impl Backoff {
    /// Returns the pause after an attempt that took `took`, with `left` until the deadline; `None` after the last
    /// attempt, or if there is no time for another that takes up to twice as long.
    pub(crate) fn next(&mut self, took: Duration, left: Duration) -> Option<Duration> {
        // If the deadline interrupts an attempt, it is unknown whether it was carried out.
        let spare = left.checked_sub(took.saturating_mul(2)).filter(|spare| !spare.is_zero())?;
        let factor = 1_u32.checked_shl(self.retries).unwrap_or(u32::MAX);
        let ceiling = took.saturating_mul(2).max(FIRST_MIN).saturating_mul(factor).min(PAUSE_MAX).min(spare);
        self.retries = self.retries.saturating_add(1);
        (self.retries < ATTEMPTS_MAX).then(|| jitter(ceiling))
    }
}

/// Returns a random duration up to `ceiling`, uniformly distributed.
fn jitter(ceiling: Duration) -> Duration {
    Duration::from_micros(fastrand::u64(0..=u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn pauses(took: Duration) -> Vec<Duration> {
        let mut backoff = Backoff::default();
        std::iter::from_fn(|| backoff.next(took, HOUR)).collect()
    }

    #[test]
    fn pauses_stay_below_a_doubling_ceiling_and_end_in_number() {
        for (took, ceilings) in [
            (1, [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_000, 3_000]),
            (50, [100, 200, 400, 800, 1_600, 3_000, 3_000, 3_000, 3_000, 3_000, 3_000]),
            (5_000, [3_000; 11]),
        ] {
            let mut longest = [Duration::ZERO; 11];
            for _ in 0..200 {
                let pauses = pauses(Duration::from_millis(took));
                assert_eq!(pauses.len(), usize::try_from(ATTEMPTS_MAX).unwrap() - 1);
                assert!(pauses.iter().all(|pause| *pause <= PAUSE_MAX));
                for (longest, pause) in longest.iter_mut().zip(pauses) {
                    *longest = pause.max(*longest);
                }
            }
            for (longest, ceiling) in longest.into_iter().zip(ceilings.map(Duration::from_millis)) {
                assert!(longest <= ceiling && longest > ceiling / 2, "{longest:?} of {ceiling:?}");
            }
        }
    }

    #[test]
    fn no_attempt_is_begun_that_the_deadline_would_cut_off() {
        let took = Duration::from_millis(30);
        assert_eq!(Backoff::default().next(took, Duration::from_millis(59)), None);
        assert_eq!(Backoff::default().next(took, took * 2), None);
        assert_eq!(Backoff::default().next(took, Duration::ZERO), None);
        for _ in 0..200 {
            let pause = Backoff::default().next(took, Duration::from_millis(65)).unwrap();
            assert!(pause <= Duration::from_millis(5));
        }
    }
}
