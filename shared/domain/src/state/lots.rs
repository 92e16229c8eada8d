//! Lots: the spendable points of an account by the day on which they expire.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::values::{calendar::closest_neighbours, points::Points};

/// Most lots of an account.
///
/// Enough for a date in each month of three years, the longest life that is usual, so that merging meets only programs
/// whose points expire on the day itself. Sixteen bytes each, they are less than half of an account's second kilobyte.
pub const LOTS_MAX: usize = 40;

/// When a lot expires. Ordered, so that what expires soonest comes first and what never does comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expiry {
    /// The last day on which the points can be spent, in the program's time zone.
    On(Date),
    /// Not at all.
    Never,
}

impl Expiry {
    /// The last day on which the points can be spent; `None` if they never expire.
    #[must_use]
    pub fn on(self) -> Option<Date> {
        match self {
            Self::On(date) => Some(date),
            Self::Never => None,
        }
    }
}

impl From<Option<Date>> for Expiry {
    fn from(date: Option<Date>) -> Self {
        date.map_or(Self::Never, Self::On)
    }
}

impl Serialize for Expiry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.on().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Date>::deserialize(deserializer).map(Self::from)
    }
}

/// A signed change of one lot, as a ledger entry records it: `["2027-11-30", -100]`, or `[null, 5]` for points that
/// never expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotChange(pub Expiry, pub Points);

/// Points that expire on another day than they did, because one lot went over into a later one: the day on which they would
/// have expired, the day on which they do now, and how many they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotMove(pub Date, pub Date, pub Points);

impl LotMove {
    /// The changes of the two lots.
    #[must_use]
    pub fn changes(self) -> [LotChange; 2] {
        let Self(from, to, points) = self;
        [LotChange(Expiry::On(from), -points), LotChange(Expiry::On(to), points)]
    }
}

/// The spendable points of an account. Lots that share a date are one lot; an empty lot is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lots(BTreeMap<Expiry, Points>);

/// A lot that an item holds cannot be: a date twice, or no points in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LotInvalid;

impl Lots {
    /// The lots of `parts`, each with more than no points.
    ///
    /// # Errors
    ///
    /// A part without points, or two parts that expire on one day.
    pub fn from_parts(parts: impl IntoIterator<Item = (Expiry, Points)>) -> Result<Self, LotInvalid> {
        let mut lots = BTreeMap::new();
        for (expiry, points) in parts {
            if points <= Points::ZERO || lots.insert(expiry, points).is_some() {
                return Err(LotInvalid);
            }
        }
        Ok(Self(lots))
    }

    /// All points in them.
    #[must_use]
    pub fn total(&self) -> Points {
        self.0.values().copied().sum()
    }

    /// Each lot, soonest first.
    pub fn iter(&self) -> impl Iterator<Item = (Expiry, Points)> {
        self.0.iter().map(|(expiry, points)| (*expiry, *points))
    }

    /// The lot that expires soonest, if any ever does: its last day and its points.
    #[must_use]
    pub fn next_expiry(&self) -> Option<(Date, Points)> {
        self.iter().find_map(|(expiry, points)| expiry.on().map(|date| (date, points)))
    }

    /// Makes each of `changes`.
    pub(crate) fn apply(&mut self, changes: impl IntoIterator<Item = LotChange>) {
        for LotChange(expiry, points) in changes {
            *self.0.entry(expiry).or_default() += points;
        }
        self.0.retain(|_, points| !points.is_zero());
    }

    /// Puts `points` into the lot of `expiry`.
    pub fn put(&mut self, expiry: Expiry, points: Points) {
        if points > Points::ZERO {
            *self.0.entry(expiry).or_default() += points;
        }
    }

