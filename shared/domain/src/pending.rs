//! Pending points: given, and not to be spent before a day has come or somebody has confirmed them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{calendar::closest_neighbours, points::Points};

/// Most sums of pending points of an account: a wait of a month keeps a sum for each of its days, and a longer one, with
/// purchases on more days than these, merges some.
pub const PENDING_MAX: usize = 32;

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

/// A signed change of one sum of pending points, as a ledger entry records it: `[{"maturity":"2027-01-15"},-5]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingChange(pub Awaits, pub Points);

/// Points that wait for the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub points: Points,
    /// The last of the days on which they would have matured, if some of them mature sooner than they would have; their
    /// life is counted from it, so that what is spendable sooner does not expire sooner.
    pub lives_from: Option<Date>,
}

/// The pending points of an account. Points that wait for the same are one sum, and an empty one is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending(BTreeMap<Awaits, Sum>);

impl Pending {
    /// All points in them.
    #[must_use]
    pub fn total(&self) -> Points {
        self.0.values().map(|sum| sum.points).sum()
    }

    /// The points of each sum and what they wait for.
    pub fn iter(&self) -> impl Iterator<Item = (Awaits, Points)> {
        self.sums().map(|(awaits, sum)| (awaits, sum.points))
    }

    /// Each sum and what it waits for.
    pub fn sums(&self) -> impl Iterator<Item = (Awaits, Sum)> {
        self.0.iter().map(|(awaits, sum)| (*awaits, *sum))
    }

    /// Adds `points` that wait for `awaits`.
    pub fn put(&mut self, awaits: Awaits, points: Points) {
        self.add(awaits, Sum { points, lives_from: None });
    }

    /// Adds all that waits in `other`.
    pub fn absorb(&mut self, other: Self) {
        for (awaits, sum) in other.0 {
            self.add(awaits, sum);
        }
    }

    /// Takes up to `wanted` of the points that wait for `awaits`, and tells how many that were. What is missing there has gone
    /// over into other sums: of maturities into sooner ones, of confirmations into later ones.
    pub fn take(&mut self, awaits: Awaits, wanted: Points) -> Points {
        let mut left = wanted.max(Points::ZERO);
        let mut take = |sum: &mut Sum| {
            let taken = left.min(sum.points);
            sum.points -= taken;
            left -= taken;
        };
        match awaits {
            Awaits::Maturity(_) => self.0.range_mut(..=awaits).rev().for_each(|(_, sum)| take(sum)),
            Awaits::Confirmation(_) => self.0.range_mut(awaits..).for_each(|(_, sum)| take(sum)),
        }
        self.0.retain(|_, sum| !sum.points.is_zero());
        wanted.max(Points::ZERO) - left
    }

    /// The next day on whose beginning time does something about them.
    #[must_use]
    pub fn next_day(&self) -> Option<Date> {
        self.0.keys().map(|awaits| awaits.ends_on()).min()
    }

    /// Takes out a sum whose time has come on `day`.
    pub fn take_ended(&mut self, day: Date) -> Option<(Awaits, Sum)> {
        let awaits = *self.0.keys().filter(|awaits| awaits.ends_on() <= day).min_by_key(|awaits| awaits.ends_on())?;
        self.0.remove(&awaits).map(|sum| (awaits, sum))
    }

    /// Makes one of two sums, [`closest_neighbours`] first, until there are no more than `most`, and tells the changes. Both
    /// times the member gains: what matures does so on the sooner day, and what can be confirmed on the later one.
    pub fn merge(&mut self, most: usize) -> Vec<PendingChange> {
        let mut changes = Vec::new();
        while self.0.len() > most {
            let Some((from, to)) = self.next_merge() else { break };
            let Some(sum) = self.0.remove(&from) else { break };
            let lives_from = match from {
                Awaits::Maturity(day) => sum.lives_from.max(Some(day)),
                Awaits::Confirmation(_) => None,
            };
            self.add(to, Sum { lives_from, ..sum });
            changes.extend([PendingChange(from, -sum.points), PendingChange(to, sum.points)]);
        }
        changes
    }

    /// Which sum goes over into which: two maturities if there are two, else two confirmations. Both kinds stand side by side
    /// only while a program has just changed.
    fn next_merge(&self) -> Option<(Awaits, Awaits)> {
        let maturities = self.0.keys().filter_map(|awaits| match awaits {
            Awaits::Maturity(day) => Some(*day),
            Awaits::Confirmation(_) => None,
        });
        let confirmations = self.0.keys().filter_map(|awaits| match awaits {
            Awaits::Confirmation(last) => Some(*last),
            Awaits::Maturity(_) => None,
        });
        let matures = closest_neighbours(maturities);
        let is_confirmed = || closest_neighbours(confirmations);
        matures
            .map(|(soon, late)| (Awaits::Maturity(late), Awaits::Maturity(soon)))
            .or_else(|| is_confirmed().map(|(soon, late)| (Awaits::Confirmation(soon), Awaits::Confirmation(late))))
    }

