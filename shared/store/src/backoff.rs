//! How long a command that lost a race waits before it tries again, and when it gives up.

use std::time::{Duration, Instant};

/// The longest first pause. A transaction takes about this long, so a lone rival is done by then.
const FIRST_MAX: Duration = Duration::from_millis(10);
/// The longest pause of all. Two hundred commands on one member, each waiting half of this on average, try a thousand
/// times a second between them: enough to keep the member busy, not so much that most of it is lost races.
const PAUSE_MAX: Duration = Duration::from_millis(400);
/// The most attempts of one command, the first included. What loses this often has not met a rival but a flood, and each
/// lost attempt is paid for.
const ATTEMPTS_MAX: u32 = 40;

/// The pauses of one command: full jitter below a ceiling that doubles, so that rivals spread out rather than meet again.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    retries: u32,
}

impl Backoff {
    /// How long to wait before the next attempt; `None` if there is to be none, because there have been enough or the
    /// wait would end at `deadline` or beyond.
    pub(crate) fn next(&mut self, now: Instant, deadline: Instant) -> Option<Duration> {
        let ceiling = 1_u32
            .checked_shl(self.retries)
            .and_then(|factor| FIRST_MAX.checked_mul(factor))
            .map_or(PAUSE_MAX, |ceiling| ceiling.min(PAUSE_MAX));
        self.retries = self.retries.saturating_add(1);
        let pause = Duration::from_micros(fastrand::u64(0..=u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX)));
        let in_time = now.checked_add(pause).is_some_and(|then| then < deadline);
        (self.retries < ATTEMPTS_MAX && in_time).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_below_a_doubling_ceiling_and_end_in_number() {
        let now = Instant::now();
        let deadline = now.checked_add(Duration::from_secs(60)).unwrap();
        let mut backoff = Backoff::default();
        let mut pauses = Vec::new();
        while let Some(pause) = backoff.next(now, deadline) {
            pauses.push(pause);
        }
        assert_eq!(pauses.len(), usize::try_from(ATTEMPTS_MAX).unwrap() - 1);
        for (pause, ceiling) in pauses.iter().zip([10, 20, 40, 80, 160, 320, 400, 400]) {
            assert!(*pause <= Duration::from_millis(ceiling), "{pauses:?}");
        }
        assert!(pauses.iter().all(|pause| *pause <= PAUSE_MAX), "{pauses:?}");
        assert!(pauses.iter().any(|pause| *pause > PAUSE_MAX / 2), "{pauses:?}");
    }

    #[test]
    fn no_pause_reaches_the_deadline() {
        let now = Instant::now();
        assert_eq!(Backoff::default().next(now, now), None);
        for _ in 0..1_000 {
            let deadline = now + Duration::from_millis(2);
            if let Some(pause) = Backoff::default().next(now, deadline) {
                assert!(now + pause < deadline);
            }
        }
    }
}
