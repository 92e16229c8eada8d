//! The auditor's books on a challenge: how many purchases of each day are still to be paid for.

use std::collections::BTreeMap;

use jiff::civil::Date;
use regulars_domain::steps::Steps;

use super::later;

/// So many purchases within so many days.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dare {
    pub(crate) times: i64,
    pub(crate) days: i64,
    pub(crate) points: i64,
    pub(crate) repeats: bool,
}

/// What a purchase did about it.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) points: i64,
    /// The days of the purchases that were paid for by it; `None` if it did not count.
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
            return Attempt { points: 0, paid_for: None };
        };
        self.add(day, 1);
        self.fill();
        let mut paid_for = Vec::new();
        let mut points = 0;
        while let Some(first) = self.enough_from(dare) {
            for _ in 0..dare.times {
                let day = *self.by_day.range(first..).find(|(_, count)| **count > 0).unwrap().0;
                self.add(day, -1);
                paid_for.push(day);
            }
            points += dare.points;
            self.won = !dare.repeats;
            if self.won {
                break;
            }
        }
        Attempt { points, paid_for: Some(paid_for) }
    }

    /// The first day from which on there are enough within the days of the dare.
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

    /// Undoes what a purchase of this day did.
    pub(super) fn undoes(&mut self, dare: Option<Dare>, attempt: &Attempt, day: Date, earliest: Date) {
        let (Some(dare), Some(paid_for)) = (dare, &attempt.paid_for) else { return };
        for day in paid_for {
            self.add(*day, 1);
            self.won = false;
        }
        if self.by_day.contains_key(&day) {
            self.add(day, -1);
        } else if matters(dare, day, earliest) {
            self.missing += 1;
        }
        self.fill();
        self.forgets(Some(dare), earliest);
    }

    /// Forgets what nothing from the day `earliest` on can go with.
    pub(super) fn forgets(&mut self, dare: Option<Dare>, earliest: Date) {
        if let Some(dare) = dare {
            self.by_day.retain(|day, _| matters(dare, *day, earliest));
            // Late days, today, and tomorrow for a clock that runs ahead; and three windows more.
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

    fn fill(&mut self) {
        while self.missing > 0
            && let Some(day) = self.by_day.keys().next().copied()
        {
            self.add(day, -1);
            self.missing -= 1;
        }
    }

    /// That the account remembers the same.
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