    /// Takes up to `wanted` points, from the lot that expires soonest on, and tells what each lot gave (negative).
    pub fn take(&mut self, wanted: Points) -> Vec<LotChange> {
        let mut left = wanted;
        let mut changes = Vec::new();
        for (expiry, points) in &mut self.0 {
            let taken = left.min(*points);
            if taken <= Points::ZERO {
                break;
            }
            *points -= taken;
            left -= taken;
            changes.push(LotChange(*expiry, -taken));
        }
        self.0.retain(|_, points| !points.is_zero());
        changes
    }

    /// Takes up to `wanted` points from the lot of `expiry`, and tells what that gave (negative). Where there is no such lot,
    /// its points may lie in the next later one, because lots only ever go over into later ones.
    pub fn take_from(&mut self, expiry: Expiry, wanted: Points) -> Option<LotChange> {
        let dated = |found: &Expiry| found.on().is_some() == expiry.on().is_some();
        let (found, points) = self.0.range_mut(expiry..).next().filter(|(found, _)| dated(found))?;
        let taken = wanted.min(*points);
        *points -= taken;
        let change = LotChange(*found, -taken);
        self.0.retain(|_, points| !points.is_zero());
        (taken > Points::ZERO).then_some(change)
    }

    /// Moves what expires before `date` to that day, and tells what went over.
    pub fn extend_to(&mut self, date: Date) -> Vec<LotMove> {
        let sooner: Vec<_> = self.0.range(..Expiry::On(date)).filter_map(|(expiry, _)| expiry.on()).collect();
        sooner.into_iter().filter_map(|from| self.join(from, date)).collect()
    }

    /// Makes one lot of two with the later date, [`closest_neighbours`] first, until there are no more than `most`, and tells
    /// what went over. What is over by `today` is left to expire, and what never expires is no neighbour of anything.
    pub fn merge(&mut self, most: usize, today: Date) -> Vec<LotMove> {
        let mut moves = Vec::new();
        while self.0.range(Expiry::On(today)..).count() > most {
            let days = self.0.range(Expiry::On(today)..).filter_map(|(expiry, _)| expiry.on()).map(|day| (day, day));
            let Some(joined) = closest_neighbours(days).and_then(|(from, to)| self.join(from, to)) else { break };
            moves.push(joined);
        }
        moves
    }

    /// Lets the lot of one day go over into that of another.
    fn join(&mut self, from: Date, to: Date) -> Option<LotMove> {
        let points = self.0.remove(&Expiry::On(from))?;
        self.put(Expiry::On(to), points);
        Some(LotMove(from, to, points))
    }

