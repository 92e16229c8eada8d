//! Pending points: given, and not to be spent before a day has come or somebody has confirmed them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    state::lots::Expiry,
    values::{calendar::closest_neighbours, points::Points},
};

/// Most sums of pending points of an account: a wait of a month keeps a sum for each of its days, and a longer one, with
/// purchases on more days than these, merges some.
pub const PENDING_MAX: usize = 32;

/// What pending points wait for. Ordered by day, so that what happens first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaits {
    /// This day, on whose beginning they become spendable, and how long they can be spent then: what the rules said that
    /// gave them.
    Maturity(Date, Expiry),
    /// A confirmation, and this is the last day on which it can come.
    Confirmation(Date),
}

impl Awaits {
    /// The day on whose beginning time does something about them: they mature, or they have lapsed.
    #[must_use]
    pub fn ends_on(self) -> Date {
        match self {
            Self::Maturity(day, _) => day,
            Self::Confirmation(last) => crate::values::calendar::days_after(last, 1),
        }
    }
}

/// A signed change of one sum of pending points, as a ledger entry records it: `[{"confirmation":"2027-01-15"},-5]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingChange(pub Awaits, pub Points);

/// Pending points that went over from one sum into another: what they waited for, what they wait for now, and how many
/// they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingMove(pub Awaits, pub Awaits, pub Points);

