//! Lots: the spendable points of an account by the day on which they expire.

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::values::{calendar::closest_neighbours, points::Points};

/// Maximum number of lots of an account.
///
/// Enough for a date in each month of three years, the longest usual lifetime, so that lots are merged only if points
/// expire on the exact day. At sixteen bytes each, they are less than half of an account's second kilobyte.
pub const LOTS_MAX: usize = 40;

/// When a lot expires. The order puts what expires soonest first and what never expires last. Of two with the same last
/// day, the one with the earlier limit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// The last day on which the points can be spent, in the program's time zone.
    On(Date),
    /// The last day on which the points can be spent, and the latest day to which activity can extend it.
    Limited(Date, Date),
    /// Never.
    Never,
}

impl Expiry {
    /// The last day on which the points can be spent; `None` if they never expire.
    #[must_use]
    pub fn on(self) -> Option<Date> {
        match self {
            Self::On(date) | Self::Limited(date, _) => Some(date),
            Self::Never => None,
        }
    }

    /// The latest day to which activity can extend the points; `None` without such a day.
    #[must_use]
    pub fn limit(self) -> Option<Date> {
        match self {
            Self::Limited(_, limit) => Some(limit),
            Self::On(_) | Self::Never => None,
        }
    }

    /// Returns the expiry of these points once activity has extended them to `day`, as far as it can.
    #[must_use]
    pub fn extended_to(self, day: Date) -> Self {
        match self {
            Self::On(date) => Self::On(date.max(day)),
            Self::Limited(date, limit) => Self::Limited(date.max(day.min(limit)), limit),
            Self::Never => Self::Never,
        }
    }

    /// Returns an expiry on `day` or later, regardless of its limit.
    #[must_use]
    pub fn at_least(self, day: Date) -> Self {
        match self {
            Self::On(date) => Self::On(date.max(day)),
            Self::Limited(date, limit) => Self::Limited(date.max(day), limit.max(day)),
            Self::Never => Self::Never,
        }
    }

    /// Returns the first expiry on `day`, in the order of all.
    fn first_on(day: Date) -> Self {
        Self::Limited(day, Date::MIN)
    }

    /// Returns the expiry of two lots that are merged: no earlier, and with no earlier limit, than either. Both have a
    /// last day.
    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::Limited(one, limit), Self::Limited(other, other_limit)) => {
                Self::Limited(one.max(other), limit.max(other_limit))
            }
            (Self::On(one) | Self::Limited(one, _), Self::On(other)) | (Self::On(one), Self::Limited(other, _)) => {
                Self::On(one.max(other))
            }
            (Self::Never, _) | (_, Self::Never) => Self::Never,
        }
    }
}

impl Ord for Expiry {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |expiry: &Self| match expiry {
            Self::On(date) => (false, *date, true, Date::MAX),
            Self::Limited(date, limit) => (false, *date, false, *limit),
            Self::Never => (true, Date::MAX, true, Date::MAX),
        };
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Expiry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<Option<Date>> for Expiry {
    fn from(date: Option<Date>) -> Self {
        date.map_or(Self::Never, Self::On)
    }
}

/// Writes a date, a pair of dates, or `null`.
impl Serialize for Expiry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::On(date) => date.serialize(serializer),
            Self::Limited(date, limit) => (date, limit).serialize(serializer),
            Self::Never => serializer.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            On(Date),
            Limited(Date, Date),
        }
        Ok(match Option::<Written>::deserialize(deserializer)? {
            Some(Written::On(date)) => Self::On(date),
            Some(Written::Limited(date, limit)) => Self::Limited(date, limit),
            None => Self::Never,
        })
    }
}

/// A signed change of one lot, as a ledger entry records it: `["2027-11-30", -100]`, `[["2027-11-30", "2028-11-30"], -100]` for
/// points that activity can extend to the second day, or `[null, 5]` for points that never expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotChange(pub Expiry, pub Points);

/// Points that moved from one lot to a later one: their earlier expiry, their new expiry, and the number of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotMove(pub Expiry, pub Expiry, pub Points);

impl LotMove {
    /// Returns the changes of the two lots.
    #[must_use]
    pub fn changes(self) -> [LotChange; 2] {
        let Self(from, to, points) = self;
        [LotChange(from, -points), LotChange(to, points)]
    }
}

/// The spendable points of an account. Points that share an expiry are one lot; an empty lot is not stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lots(BTreeMap<Expiry, Points>);

/// Invalid lots in an item: an expiry occurs twice, or a lot has no points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LotInvalid;

impl Lots {
    /// Returns lots from `parts`, each with more than 0 points.
    ///
    /// # Errors
    ///
    /// A part has no points, or two parts have the same expiry.
    pub fn from_parts(parts: impl IntoIterator<Item = (Expiry, Points)>) -> Result<Self, LotInvalid> {
        let mut lots = BTreeMap::new();
        for (expiry, points) in parts {
            if points <= Points::ZERO || lots.insert(expiry, points).is_some() {
                return Err(LotInvalid);
            }
        }
        Ok(Self(lots))
    }

    /// Returns all points.
    #[must_use]
    pub fn total(&self) -> Points {
        self.0.values().copied().sum()
    }

    /// Returns each lot, soonest first.
    pub fn iter(&self) -> impl Iterator<Item = (Expiry, Points)> {
        self.0.iter().map(|(expiry, points)| (*expiry, *points))
    }

    /// Returns the points in the lot of `expiry`.
    #[must_use]
    pub fn of(&self, expiry: Expiry) -> Points {
        self.0.get(&expiry).copied().unwrap_or_default()
    }