    /// The soonest lot whose last day lies before `today`.
    #[must_use]
    pub fn expired(&self, today: Date) -> Option<(Date, Points)> {
        self.next_expiry().filter(|(date, _)| *date < today)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn lots(parts: &[(Expiry, i64)]) -> Lots {
        Lots::from_parts(parts.iter().map(|(expiry, points)| (*expiry, Points::new(*points)))).unwrap()
    }

    const MAY: Expiry = Expiry::On(date(2027, 5, 31));
    const JUNE: Expiry = Expiry::On(date(2027, 6, 30));

    #[test]
    fn spending_takes_from_the_lot_that_expires_soonest() {
        let mut account = lots(&[(Expiry::Never, 5), (JUNE, 30), (MAY, 20)]);
        let changes = account.take(Points::new(45));
        assert_eq!(changes, [LotChange(MAY, Points::new(-20)), LotChange(JUNE, Points::new(-25))]);
        assert_eq!(account, lots(&[(JUNE, 5), (Expiry::Never, 5)]));
    }

    #[test]
    fn a_lot_can_be_spent_on_its_last_day_and_not_after() {
        let mut account = lots(&[(MAY, 20), (JUNE, 30)]);
        assert_eq!(account.expired(date(2027, 5, 31)), None);
        assert_eq!(account.expired(date(2027, 6, 1)), Some((date(2027, 5, 31), Points::new(20))));
        account.take(Points::new(20));
        assert_eq!(account.expired(date(2027, 6, 1)), None);
    }

    #[test]
    fn of_too_many_lots_the_closest_become_one_with_the_later_date() {
        let on = |month: i8, day: i8| Expiry::On(date(2027, month, day));
        let many = [(on(5, 1), 1), (on(5, 20), 2), (on(5, 31), 4), (on(6, 1), 8), (on(6, 30), 16), (Expiry::Never, 32)];
        for (most, today, expected) in [
            (6, date(2027, 1, 1), many.to_vec()),
            (5, date(2027, 5, 2), many.to_vec()),
            (5, date(2027, 5, 1), vec![many[0], (on(5, 31), 6), many[3], many[4], many[5]]),
            (2, date(2027, 5, 2), vec![many[0], (on(6, 30), 30), many[5]]),
            (4, date(2027, 1, 1), vec![many[0], (on(5, 31), 6), (on(6, 30), 24), many[5]]),
            (3, date(2027, 1, 1), vec![(on(5, 31), 7), (on(6, 30), 24), many[5]]),
            (2, date(2027, 1, 1), vec![(on(6, 30), 31), many[5]]),
            (1, date(2027, 1, 1), vec![(on(6, 30), 31), many[5]]),
        ] {
            let mut account = lots(&many);
            let moves = account.merge(most, today);
            assert_eq!(account, lots(&expected), "at most {most} on {today}");
            let mut told: BTreeMap<Expiry, Points> =
                many.iter().map(|(day, points)| (*day, Points::new(*points))).collect();
            for LotChange(expiry, points) in moves.into_iter().flat_map(LotMove::changes) {
                *told.entry(expiry).or_default() += points;
            }
            assert_eq!(Lots(told.into_iter().filter(|(_, points)| !points.is_zero()).collect()), account);
        }
    }

    #[test]
    fn extending_moves_what_is_sooner_and_nothing_else() {
        let mut account = lots(&[(MAY, 20), (JUNE, 30), (Expiry::Never, 5)]);
        assert_eq!(account.extend_to(date(2027, 5, 31)), []);
        let moved = LotMove(date(2027, 5, 31), date(2027, 6, 15), Points::new(20));
        assert_eq!(account.extend_to(date(2027, 6, 15)), [moved]);
        assert_eq!(account, lots(&[(Expiry::On(date(2027, 6, 15)), 20), (JUNE, 30), (Expiry::Never, 5)]));
        account.extend_to(date(2027, 7, 1));
        assert_eq!(account, lots(&[(Expiry::On(date(2027, 7, 1)), 50), (Expiry::Never, 5)]));
    }

    #[test]
    fn a_lot_that_has_gone_over_is_found_in_the_next_one_with_a_date() {
        let mut account = lots(&[(MAY, 20), (JUNE, 30), (Expiry::Never, 5)]);
        let taken = |expiry, points| Some(LotChange(expiry, Points::new(points)));
        assert_eq!(account.take_from(MAY, Points::new(15)), taken(MAY, -15));
        assert_eq!(account.take_from(MAY, Points::new(15)), taken(MAY, -5), "no more than the first that is found");
        assert_eq!(account.take_from(MAY, Points::new(15)), taken(JUNE, -15));
        assert_eq!(account.take_from(MAY, Points::ZERO), None);
        assert_eq!(account.take_from(Expiry::On(date(2027, 7, 1)), Points::new(1)), None);
        assert_eq!(account.take_from(Expiry::Never, Points::new(9)), taken(Expiry::Never, -5));
    }

    #[test]
    fn lots_that_share_a_date_are_one_and_an_empty_one_is_not_kept() {
        let mut account = Lots::default();
        account.put(MAY, Points::new(3));
        account.put(MAY, Points::new(4));
        account.put(JUNE, Points::ZERO);
        assert_eq!(account, lots(&[(MAY, 7)]));
        account.take(Points::new(7));
        assert_eq!(account, Lots::default());
    }
}
