//! The one place that reads the time, so that everything else takes it as an input.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Tells what time it is.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that an operator moves; for the local server and tests.
    Movable(MovableClock),
}

impl Clock {
    /// The present instant of this clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => machine_now(),
            Clock::Movable(clock) => clock.now(),
        }
    }
}

/// A clock that follows the machine's until it is moved, and then stands still at the instant it was moved to, until
/// it is moved again.
///
/// It stands still so that a sequence of requests gives the same answers however long it takes. Clones share one clock.
#[derive(Debug, Clone, Default)]
pub struct MovableClock {
    hand: Arc<Mutex<Hand>>,
}

#[derive(Debug, Default)]
struct Hand {
    /// Where it stands; `None` while it follows the machine's clock.
    stands_at: Option<Timestamp>,
    /// How far it moves after each reading, where a test wants to see that one command reads it once.
    step: SignedDuration,
}

impl MovableClock {
    /// A clock that stands still at `instant`.
    #[must_use]
    pub fn standing_at(instant: Timestamp) -> Self {
        Self::stepping(instant, SignedDuration::ZERO)
    }

    /// A clock that stands at `instant`, and moves by `step` after each reading.
    #[must_use]
    pub fn stepping(instant: Timestamp, step: SignedDuration) -> Self {
        MovableClock { hand: Arc::new(Mutex::new(Hand { stands_at: Some(instant), step })) }
    }

    /// Moves the clock by `step` after each reading from now on, if it stands.
    pub fn step_by(&self, step: SignedDuration) {
        self.lock().step = step;
    }

    /// The instant it was last moved to, or the machine's present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let mut hand = self.lock();
        let Some(now) = hand.stands_at else { return machine_now() };
        hand.stands_at = Some(now.checked_add(hand.step).unwrap_or(now));
        now
    }

    /// Where it stands, if it was moved.
    #[must_use]
    pub fn stands_at(&self) -> Option<Timestamp> {
        self.lock().stands_at
    }

    /// Moves the clock to `instant`, where it then stands still. Moving it to where it stands is allowed.
    ///
    /// # Errors
    ///
    /// [`ClockMovedBack`] if `instant` is before the clock's present; the clock then stays as it was.
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
        // The value is whole whatever the thread that held it went through.
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a clock was not moved: time does not run backwards, or accounts already settled would be ahead of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockMovedBack {
    /// Where the clock is.
    pub now: Timestamp,
    /// Where it was to be moved.
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
    // Instants are kept for ever and shown to people; finer than a millisecond they say nothing more, and cost bytes.
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