    /// Returns the next day on which points expire, if any, and how many.
    #[must_use]
    pub fn next_expiry(&self) -> Option<(Date, Points)> {
        self.by_day().next()
    }

    /// Returns each day on which points expire, soonest first, and how many.
    pub fn by_day(&self) -> impl Iterator<Item = (Date, Points)> {
        let mut days = BTreeMap::new();
        for (expiry, points) in self.iter() {
            if let Some(day) = expiry.on() {
                *days.entry(day).or_insert(Points::ZERO) += points;
            }
        }
        days.into_iter()
    }

    /// Returns the changes (negative) that empty each lot whose last day is `day`.
    pub(crate) fn emptied(&self, day: Date) -> Vec<LotChange> {
        let of_day = self.iter().filter(|(expiry, _)| expiry.on() == Some(day));
        of_day.map(|(expiry, points)| LotChange(expiry, -points)).collect()
    }

    /// Applies each of `changes`.
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

    /// Takes up to `wanted` points, from the lot that expires soonest, and returns what each lot gave (negative).
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

    /// Takes up to `wanted` points from the lot of `expiry`, and returns the changes (negative). If there is no such
    /// lot, its points may be in a later one, because lots only move into later ones: the next one with the same limit,
    /// or else with a later limit.
    pub fn take_from(&mut self, expiry: Expiry, wanted: Points) -> Option<LotChange> {
        let limit = |expiry: &Expiry| expiry.limit().unwrap_or(Date::MAX);
        let own = limit(&expiry);
        let dated = |found: &Expiry| found.on().is_some() == expiry.on().is_some();
        let later = self.0.range(expiry..).map(|(found, _)| *found).filter(dated);
        let found = later.min_by_key(|found| (limit(found) != own, limit(found) < own, *found))?;
        let points = self.0.get_mut(&found)?;
        let taken = wanted.min(*points);
        *points -= taken;
        self.0.retain(|_, points| !points.is_zero());
        (taken > Points::ZERO).then_some(LotChange(found, -taken))
    }

    /// Extends lots that expire before `date` to that day, or to their limit, and returns the moves.
    pub fn extend_to(&mut self, date: Date) -> Vec<LotMove> {
        let all: Vec<_> = self.0.keys().map(|expiry| (*expiry, expiry.extended_to(date))).collect();
        all.into_iter().filter(|(from, to)| from != to).filter_map(|(from, to)| self.join(from, to)).collect()
    }

    /// Merges two lots into the later one, [`closest_neighbours`] first, until there are at most `most`, and returns
    /// the moves. Lots that have expired by `today` are left to expire, and lots that never expire are not merged.
    ///
    /// Lots with a limit are neighbours by their limit, because activity moves all their last days to one.
    pub fn merge(&mut self, most: usize, today: Date) -> Vec<LotMove> {
        let mut moves = Vec::new();
        while self.0.range(Expiry::first_on(today)..).count() > most {
            let lots = self.0.range(Expiry::first_on(today)..).map(|(expiry, _)| *expiry);
            let mut days: Vec<_> = lots.filter_map(|expiry| Some((expiry.limit().or(expiry.on())?, expiry))).collect();
            days.sort_unstable();
            let Some((one, other)) = closest_neighbours(days.into_iter()) else { break };
            let into = one.joined(other);
            moves
                .extend([one, other].into_iter().filter(|from| *from != into).filter_map(|from| self.join(from, into)));
        }
        moves
    }

    /// Moves the points of one lot into another.
    fn join(&mut self, from: Expiry, to: Expiry) -> Option<LotMove> {
        let points = self.0.remove(&from)?;
        self.put(to, points);
        Some(LotMove(from, to, points))
    }

    /// Returns the earliest last day before `today`, and the points that expired with it.
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
        let moved = LotMove(MAY, Expiry::On(date(2027, 6, 15)), Points::new(20));
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
    fn activity_extends_a_lot_to_its_limit_and_no_further() {
        let on = |month: i8| date(2027, month, 1);
        let limited = |month, limit| Expiry::Limited(on(month), on(limit));
        let mut account = lots(&[(limited(3, 5), 1), (limited(3, 9), 2), (Expiry::On(on(3)), 4), (limited(8, 9), 8)]);
        account.extend_to(on(6));
        let extended = [(limited(5, 5), 1), (limited(6, 9), 2), (Expiry::On(on(6)), 4), (limited(8, 9), 8)];
        assert_eq!(account, lots(&extended));
        assert_eq!(account.next_expiry(), Some((on(5), Points::new(1))));
        assert_eq!(account.by_day().nth(1), Some((on(6), Points::new(6))));
        // Its own points are those with its limit, even if they moved; then those with a later limit.
        assert_eq!(
            account.clone().take_from(limited(3, 9), Points::new(9)),
            Some(LotChange(limited(6, 9), Points::new(-2)))
        );
        assert_eq!(account.take_from(limited(3, 7), Points::new(9)), Some(LotChange(limited(6, 9), Points::new(-2))));
        let mut account = lots(&extended);
        account.merge(2, on(1));
        assert_eq!(account, lots(&[(limited(8, 9), 10), (Expiry::On(on(6)), 5)]));
        account.merge(1, on(1));
        assert_eq!(account, lots(&[(Expiry::On(on(8)), 15)]));
        for expiry in [MAY, limited(3, 5), Expiry::Never] {
            let text = serde_json::to_string(&expiry).unwrap();
            assert_eq!(serde_json::from_str::<Expiry>(&text).unwrap(), expiry, "{text}");
        }
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