impl PendingMove {
    /// The changes of the two sums.
    #[must_use]
    pub fn changes(self) -> [PendingChange; 2] {
        let Self(from, to, points) = self;
        [PendingChange(from, -points), PendingChange(to, points)]
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

    /// The points of each sum and what they wait for.
    pub fn iter(&self) -> impl Iterator<Item = (Awaits, Points)> {
        self.0.iter().map(|(awaits, points)| (*awaits, *points))
    }

    /// Makes each of `changes`.
    pub(crate) fn apply(&mut self, changes: impl IntoIterator<Item = PendingChange>) {
        for PendingChange(awaits, points) in changes {
            *self.0.entry(awaits).or_default() += points;
        }
        self.0.retain(|_, points| !points.is_zero());
    }

    /// Takes up to `wanted` of the points that wait for `awaits`, and tells what each sum gave (negative). What is missing
    /// there has gone over into other sums: of maturities into sooner ones, of confirmations into later ones.
    pub fn take(&mut self, awaits: Awaits, wanted: Points) -> Vec<PendingChange> {
        let mut left = wanted.max(Points::ZERO);
        let others: Vec<_> = match awaits {
            Awaits::Maturity(day, _) => {
                self.0.range(..=Awaits::Maturity(day, Expiry::Never)).rev().map(|(other, _)| *other).collect()
            }
            Awaits::Confirmation(_) => self.0.range(awaits..).map(|(other, _)| *other).collect(),
        };
        let mut changes = Vec::new();
        for from in std::iter::once(awaits).chain(others.into_iter().filter(|other| *other != awaits)) {
            let taken = left.min(self.0.get(&from).copied().unwrap_or_default());
            if taken > Points::ZERO {
                left -= taken;
                changes.push(PendingChange(from, -taken));
            }
        }
        self.apply(changes.iter().copied());
        changes
    }

    /// The next day on whose beginning time does something about them.
    #[must_use]
    pub fn next_day(&self) -> Option<Date> {
        self.0.keys().map(|awaits| awaits.ends_on()).min()
    }

    /// The next sum whose time has come on `day`.
    #[must_use]
    pub fn ended(&self, day: Date) -> Option<(Awaits, Points)> {
        self.iter().filter(|(awaits, _)| awaits.ends_on() <= day).min_by_key(|(awaits, _)| awaits.ends_on())
    }

    /// Makes one of two sums, [`closest_neighbours`] first, until there are no more than `most`, and tells the moves. The
    /// member gains both times: what matures does so on the sooner day and lives as long as the longer-lived, and what can be
    /// confirmed can be so until the later day.
    pub fn merge(&mut self, most: usize) -> Vec<PendingMove> {
        let mut moves = Vec::new();
        while self.0.len() > most {
            let Some((one, other, into)) = self.next_merge() else { break };
            for from in [one, other] {
                if from != into
                    && let Some(points) = self.0.remove(&from)
                {
                    self.apply([PendingChange(into, points)]);
                    moves.push(PendingMove(from, into, points));
                }
            }
        }
        moves
    }

    /// The two sums to make one of, and what they are then: two maturities if there are two, else two confirmations. Both
    /// kinds stand side by side only when a program has changed.
    fn next_merge(&self) -> Option<(Awaits, Awaits, Awaits)> {
        let maturities = self.0.keys().filter_map(|awaits| match awaits {
            Awaits::Maturity(day, expiry) => Some((*day, (*day, *expiry))),
            Awaits::Confirmation(_) => None,
        });
        let confirmations = self.0.keys().filter_map(|awaits| match awaits {
            Awaits::Confirmation(last) => Some((*last, *last)),
            Awaits::Maturity(..) => None,
        });
        let matures = closest_neighbours(maturities).map(|((soon, expiry), (late, other))| {
            let into = Awaits::Maturity(soon, expiry.max(other));
            (Awaits::Maturity(soon, expiry), Awaits::Maturity(late, other), into)
        });
        matures.or_else(|| {
            let (soon, late) = closest_neighbours(confirmations)?;
            Some((Awaits::Confirmation(soon), Awaits::Confirmation(late), Awaits::Confirmation(late)))
        })
    }
}

impl FromIterator<(Awaits, Points)> for Pending {
    fn from_iter<I: IntoIterator<Item = (Awaits, Points)>>(parts: I) -> Self {
        let mut pending = Self::default();
        pending.apply(parts.into_iter().map(|(awaits, points)| PendingChange(awaits, points)));
        pending
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const fn may(day: i8) -> Date {
        date(2027, 5, day)
    }

    const fn matures(day: i8) -> Awaits {
        Awaits::Maturity(may(day), Expiry::Never)
    }

    fn pending(parts: &[(Awaits, i64)]) -> Pending {
        parts.iter().map(|(awaits, points)| (*awaits, Points::new(*points))).collect()
    }

    #[test]
    fn points_end_their_wait_on_their_own_day_soonest_first() {
        let confirmation = Awaits::Confirmation(may(30));
        let mut waiting = pending(&[(confirmation, 3), (matures(30), 4)]);
        assert_eq!(waiting.next_day(), Some(may(30)));
        assert_eq!(waiting.ended(may(29)), None);
        assert_eq!(waiting.ended(may(30)), Some((matures(30), Points::new(4))));
        waiting.take(matures(30), Points::new(4));
        assert_eq!(waiting.ended(may(30)), None, "a confirmation may come to the end of its last day");
        assert_eq!(waiting.ended(may(31)), Some((confirmation, Points::new(3))));
    }

    #[test]
    fn no_more_is_taken_than_waits() {
        let mut waiting = pending(&[(matures(30), 3)]);
        assert_eq!(waiting.take(matures(29), Points::new(1)), []);
        assert_eq!(waiting.take(matures(30), Points::new(2)), [PendingChange(matures(30), Points::new(-2))]);
        assert_eq!(waiting.take(matures(30), Points::new(2)), [PendingChange(matures(30), Points::new(-1))]);
        assert_eq!(waiting, Pending::default());
    }

    #[test]
    fn points_that_expire_on_other_days_are_sums_of_their_own() {
        let (soon, late) =
            (Awaits::Maturity(may(1), Expiry::On(may(9))), Awaits::Maturity(may(1), Expiry::On(may(20))));
        let mut waiting = pending(&[(soon, 1), (late, 2)]);
        assert_eq!(waiting.take(late, Points::new(2)), [PendingChange(late, Points::new(-2))]);
        assert_eq!(waiting, pending(&[(soon, 1)]));
    }

    #[test]
    fn maturities_go_over_into_the_sooner_day_and_live_as_long_as_the_longer_lived() {
        let lives = |day: i8, expires: i8| Awaits::Maturity(may(day), Expiry::On(date(2028, 5, expires)));
        let parts = [(lives(1, 1), 1), (lives(11, 11), 2), (lives(13, 13), 4), (lives(14, 14), 8)];
        let mut waiting = pending(&parts);
        assert_eq!(waiting.merge(4), []);
        let moved = |from, to, points| PendingMove(from, to, Points::new(points));
        assert_eq!(waiting.merge(3), [moved(lives(13, 13), lives(13, 14), 4), moved(lives(14, 14), lives(13, 14), 8)]);
        assert_eq!(waiting.merge(2), [moved(lives(11, 11), lives(11, 14), 2), moved(lives(13, 14), lives(11, 14), 12)]);
        assert_eq!(waiting, pending(&[(lives(1, 1), 1), (lives(11, 14), 14)]));
        // Those of the fourteenth lie with those of the eleventh now.
        assert_eq!(waiting.take(lives(14, 14), Points::new(8)), [PendingChange(lives(11, 14), Points::new(-8))]);
    }

    #[test]
    fn confirmations_go_over_into_the_later_last_day() {
        let last = |day| Awaits::Confirmation(may(day));
        let mut waiting = pending(&[(last(1), 1), (last(11), 2), (last(13), 4)]);
        assert_eq!(waiting.merge(2), [PendingMove(last(11), last(13), Points::new(2))]);
        assert_eq!(waiting, pending(&[(last(1), 1), (last(13), 6)]));
        assert_eq!(waiting.take(last(11), Points::new(2)), [PendingChange(last(13), Points::new(-2))]);
        waiting.take(last(13), Points::new(9));
        assert_eq!(waiting, pending(&[(last(1), 1)]));
    }

    #[test]
    fn of_either_kind_one_is_left_and_they_never_meet() {
        let parts = [matures(1), matures(2), Awaits::Confirmation(may(1)), Awaits::Confirmation(may(2))];
        let mut waiting = pending(&parts.map(|awaits| (awaits, 1)));
        waiting.merge(0);
        assert_eq!(waiting, pending(&[(matures(1), 2), (Awaits::Confirmation(may(2)), 2)]));
    }
}
