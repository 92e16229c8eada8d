//! Points for n actions within a window of days:
//! `{ "challenge": { "times": 3, "within_days": 30, "points": 100, "repeats": true } }`.
//!
//! The window slides: as soon as n actions lie within the number of days, the challenge pays for them and they are used
//! up. If several choices of n are possible, because an action was posted late, the earliest are used up: the others
//! have more time left.

use jiff::civil::Date;

use crate::{
    rules::{
        node::{Node, read_boolean},
        open_days::OpenDays,
        schema::{Field, boolean, integer, span},
        strategy::{Matched, Restep, Strategy, Yield, points, read_points},
        trigger::Trigger,
    },
    state::steps::{Progress, Steps, StepsChange},
    values::{
        calendar::days_after,
        points::{Points, Rounding},
    },
};

/// Maximum number of actions of a challenge: the account stores the day of each, nine bytes, until the challenge is
/// complete.
const TIMES_MAX: i64 = 50;

/// Maximum number of days stored for a challenge. The earliest are dropped first.
const DAYS_MAX: usize = 100;

#[derive(Debug)]
struct Challenge {
    times: usize,
    within_days: i32,
    points: i64,
    repeats: bool,
}

impl Challenge {
    /// Returns the last day of the window that begins on `first`.
    fn last(&self, first: Date) -> Date {
        days_after(first, self.within_days.saturating_sub(1))
    }

    /// Removes the earliest steps of `days` that complete the challenge within one window, and returns their days.
    fn take_complete(&self, days: &mut Vec<Date>) -> Option<Vec<Date>> {
        let mut choices = days.windows(self.times).map(|days| days.first().zip(days.last()));
        let place = choices.position(|ends| ends.is_some_and(|(first, last)| *last <= self.last(*first)))?;
        Some(days.drain(place..place.saturating_add(self.times)).collect())
    }

    /// Returns whether it has paid and does not repeat.
    fn is_over(&self, steps: &Steps) -> bool {
        steps.is_done && !self.repeats
    }

    /// Returns the maximum number of days to store if `span_days` days can still be posted: those of the windows in
    /// them, of one that has begun before, of one at the end, and one for days that a return restores.
    fn days_max(&self, span_days: i32) -> usize {
        let windows = span_days.checked_div(self.within_days).unwrap_or_default().saturating_add(3);
        usize::try_from(windows).map_or(DAYS_MAX, |windows| self.times.saturating_mul(windows)).min(DAYS_MAX)
    }

    /// Undoes the step of an accrual: returns the change of completions, and the remaining steps.
    ///
    /// If the accrual completed the challenge, that completion is undone, and its other steps are free again. If a
    /// later accrual completed it with this step, that completion is undone too, and one step is missing: the next one
    /// makes up for it. If points can only be deducted from their own accrual, the next step makes up for it without
    /// points.
    fn without(&self, matched: &Matched<'_>, restep: &Restep<'_>) -> (i64, Steps) {
        let mut after = matched.steps.clone();
        let mut completed = 0_i64;
        if let Some(own) = restep.own {
            // Days that made up for undone steps come first, and are gone.
            let made_up = usize::try_from(own.count).unwrap_or_default();
            let mut freed: i64 = 0;
            for day in own.removed.iter().skip(made_up) {
                put(&mut after.days, *day);
                after.is_done = false;
                freed = freed.saturating_add(1);
            }
            completed = freed.checked_div(self.times()).unwrap_or_default().saturating_neg();
        }
        // A step that is no longer stored was used by a completion, unless its days have passed and it was dropped.
        let is_used = !take(&mut after.days, matched.day) && restep.open.meet(matched.day, self.last(matched.day));
        if is_used {
            if after.count >= 0 && !matched.takes_own_only {
                completed = completed.saturating_sub(1);
                after.is_done = false;
            }
            after.count = after.count.saturating_sub(1);
            if after.count <= self.times().saturating_neg() && !matched.takes_own_only {
                // All steps of the completion were undone.
                after.count = 0;
            }
        }
        let is_missing = after.count < 0;
        make_up(&mut after);
        if is_missing && after.count == 0 && !matched.takes_own_only {
            completed = completed.saturating_add(1);
        }
        // Freed steps may complete the challenge together with later ones. A return completes no more than it undid:
        // under a later version the same steps may have been too few.
        while completed < 0 && !self.is_over(&after) && self.take_complete(&mut after.days).is_some() {
            completed = completed.saturating_add(1);
            after.is_done = !self.repeats;
        }
        (completed.min(0), after)
    }

    fn times(&self) -> i64 {
        i64::try_from(self.times).unwrap_or(TIMES_MAX)
    }
}

