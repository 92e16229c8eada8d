//! The auditor's books on a challenge: the unpaid purchases of each day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use regulars_domain::steps::Steps;

use super::later;

/// A number of purchases within a number of days.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dare {
    pub(crate) times: i64,
    pub(crate) days: i64,
    pub(crate) points: i64,
    pub(crate) repeats: bool,
}

/// The effect of a purchase on it.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) points: i64,
    /// The points for completions.
    completed: i64,
    /// The days of the purchases that it paid for; `None` if it did not count.
    paid_for: Option<Vec<Date>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    by_day: BTreeMap<Date, i64>,
    /// Purchases that were paid for, and returned.
    missing: i64,
    won: bool,
}

impl Tally {
    /// Counts a purchase.
    pub(super) fn counts(&mut self, dare: Option<Dare>, day: Date) -> Attempt {
        let Some(dare) = dare.filter(|dare| dare.repeats || !self.won) else {
            return Attempt { points: 0, completed: 0, paid_for: None };
        };
        self.add(day, 1);
        let mut paid_for = Vec::new();
        // The step makes up for a missing one, and its points return with it.
        let mut points = if self.fill() { dare.points } else { 0 };
        let completed_from = points;
        self.won |= points > 0 && !dare.repeats;
        points += self.completed(dare, &mut paid_for, i64::MAX);
        Attempt { points, completed: points - completed_from, paid_for: Some(paid_for) }
    }

    /// Pays for each complete set of purchases, at most `most` times, and returns the points.
    fn completed(&mut self, dare: Dare, paid_for: &mut Vec<Date>, most: i64) -> i64 {
        let mut points = 0;
        while points / dare.points < most
            && (dare.repeats || !self.won)
            && let Some(first) = self.enough_from(dare)
        {
            for _ in 0..dare.times {
                let day = *self.by_day.range(first..).find(|(_, count)| **count > 0).unwrap().0;
                self.add(day, -1);
                paid_for.push(day);
            }
            points += dare.points;
            self.won = !dare.repeats;
        }
        points
    }

    /// Returns the first day from which enough purchases are within the days of the challenge.
    fn enough_from(&self, dare: Dare) -> Option<Date> {
        let mut day = *self.by_day.keys().next()?;
        let last = *self.by_day.keys().next_back()?;
        while day <= last {
            let within: i64 = self.by_day.range(day..later(day, dare.days)).map(|(_, count)| count).sum();
            if within >= dare.times {
                return Some(day);
            }
            day = day.tomorrow().unwrap();
        }
        None
    }

    /// Undoes the effect of a purchase of this day, and returns the change of points. If the rules no longer know the
    /// challenge, a step that was paid for with another purchase is only missing.
    pub(super) fn undoes(
        &mut self,
        dare: Option<Dare>,
        attempt: &Attempt,
        day: Date,
        earliest: Date,
        own_only: bool,
    ) -> i64 {
        let (Some(dare), Some(paid_for)) = (dare, &attempt.paid_for) else { return 0 };
        let mut change = -attempt.completed;
        for day in paid_for {
            self.add(*day, 1);
            self.won = false;
        }
        if self.by_day.contains_key(&day) {
            self.add(day, -1);
        } else if matters(dare, day, earliest) {
            if self.missing == 0 && !own_only {
                change -= dare.points;
                self.won = false;
            }
            self.missing += 1;
            if self.missing == dare.times && !own_only {
                self.missing = 0;
            }
        }
        if self.fill() && !own_only {
            change += dare.points;
        }
        // Freed purchases may complete it together with later ones.
        change += self.completed(dare, &mut Vec::new(), -change / dare.points);
        self.forgets(Some(dare), earliest);
        change.min(0)
    }

    /// Drops what cannot be combined with anything from the day `earliest` on.
    pub(super) fn forgets(&mut self, dare: Option<Dare>, earliest: Date) {
        if let Some(dare) = dare {
            self.by_day.retain(|day, _| matters(dare, *day, earliest));
            // Late days, today, tomorrow for a clock that is ahead, and three more windows.
            let windows = (i64::from(super::BACKDATING_DAYS_MAX) + 2) / dare.days + 3;
            while self.by_day.values().sum::<i64>() > (dare.times * windows).min(100) {
                let first = *self.by_day.keys().next().unwrap();
                self.add(first, -1);
            }
            self.won &= !dare.repeats;
        }
    }

    fn add(&mut self, day: Date, count: i64) {
        *self.by_day.entry(day).or_default() += count;
        self.by_day.retain(|_, count| *count > 0);
    }

    /// Makes steps fill missing ones, and returns whether none is missing any more.
    fn fill(&mut self) -> bool {
        let before = self.missing;
        while self.missing > 0
            && let Some(day) = self.by_day.keys().next().copied()
        {
            self.add(day, -1);
            self.missing -= 1;
        }
        before > 0 && self.missing == 0
    }

    /// Asserts that the account stores the same.
    pub(super) fn audit(&self, steps: Option<&Steps>) {
        let steps = steps.cloned().unwrap_or_default();
        let mut by_day = BTreeMap::new();
        for day in &steps.days {
            *by_day.entry(*day).or_insert(0) += 1;
        }
        assert!(steps.days.is_sorted());
        assert_eq!((by_day, -steps.count), (self.by_day.clone(), self.missing), "other steps than the books say");
        assert_eq!(steps.is_done, self.won);
    }
}

fn matters(dare: Dare, day: Date, earliest: Date) -> bool {
    later(day, dare.days - 1) >= earliest
}
