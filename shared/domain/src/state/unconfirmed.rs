//! What unconfirmed accruals contribute besides their points: amounts toward a tier, purchases and referrals. It counts
//! at once, until a lapse.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::state::qualifying::Qualifying;

/// What accruals count that can be confirmed until the same day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unconfirmed {
    /// Amounts toward a tier, by the day under which the account stores them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub qualifying: BTreeMap<Date, Qualifying>,
    /// The amount paid for the purchases, in minor units.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub paid: i64,
    /// The number of purchases.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub purchases: i64,
    /// The number of purchases that paid for the member's referral.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub referrals: i64,
}

/// A signed change of what accruals count that can be confirmed by this day, as a ledger entry records it:
/// `["2027-01-15",{"paid":500,"purchases":1}]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnconfirmedChange(pub Date, pub Unconfirmed);

impl Unconfirmed {
    /// Returns whether nothing counts.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the negation.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self {
            qualifying: self.qualifying.iter().map(|(bucket, amount)| (*bucket, amount.negated())).collect(),
            paid: self.paid.saturating_neg(),
            purchases: self.purchases.saturating_neg(),
            referrals: self.referrals.saturating_neg(),
        }
    }

    /// Adds `other`.
    pub(crate) fn add(&mut self, other: &Self) {
        for (bucket, amount) in &other.qualifying {
            let counted = self.qualifying.entry(*bucket).or_default();
            *counted = counted.plus(*amount);
        }
        self.qualifying.retain(|_, amount| !amount.is_zero());
        self.paid = self.paid.saturating_add(other.paid);
        self.purchases = self.purchases.saturating_add(other.purchases);
        self.referrals = self.referrals.saturating_add(other.referrals);
    }

    /// Returns as much of `wanted` as there is: each amount under its own day first. For amounts of a merged account
    /// that are too old to count, the account no longer knows the day.
    fn part(&self, wanted: &Self) -> Self {
        let mut rest = self.qualifying.clone();
        let mut taken: BTreeMap<Date, Qualifying> = BTreeMap::new();
        for (bucket, amount) in &wanted.qualifying {
            let mut left = *amount;
            let others = rest.keys().copied().filter(|other| other != bucket).collect::<Vec<_>>();
            for from in std::iter::once(*bucket).chain(others) {
                let Some(kept) = rest.get_mut(&from) else { continue };
                let part = left.at_most(*kept);
                *kept = kept.less(part);
                left = left.less(part);
                let of_bucket = taken.entry(from).or_default();
                *of_bucket = of_bucket.plus(part);
            }
        }
        taken.retain(|_, amount| !amount.is_zero());
        let at_most = |wanted: i64, kept: i64| wanted.min(kept).max(0);
        Self {
            qualifying: taken,
            paid: at_most(wanted.paid, self.paid),
            purchases: at_most(wanted.purchases, self.purchases),
            referrals: at_most(wanted.referrals, self.referrals),
        }
    }

    /// Returns this less `part`, regardless of the day under which its amounts were found.
    fn without(&self, part: &Self) -> Self {
        let mut found = part.qualifying.values().fold(Qualifying::default(), |sum, amount| sum.plus(*amount));
        let mut rest = self.clone();
        for amount in rest.qualifying.values_mut() {
            let taken = found.at_most(*amount);
            *amount = amount.less(taken);
            found = found.less(taken);
        }
        rest.qualifying.retain(|_, amount| !amount.is_zero());
        rest.paid = rest.paid.saturating_sub(part.paid);
        rest.purchases = rest.purchases.saturating_sub(part.purchases);
        rest.referrals = rest.referrals.saturating_sub(part.referrals);
        rest
    }

    /// Returns the negative amounts, as positive ones.
    pub(crate) fn less_of(&self) -> Self {
        let less = |number: i64| number.min(0).saturating_neg();
        let qualifying = self.qualifying.iter().map(|(bucket, amount)| (*bucket, amount.less_of()));
        Self {
            qualifying: qualifying.filter(|(_, amount)| !amount.is_zero()).collect(),
            paid: less(self.paid),
            purchases: less(self.purchases),
            referrals: less(self.referrals),
        }
    }
}

/// What unconfirmed accruals count, by the last day on which they can be confirmed.
pub(super) type ByLastDay = BTreeMap<Date, Unconfirmed>;

/// Applies each of `changes`.
pub(super) fn apply<'a>(all: &mut ByLastDay, changes: impl IntoIterator<Item = &'a UnconfirmedChange>) {
    for UnconfirmedChange(last, change) in changes {
        all.entry(*last).or_default().add(change);
    }
    all.retain(|_, unconfirmed| !unconfirmed.is_nothing());
}

/// Returns the changes that remove `wanted` from what can be confirmed by `last`, or from later days, into which it may
/// have moved.
pub(super) fn taken(all: &ByLastDay, last: Date, wanted: &Unconfirmed) -> Vec<UnconfirmedChange> {
    let mut left = wanted.clone();
    let mut changes = Vec::new();
    for (last, unconfirmed) in all.range(last..) {
        let part = unconfirmed.part(&left);
        if !part.is_nothing() {
            left = left.without(&part);
            changes.push(UnconfirmedChange(*last, part.negated()));
        }
    }
    changes
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}
