//! Pending points: credited, but not spendable before a date or a confirmation.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    state::{
        lots::Expiry,
        unconfirmed::{self, Unconfirmed, UnconfirmedChange},
    },
    values::{calendar::closest_neighbours, points::Points},
};

/// Maximum number of sums of pending points of an account. A pending period of a month needs one sum per day; a longer
/// one, with purchases on more days, merges some.
pub const PENDING_MAX: usize = 32;

/// Maximum number of days under which unconfirmed accruals count toward a tier, over all sums. Accruals wait for a year
/// at most and are posted a year late at most, so one sum of them all covers at most the 26 months of these two years.
pub const UNCONFIRMED_MAX: usize = 28;

/// What pending points wait for. The order is by day, so that what happens first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaits {
    /// The day at whose beginning they become spendable, and their expiry, by the rules that gave them.
    Maturity(Date, Expiry),
    /// A confirmation, until this day.
    Confirmation(Date),
}

impl Awaits {
    /// Returns the day at whose beginning they mature or lapse.
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

/// Pending points that moved from one sum into another: what they waited for, what they wait for now, and the number of
/// points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingMove(pub Awaits, pub Awaits, pub Points);

impl PendingMove {
    /// Returns the changes of the two sums.
    #[must_use]
    pub fn changes(self) -> [PendingChange; 2] {
        let Self(from, to, points) = self;
        [PendingChange(from, -points), PendingChange(to, points)]
    }
}

/// The pending points of an account, and what else its unconfirmed accruals count. Points that wait for the same event
/// are one sum, and an empty one is not stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    points: BTreeMap<Awaits, Points>,
    unconfirmed: BTreeMap<Date, Unconfirmed>,
}

impl Pending {
    /// Returns these points with what unconfirmed accruals count, by the last day on which they can be confirmed.
    #[must_use]
    pub fn with_unconfirmed(mut self, unconfirmed: BTreeMap<Date, Unconfirmed>) -> Self {
        self.unconfirmed = unconfirmed;
        self
    }

    /// Returns all points.
    #[must_use]
    pub fn total(&self) -> Points {
        self.points.values().copied().sum()
    }

    /// Returns each sum with points, and what it waits for.
    pub fn iter(&self) -> impl Iterator<Item = (Awaits, Points)> {
        self.points.iter().map(|(awaits, points)| (*awaits, *points))
    }

    /// Returns what unconfirmed accruals count, by the last day on which they can be confirmed.
    #[must_use]
    pub fn unconfirmed(&self) -> &BTreeMap<Date, Unconfirmed> {
        &self.unconfirmed
    }

    /// Returns what each sum waits for.
    fn sums(&self) -> BTreeSet<Awaits> {
        self.points.keys().copied().chain(self.unconfirmed.keys().copied().map(Awaits::Confirmation)).collect()
    }

    /// Applies each of `changes`.
    pub(crate) fn apply(&mut self, changes: impl IntoIterator<Item = PendingChange>) {
        for PendingChange(awaits, points) in changes {
            *self.points.entry(awaits).or_default() += points;
        }
        self.points.retain(|_, points| !points.is_zero());
    }

