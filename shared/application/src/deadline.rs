//! Deadlines: bound the retries of the store, so that an answer is sent before the platform ends the request.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Subtracted from the platform's limit, so that the answer can still be sent.
const ANSWER_RESERVE: Duration = Duration::from_millis(100);

/// The time of a request if the platform sets none, and the maximum otherwise: a Lambda function runs at most 15
/// minutes.
const REQUEST_DURATION_MAX: Duration = Duration::from_mins(15);

/// The instant by which a request must be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// Returns a deadline `duration` from now, at most 15 minutes.
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        let now = Instant::now();
        Deadline(now.checked_add(duration.min(REQUEST_DURATION_MAX)).unwrap_or(now))
    }

    /// Returns the deadline of a Lambda invocation. `epoch_millis` is when Lambda ends it, in milliseconds since 1970
    /// by the same clock as `now`. A tenth of a second is subtracted for the answer.
    #[must_use]
    pub fn of_invocation(epoch_millis: u64, now: Timestamp) -> Self {
        let now_millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let left = Duration::from_millis(epoch_millis.saturating_sub(now_millis));
        Self::after(left.saturating_sub(ANSWER_RESERVE))
    }

    /// Returns the instant.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.0
    }

    /// Returns the remaining time; zero after the deadline.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds_left(epoch_millis: u64) -> u64 {
        let now = Timestamp::from_second(1_000).unwrap();
        // Rounded up, because some of the time passes between the two calls.
        Deadline::of_invocation(epoch_millis, now).remaining().as_millis().div_ceil(1_000).try_into().unwrap()
    }

    #[test]
    fn the_deadline_of_an_invocation_keeps_a_reserve_and_is_bounded() {
        assert_eq!(seconds_left(1_000_000 + 10_100), 10);
        assert_eq!(seconds_left(1_000_000 + 100), 0);
        assert_eq!(seconds_left(1_000_000), 0, "now");
        assert_eq!(seconds_left(0), 0, "long past");
        assert_eq!(seconds_left(u64::MAX), 900, "absurd");
    }

    #[test]
    fn a_deadline_after_the_longest_duration_does_not_overflow() {
        assert!(Deadline::after(Duration::MAX).remaining() <= REQUEST_DURATION_MAX);
        assert_eq!(Deadline::after(Duration::ZERO).remaining(), Duration::ZERO);
    }
}