    fn add(&mut self, awaits: Awaits, more: Sum) {
        if more.points > Points::ZERO {
            let sum = self.0.entry(awaits).or_default();
            sum.points += more.points;
            sum.lives_from = sum.lives_from.max(more.lives_from);
        }
    }
}

impl FromIterator<(Awaits, Points)> for Pending {
    fn from_iter<I: IntoIterator<Item = (Awaits, Points)>>(parts: I) -> Self {
        parts.into_iter().map(|(awaits, points)| (awaits, Sum { points, lives_from: None })).collect()
    }
}

impl FromIterator<(Awaits, Sum)> for Pending {
    fn from_iter<I: IntoIterator<Item = (Awaits, Sum)>>(parts: I) -> Self {
        let mut pending = Self::default();
        for (awaits, sum) in parts {
            pending.add(awaits, sum);
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
        let sum = |points| Sum { points: Points::new(points), lives_from: None };
        assert_eq!(pending.take_ended(date(2027, 5, 30)), Some((maturity, sum(4))));
        assert_eq!(pending.take_ended(date(2027, 5, 30)), None, "a confirmation may come to the end of its last day");
        assert_eq!(pending.take_ended(date(2027, 5, 31)), Some((confirmation, sum(3))));
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

    const fn may(day: i8) -> Date {
        date(2027, 5, day)
    }

    #[test]
    fn maturities_go_over_into_the_sooner_day_and_live_from_the_later_one() {
        let part = |day, points| (Awaits::Maturity(may(day)), Points::new(points));
        let mut pending: Pending = [part(1, 1), part(11, 2), part(13, 4), part(14, 8)].into_iter().collect();
        assert_eq!(pending.merge(4), []);
        let change = |day, points| PendingChange(Awaits::Maturity(may(day)), Points::new(points));
        assert_eq!(pending.merge(3), [change(14, -8), change(13, 8)]);
        assert_eq!(pending.merge(2), [change(13, -12), change(11, 12)]);
        let sum = |points, lives_from| Sum { points: Points::new(points), lives_from };
        let (soon, late) = (Awaits::Maturity(may(1)), Awaits::Maturity(may(11)));
        assert_eq!(pending.sums().collect::<Vec<_>>(), [(soon, sum(1, None)), (late, sum(14, Some(may(14))))]);
        // Those of the fourteenth lie with those of the eleventh, and no further than their own sum are any missed.
        assert_eq!(pending.take(Awaits::Maturity(may(14)), Points::new(8)), Points::new(8));
        assert_eq!(pending.take(Awaits::Maturity(may(13)), Points::new(7)), Points::new(7));
        assert_eq!(pending.sums().collect::<Vec<_>>(), []);
    }

    #[test]
    fn confirmations_go_over_into_the_later_last_day() {
        let part = |day, points| (Awaits::Confirmation(may(day)), Points::new(points));
        let mut pending: Pending = [part(1, 1), part(11, 2), part(13, 4)].into_iter().collect();
        let change = |day, points| PendingChange(Awaits::Confirmation(may(day)), Points::new(points));
        assert_eq!(pending.merge(2), [change(11, -2), change(13, 2)]);
        assert_eq!(pending, [part(1, 1), part(13, 6)].into_iter().collect());
        assert_eq!(pending.take(Awaits::Confirmation(may(11)), Points::new(2)), Points::new(2));
        assert_eq!(pending.take(Awaits::Confirmation(may(13)), Points::new(9)), Points::new(4));
        assert_eq!(pending, [part(1, 1)].into_iter().collect());
    }

    #[test]
    fn of_either_kind_one_is_left_and_they_never_meet() {
        let parts = [
            Awaits::Maturity(may(1)),
            Awaits::Maturity(may(2)),
            Awaits::Confirmation(may(1)),
            Awaits::Confirmation(may(2)),
        ];
        let mut pending: Pending = parts.into_iter().map(|awaits| (awaits, Points::new(1))).collect();
        pending.merge(0);
        let left: Vec<_> = pending.iter().collect();
        assert_eq!(left, [(Awaits::Maturity(may(1)), Points::new(2)), (Awaits::Confirmation(may(2)), Points::new(2))]);
    }
}