impl Strategy for Challenge {
    fn earn(&self, matched: &Matched<'_>) -> Option<Yield> {
        if self.is_over(matched.steps) {
            return Some(Points::ZERO.into());
        }
        let mut after = matched.steps.clone();
        put(&mut after.days, matched.day);
        let mut removed = make_up(&mut after);
        let made_up = matched.steps.count < 0 && after.count == 0;
        // Its points were reversed when a step went missing.
        let mut completed = i64::from(made_up && !matched.takes_own_only);
        after.is_done |= completed > 0 && !self.repeats;
        let mut progress = None;
        while !self.is_over(&after)
            && let Some(days) = self.take_complete(&mut after.days)
        {
            completed = completed.saturating_add(1);
            let by = days.first().map(|first| self.last(*first));
            progress = Some(Progress { done: self.times(), of: self.times(), by });
            after.is_done = !self.repeats;
            removed.extend(days);
        }
        Some(Yield {
            points: Points::ratio(completed, self.points, 1, Rounding::Floor)?,
            progress: progress.or_else(|| self.progress(&after, matched.today)),
            stepped: Some(StepsChange {
                taken: 1,
                count: after.count.saturating_sub(matched.steps.count),
                added: vec![matched.day],
                removed,
                done: (after.is_done != matched.steps.is_done).then_some(after.is_done),
            }),
        })
    }

    fn steps(&self, _: &Matched<'_>) -> Option<i64> {
        Some(1)
    }

    fn restep(&self, matched: &Matched<'_>, restep: &Restep<'_>) -> Option<Yield> {
        if restep.by > 0 {
            return self.earn(matched);
        }
        let (completed, after) = self.without(matched, restep);
        let after = self.remembered(after, restep.open);
        Some(Yield {
            points: Points::ratio(completed, self.points, 1, Rounding::Floor)?,
            progress: self.progress(&after, matched.today),
            stepped: Some(StepsChange::between(matched.steps, &after, restep.by)),
        })
    }

    fn suits(&self, on: &Trigger) -> bool {
        match on {
            Trigger::Purchase | Trigger::Activity(_) => true,
            Trigger::Enrollment | Trigger::Referral | Trigger::Birthday => false,
        }
    }

    fn progress(&self, steps: &Steps, today: Date) -> Option<Progress> {
        if self.is_over(steps) {
            return None;
        }
        // A till's clock may be ahead, past midnight.
        let today = steps.days.last().map_or(today, |last| today.max(*last));
        let mut open = steps.days.iter().filter(|day| self.last(**day) >= today);
        let by = open.clone().next().map(|first| self.last(*first));
        let done = open.by_ref().count();
        Some(Progress { done: i64::try_from(done).ok()?.saturating_add(steps.count.min(0)), of: self.times(), by })
    }

    fn remembered(&self, steps: Steps, open: &OpenDays) -> Steps {
        let is_done = self.is_over(&steps);
        let mut days = steps.days;
        days.retain(|day| open.meet(*day, self.last(*day)));
        days.drain(..days.len().saturating_sub(self.days_max(open.span_days())));
        Steps { count: steps.count.min(0), days, is_done }
    }

    fn remembered_bytes_max(&self, backdating_days_max: i32) -> usize {
        let days = vec![Date::MIN; self.days_max(backdating_days_max.saturating_add(2))];
        Steps { count: i64::MIN, days, is_done: true }.bytes()
    }
}

/// Inserts `day` into `days`, which stay in order.
fn put(days: &mut Vec<Date>, day: Date) {
    let place = days.partition_point(|other| *other <= day);
    days.insert(place, day);
}

/// Removes one `day` from `days`, and returns whether there was one.
fn take(days: &mut Vec<Date>, day: Date) -> bool {
    let place = days.iter().position(|other| *other == day);
    place.map(|place| days.remove(place)).is_some()
}

/// Uses the earliest steps to make up for undone steps that were paid for, and returns their days.
fn make_up(steps: &mut Steps) -> Vec<Date> {
    let mut made_up = Vec::new();
    while steps.count < 0 && !steps.days.is_empty() {
        made_up.push(steps.days.remove(0));
        steps.count = steps.count.saturating_add(1);
    }
    made_up
}

/// The fields of a challenge.
pub(super) const FIELDS: [Field; 4] = [
    Field::required("times", "The number of actions needed.", || integer(1..=TIMES_MAX)),
    Field::required("within_days", "The days within which the actions must take place.", || span(1..=WITHIN_DAYS_MAX)),
    Field::required("points", "The points given.", points),
    Field::optional("repeats", "Whether the challenge begins again.", boolean).or("false"),
];

/// The longest time of a challenge, in days.
const WITHIN_DAYS_MAX: i64 = 366;

pub(super) fn read(node: &Node<'_>) -> Option<Box<dyn Strategy>> {
    let fields = node.fields(&FIELDS)?;
    let times = fields.required("times").and_then(|node| node.integer(1..=TIMES_MAX));
    let within_days = fields.required("within_days").and_then(|node| node.span(1..=WITHIN_DAYS_MAX));
    let points = fields.required("points").and_then(|node| read_points(&node));
    let repeats = fields.read_or("repeats", false, read_boolean);
    Some(Box::new(Challenge {
        times: usize::try_from(times?).ok()?,
        within_days: within_days?,
        points: points?,
        repeats: repeats?,
    }))
}
