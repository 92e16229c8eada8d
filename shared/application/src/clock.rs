//! The only place that reads the time, so that everything else takes it as an input.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// A source of the current time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that an operator moves, for the local server and tests.
    Movable(MovableClock),
}

impl Clock {
    /// Returns the current instant of this clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => machine_now(),
            Clock::Movable(clock) => clock.now(),
        }
    }
}

/// A clock that follows the machine's until it is moved. Then it stands still at that instant until it is moved again.
///
/// It stands still so that a sequence of requests gives the same answers, no matter how long it takes. Clones share one
/// clock.
#[derive(Debug, Clone, Default)]
pub struct MovableClock {
    hand: Arc<Mutex<Hand>>,
}

#[derive(Debug, Default)]
struct Hand {
    /// The instant at which it stands; `None` while it follows the machine's clock.
    stands_at: Option<Timestamp>,
    /// How far it moves after each reading, for tests that check that a command reads it once.
    step: SignedDuration,
}

impl MovableClock {
    /// Returns a clock that stands still at `instant`.
    #[must_use]
    pub fn standing_at(instant: Timestamp) -> Self {
        Self::stepping(instant, SignedDuration::ZERO)
    }

    /// Returns a clock that stands at `instant` and moves by `step` after each reading.
    #[must_use]
    pub fn stepping(instant: Timestamp, step: SignedDuration) -> Self {
        MovableClock { hand: Arc::new(Mutex::new(Hand { stands_at: Some(instant), step })) }
    }

    /// Moves the clock by `step` after each reading from now on, if it stands.
    pub fn step_by(&self, step: SignedDuration) {
        self.lock().step = step;
    }

    /// Returns the instant it was last moved to, or the machine's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let mut hand = self.lock();
        let Some(now) = hand.stands_at else { return machine_now() };
        hand.stands_at = Some(now.checked_add(hand.step).unwrap_or(now));
        now
    }

    /// Returns the instant at which it stands, if it was moved.
    #[must_use]
    pub fn stands_at(&self) -> Option<Timestamp> {
        self.lock().stands_at
    }

    /// Moves the clock to `instant`, where it stands still. Moving it to its current instant is allowed.
    ///
    /// # Errors
    ///
    /// [`ClockMovedBack`] if `instant` is before the clock's current instant; the clock is then unchanged.
    pub fn move_to(&self, instant: Timestamp) -> Result<(), ClockMovedBack> {
        let mut hand = self.lock();
        let now = hand.stands_at.unwrap_or_else(machine_now);
        if instant < now {
            return Err(ClockMovedBack { now, instant });
        }
        hand.stands_at = Some(instant);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Hand> {
        // The value is valid even after a panic of another thread.
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock cannot move back: accounts that are already settled would be ahead of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockMovedBack {
    /// The current instant of the clock.
    pub now: Timestamp,
    /// The requested instant.
    pub instant: Timestamp,
}

impl fmt::Display for ClockMovedBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the clock is at {} and does not move back to {}", self.now, self.instant)
    }
}

impl std::error::Error for ClockMovedBack {}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
fn machine_now() -> Timestamp {
    let now = Timestamp::now();
    // Instants are stored permanently and shown to people. Finer than a millisecond, they add nothing and cost bytes.
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_clock_that_was_never_moved_follows_the_machine() {
        let clock = Clock::Movable(MovableClock::default());
        let before = machine_now();
        let told = clock.now();
        assert!(before <= told && told <= machine_now());
    }

    #[test]
    fn a_moved_clock_stands_still_where_it_was_moved() {
        let movable = MovableClock::standing_at(instant("2026-11-21T00:00:00Z"));
        let clock = Clock::Movable(movable.clone());
        assert_eq!(clock.now(), instant("2026-11-21T00:00:00Z"));
        movable.move_to(instant("2027-01-01T00:00:00Z")).unwrap();
        assert_eq!(clock.now(), instant("2027-01-01T00:00:00Z"));
        assert_eq!(clock.now(), instant("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn a_clock_may_be_moved_to_where_it_stands_but_not_back() {
        let clock = MovableClock::standing_at(instant("2027-01-01T00:00:00Z"));
        assert_eq!(clock.move_to(instant("2027-01-01T00:00:00Z")), Ok(()));
        assert_eq!(
            clock.move_to(instant("2026-12-31T23:59:59Z")),
            Err(ClockMovedBack { now: instant("2027-01-01T00:00:00Z"), instant: instant("2026-12-31T23:59:59Z") })
        );
        assert_eq!(clock.now(), instant("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn a_clock_that_follows_the_machine_does_not_move_back_either() {
        let clock = MovableClock::default();
        assert!(clock.move_to(instant("2020-01-01T00:00:00Z")).is_err());
    }
}