    /// Applies each of `changes` of what unconfirmed accruals count.
    pub(crate) fn apply_unconfirmed<'a>(&mut self, changes: impl IntoIterator<Item = &'a UnconfirmedChange>) {
        unconfirmed::apply(&mut self.unconfirmed, changes);
    }

    /// Moves one sum into another, with everything that its accruals count.
    pub(crate) fn apply_move(&mut self, moved: PendingMove) {
        self.apply(moved.changes());
        if let PendingMove(Awaits::Confirmation(from), Awaits::Confirmation(to), _) = moved
            && let Some(gone) = self.unconfirmed.remove(&from)
        {
            self.apply_unconfirmed([&UnconfirmedChange(to, gone)]);
        }
    }

    /// Takes up to `wanted` of the points that wait for `awaits`, and returns the changes (negative). Points that are
    /// missing there have moved into other sums: maturities into earlier ones, confirmations into later ones.
    pub fn take(&mut self, awaits: Awaits, wanted: Points) -> Vec<PendingChange> {
        let mut left = wanted.max(Points::ZERO);
        let others: Vec<_> = match awaits {
            Awaits::Maturity(day, _) => {
                self.points.range(..=Awaits::Maturity(day, Expiry::Never)).rev().map(|(other, _)| *other).collect()
            }
            Awaits::Confirmation(_) => self.points.range(awaits..).map(|(other, _)| *other).collect(),
        };
        let mut changes = Vec::new();
        for from in std::iter::once(awaits).chain(others.into_iter().filter(|other| *other != awaits)) {
            let taken = left.min(self.points.get(&from).copied().unwrap_or_default());
            if taken > Points::ZERO {
                left -= taken;
                changes.push(PendingChange(from, -taken));
            }
        }
        self.apply(changes.iter().copied());
        changes
    }

    /// Returns the changes that remove `wanted` from what accruals count that can be confirmed by `last`, as far as it
    /// is there.
    pub(crate) fn unconfirmed_taken(&self, last: Date, wanted: &Unconfirmed) -> Vec<UnconfirmedChange> {
        unconfirmed::taken(&self.unconfirmed, last, wanted)
    }

    /// Returns the next day at whose beginning points mature or lapse.
    #[must_use]
    pub fn next_day(&self) -> Option<Date> {
        self.sums().into_iter().map(Awaits::ends_on).min()
    }

    /// Returns the next sum that has matured or lapsed on `day`.
    #[must_use]
    pub fn ended(&self, day: Date) -> Option<Awaits> {
        self.sums().into_iter().filter(|awaits| awaits.ends_on() <= day).min_by_key(|awaits| awaits.ends_on())
    }

    /// Merges two sums, [`closest_neighbours`] first, until there are at most `most`, and returns the moves. The member
    /// gains in both ways: maturing points mature on the earlier day and expire by the later expiry, and points to be
    /// confirmed can be confirmed until the later day. Confirmations are also merged while their accruals count under
    /// more than [`UNCONFIRMED_MAX`] days.
    pub fn merge(&mut self, most: usize) -> Vec<PendingMove> {
        let mut moves = Vec::new();
        loop {
            let counted: usize = self.unconfirmed.values().map(|unconfirmed| unconfirmed.qualifying.len()).sum();
            let merge = if counted > UNCONFIRMED_MAX { self.next_confirmations() } else { None };
            let merge = merge.or_else(|| if self.sums().len() > most { self.next_merge() } else { None });
            let Some((one, other, into)) = merge else { break };
            for from in [one, other].into_iter().filter(|from| *from != into) {
                let sum = PendingMove(from, into, self.points.get(&from).copied().unwrap_or_default());
                self.apply_move(sum);
                moves.push(sum);
            }
        }
        moves
    }

    /// Returns the two sums to merge, and the result: two maturities if there are two, else two confirmations. Both
    /// kinds occur together only after a program has changed.
    fn next_merge(&self) -> Option<(Awaits, Awaits, Awaits)> {
        let maturities = self.points.keys().filter_map(|awaits| match awaits {
            Awaits::Maturity(day, expiry) => Some((*day, (*day, *expiry))),
            Awaits::Confirmation(_) => None,
        });
        let matures = closest_neighbours(maturities).map(|((soon, expiry), (late, other))| {
            let into = Awaits::Maturity(soon, expiry.max(other));
            (Awaits::Maturity(soon, expiry), Awaits::Maturity(late, other), into)
        });
        matures.or_else(|| self.next_confirmations())
    }

    /// Returns the two confirmations to merge, and the result.
    fn next_confirmations(&self) -> Option<(Awaits, Awaits, Awaits)> {
        let sums = self.sums();
        let confirmations = sums.iter().filter_map(|awaits| match awaits {
            Awaits::Confirmation(last) => Some((*last, *last)),
            Awaits::Maturity(..) => None,
        });
        let (soon, late) = closest_neighbours(confirmations)?;
        Some((Awaits::Confirmation(soon), Awaits::Confirmation(late), Awaits::Confirmation(late)))
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
    use crate::state::qualifying::Qualifying;

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
        assert_eq!(waiting.ended(may(30)), Some(matures(30)));
        waiting.take(matures(30), Points::new(4));
        assert_eq!(waiting.ended(may(30)), None, "a confirmation may come to the end of its last day");
        assert_eq!(waiting.ended(may(31)), Some(confirmation));
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
        // Those of the fourteenth are now in the sum of the eleventh.
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

    fn counts(from: Date, points: i64) -> Unconfirmed {
        let amount = Qualifying { points, spend: points, visits: 1 };
        Unconfirmed { qualifying: [(from, amount)].into(), paid: points, purchases: 1, referrals: 0 }
    }

    #[test]
    fn what_accruals_count_is_merged_with_their_points_and_is_found_there() {
        let (first, last) = (date(2027, 1, 1), |day| Awaits::Confirmation(may(day)));
        let mut waiting = pending(&[(last(1), 1), (last(13), 4)]);
        let changes =
            [(1, 1), (11, 2), (13, 4)].map(|(day, points)| UnconfirmedChange(may(day), counts(first, points)));
        waiting.apply_unconfirmed(&changes);
        assert_eq!((waiting.next_day(), waiting.ended(may(12))), (Some(may(2)), Some(last(1))));
        // A sum without points is a sum too.
        assert_eq!(waiting.merge(3), []);
        assert_eq!(waiting.merge(2), [PendingMove(last(11), last(13), Points::ZERO)]);
        let all: Vec<_> =
            waiting.unconfirmed().iter().map(|(day, counts)| (*day, counts.paid, counts.purchases)).collect();
        assert_eq!(all, [(may(1), 1, 1), (may(13), 6, 2)]);

        let taken = waiting.unconfirmed_taken(may(11), &counts(first, 2));
        assert_eq!(taken, [UnconfirmedChange(may(13), counts(first, 2).negated())]);
        waiting.apply_unconfirmed(&taken);
        // From a merged account, under another day than the entry recorded.
        let taken = waiting.unconfirmed_taken(may(13), &counts(date(2026, 7, 1), 9));
        assert_eq!(taken, [UnconfirmedChange(may(13), counts(first, 4).negated())], "no more than there is");
        waiting.apply_unconfirmed(&taken);
        assert_eq!(waiting.unconfirmed_taken(may(2), &counts(first, 1)), []);
        assert_eq!(waiting.sums().len(), 2, "the points are still there");
    }

    #[test]
    fn confirmations_become_one_while_they_count_under_too_many_days() {
        let mut waiting = pending(&[(matures(1), 1), (matures(2), 1)]);
        let months =
            (0..3_i16).flat_map(|year| (1..=12_i8).map(move |month| date(year.saturating_add(2024), month, 1)));
        let months = months.take(UNCONFIRMED_MAX);
        let changes: Vec<_> = months.map(|month| UnconfirmedChange(may(10), counts(month, 1))).collect();
        waiting.apply_unconfirmed(&changes);
        assert_eq!(waiting.merge(PENDING_MAX), [], "as many as there may be");
        waiting.apply_unconfirmed(&[UnconfirmedChange(may(11), counts(date(2024, 1, 1), 1))]);
        let moved = PendingMove(Awaits::Confirmation(may(10)), Awaits::Confirmation(may(11)), Points::ZERO);
        assert_eq!(waiting.merge(PENDING_MAX), [moved]);
        assert_eq!(waiting.unconfirmed()[&may(11)].purchases, 29);
    }

    #[test]
    fn of_either_kind_one_is_left_and_they_never_meet() {
        let parts = [matures(1), matures(2), Awaits::Confirmation(may(1)), Awaits::Confirmation(may(2))];
        let mut waiting = pending(&parts.map(|awaits| (awaits, 1)));
        waiting.merge(0);
        assert_eq!(waiting, pending(&[(matures(1), 2), (Awaits::Confirmation(may(2)), 2)]));
    }
}
