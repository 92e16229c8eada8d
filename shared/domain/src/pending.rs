//! Pending points: given, and not to be spent before a day has come or somebody has confirmed them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::points::Points;

/// What pending points wait for. Ordered by day, so that what happens first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaits {
    /// This day, on whose beginning they become spendable.
    Maturity(Date),
    /// A confirmation, and this is the last day on which it can come.
    Confirmation(Date),
}

impl Awaits {
    /// The day on whose beginning time does something about them: they mature, or they have lapsed.
    #[must_use]
    pub fn ends_on(self) -> Date {
        match self {
            Self::Maturity(day) => day,
            Self::Confirmation(last) => crate::calendar::days_after(last, 1),
        }
    }
}

/// The pending points of an account. Points that wait for the same are one sum, and an empty one is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending(BTreeMap<Awaits, Points>);

impl Pending {
    /// All points in them.
    #[must_use]
    pub fn total(&self) -> Points {
        self.0.values().copied().sum()
    }

    /// Each sum and what it waits for.
    pub fn iter(&self) -> impl Iterator<Item = (Awaits, Points)> {
        self.0.iter().map(|(awaits, points)| (*awaits, *points))
    }

    /// Adds `points` that wait for `awaits`.
    pub fn put(&mut self, awaits: Awaits, points: Points) {
        if points > Points::ZERO {
            *self.0.entry(awaits).or_default() += points;
        }
    }

    /// Takes up to `wanted` of the points that wait for `awaits`, and tells how many that were.
    pub fn take(&mut self, awaits: Awaits, wanted: Points) -> Points {
        let Some(points) = self.0.get_mut(&awaits) else { return Points::ZERO };
        let taken = wanted.min(*points).max(Points::ZERO);
        *points -= taken;
        self.0.retain(|_, points| !points.is_zero());
        taken
    }

    /// The next day on whose beginning time does something about them.
    #[must_use]
    pub fn next_day(&self) -> Option<Date> {
        self.0.keys().map(|awaits| awaits.ends_on()).min()
    }

    /// Takes out a sum whose time has come on `day`.
    pub fn take_ended(&mut self, day: Date) -> Option<(Awaits, Points)> {
        let awaits = *self.0.keys().filter(|awaits| awaits.ends_on() <= day).min_by_key(|awaits| awaits.ends_on())?;
        self.0.remove(&awaits).map(|points| (awaits, points))
    }
}

impl FromIterator<(Awaits, Points)> for Pending {
    fn from_iter<I: IntoIterator<Item = (Awaits, Points)>>(parts: I) -> Self {
        let mut pending = Self::default();
        for (awaits, points) in parts {
            pending.put(awaits, points);
        }
        pending
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn points_end_their_wait_on_their_own_day_soonest_first() {
        let confirmation = Awaits::Confirmation(date(2027, 5, 30));
        let maturity = Awaits::Maturity(date(2027, 5, 30));
        let mut pending: Pending = [(confirmation, Points::new(3)), (maturity, Points::new(4))].into_iter().collect();
        assert_eq!(pending.next_day(), Some(date(2027, 5, 30)));
        assert_eq!(pending.take_ended(date(2027, 5, 29)), None);
        assert_eq!(pending.take_ended(date(2027, 5, 30)), Some((maturity, Points::new(4))));
        assert_eq!(pending.take_ended(date(2027, 5, 30)), None, "a confirmation may come to the end of its last day");
        assert_eq!(pending.take_ended(date(2027, 5, 31)), Some((confirmation, Points::new(3))));
        assert_eq!(pending, Pending::default());
    }

    #[test]
    fn no_more_is_taken_than_waits() {
        let awaits = Awaits::Maturity(date(2027, 5, 30));
        let mut pending: Pending = [(awaits, Points::new(3))].into_iter().collect();
        assert_eq!(pending.take(Awaits::Maturity(date(2027, 5, 29)), Points::new(1)), Points::ZERO);
        assert_eq!(pending.take(awaits, Points::new(2)), Points::new(2));
        assert_eq!(pending.take(awaits, Points::new(2)), Points::new(1));
        assert_eq!(pending.total(), Points::ZERO);
    }
}
