//! `/local/clock`: moves time, so that a year of expiries and tiers can be watched in a minute.

use jiff::Timestamp;
use regulars_api::clock::MovableClock;
use regulars_api::http::{Answer, Code, Problem, Request};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Instant {
    now: Timestamp,
}

/// Tells the time.
pub(crate) fn read(clock: &MovableClock) -> Answer {
    Answer::ok(&Instant { now: clock.now() })
}

/// Moves the clock to the instant in the body, and tells the time.
pub(crate) fn move_to(clock: &MovableClock, request: &Request) -> Result<Answer, Problem> {
    let instant: Instant = request.json_body()?;
    clock.move_to(instant.now).map_err(|refused| Problem::new(Code::ClockMovedBack, format!("{refused}.")))?;
    Ok(read(clock))
}
