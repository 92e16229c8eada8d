//! Lots: the spendable points of an account by the day on which they expire.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::points::Points;

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

    /// Takes up to `wanted` points from the lot of `expiry`, and tells how many that were.
    pub fn take_from(&mut self, expiry: Expiry, wanted: Points) -> Points {
        let Some(points) = self.0.get_mut(&expiry) else { return Points::ZERO };
        let taken = wanted.min(*points).max(Points::ZERO);
        *points -= taken;
        self.0.retain(|_, points| !points.is_zero());
        taken
    }

    /// Takes out the soonest lot whose last day lies before `today`.
    pub fn take_expired(&mut self, today: Date) -> Option<(Date, Points)> {
        let (date, points) = self.next_expiry().filter(|(date, _)| *date < today)?;
        self.0.remove(&Expiry::On(date));
        Some((date, points))
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
        assert_eq!(account.take_expired(date(2027, 5, 31)), None);
        assert_eq!(account.take_expired(date(2027, 6, 1)), Some((date(2027, 5, 31), Points::new(20))));
        assert_eq!(account.take_expired(date(2027, 6, 1)), None);
        assert_eq!(account.total(), Points::new(30));
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
