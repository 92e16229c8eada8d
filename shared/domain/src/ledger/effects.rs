//! The effects of an entry on points, tiers and counts of an account, for every kind of entry.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    state::{
        account::{Account, Promise, Secured},
        cap_use::CapChange,
        extension::ActChange,
        hold::put_back,
        lots::{Expiry, LOTS_MAX, LotChange, LotMove, Lots},
        pending::{Awaits, PENDING_MAX, Pending, PendingChange, PendingMove},
        qualifying::Qualifying,
        steps::StepsChange,
        unconfirmed::{Unconfirmed, UnconfirmedChange},
    },
    values::{
        id::{LevelId, RuleId},
        points::Points,
    },
};

/// A change of the effective tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierChange {
    /// The tier before; `null` if there was none.
    pub from: Option<LevelId>,
    /// The tier after; `null` if there is none.
    pub to: Option<LevelId>,
}

/// What an entry counted toward a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Qualified {
    /// The day under which the amount counts: the first day of the tier period, or of the month in a rolling period.
    pub period: Date,
    /// The amount; negative if it was deducted.
    #[serde(flatten)]
    pub amount: Qualifying,
}

/// The secured tiers after an entry that changed them: a late purchase in a period that is over, or a return of such a
/// purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecuredNow {
    /// Tiers that earlier periods secured.
    pub secured: Vec<Secured>,
    /// Tiers that earlier rules promised.
    pub promised: Vec<Promise>,
}

/// The effects of an entry. Changes are signed: those of a redemption are negative.
///
/// They are applied in this order: activities, extension, shortened lots, pending points, lots, moves, then the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// The day to which activity extended all points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_to: Option<Date>,
    /// The activities that extend points from now on, or no longer do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<ActChange>,
    /// Lots that got their dates before the newest extension back, because its activities were undone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots_shortened: Vec<LotMove>,
    /// The change of each sum of pending points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<PendingChange>,
    /// The change of what unconfirmed accruals count besides their points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unconfirmed: Vec<UnconfirmedChange>,
    /// The change of each lot of spendable points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<LotChange>,
    /// The change of what is owed.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub owed: Points,
    /// The change of what is held.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub held: Points,
    /// Lots that were merged into later ones, because there were too many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots_moved: Vec<LotMove>,
    /// Sums of pending points that were merged into others, because there were too many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending_moved: Vec<PendingMove>,
    /// What counted toward a tier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub qualified: Vec<Qualified>,
    /// The secured tiers after the entry, if it changed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secured_now: Option<SecuredNow>,
    /// The use of the member's caps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<CapChange>,
    /// Steps toward each rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<RuleId, StepsChange>,
    /// The change of the effective tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_change: Option<TierChange>,
}

impl Effects {
    /// The change of the pending balance.
    #[must_use]
    pub fn pending_points(&self) -> Points {
        self.pending.iter().map(|PendingChange(_, points)| *points).sum()
    }

    /// The change of the spendable balance.
    #[must_use]
    pub fn spendable_points(&self) -> Points {
        self.lots.iter().map(|LotChange(_, points)| *points).sum()
    }

    /// The last day of the points that were credited, if they are in a lot or will be, and ever expire.
    #[must_use]
    pub fn expires_on(&self) -> Option<Date> {
        let came = self.lots.iter().find(|LotChange(_, points)| *points > Points::ZERO);
        let LotChange(expiry, _) = came?;
        let moves = self.lots_moved.iter();
        moves.fold(*expiry, |expiry, LotMove(from, to, _)| if expiry == *from { *to } else { expiry }).on()
    }

    /// Returns the lots of `account` after these effects.
    pub(crate) fn lots_of(&self, account: &Account) -> Lots {
        let mut lots = account.lots.clone();
        if let Some(day) = self.extended_to {
            lots.extend_to(day);
        }
        lots.apply(self.lots_shortened.iter().copied().flat_map(LotMove::changes));
        lots.apply(self.lots.iter().copied());
        lots
    }

    /// Returns the pending points of `account` after these effects.
    pub(crate) fn pending_of(&self, account: &Account) -> Pending {
        let mut pending = account.pending.clone();
        pending.apply(self.pending.iter().copied());
        pending.apply_unconfirmed(&self.unconfirmed);
        pending
    }

    /// Extends all points of `account`, including those on hold, to `day`, or to the later day to which they were
    /// extended before. An extension never moves a date back.
    pub(crate) fn extend(&mut self, account: &Account, day: Date) {
        self.extended_to = Some(account.extended_to.map_or(day, |before| before.max(day)));
    }

    /// Removes activities that extended points to `to`; `until` is the day by which they could be confirmed. If these
    /// were the last ones, points get their earlier dates back.
    pub(crate) fn take_acts(&mut self, account: &Account, (to, until): (Date, Option<Date>), count: i64) {
        let Some((until, _)) = account.extension.found(until).filter(|_| account.extended_to == Some(to)) else {
            return;
        };
        self.acts.push(ActChange(to, until, count.saturating_neg()));
        if self.ends_extension(account) {
            self.lots_shortened = account.extension.shortened(&account.lots, to);
        }
    }

    /// Makes the extension to `to` by an activity that could be confirmed by `last` permanent.
    pub(crate) fn confirm_act(&mut self, account: &Account, to: Date, last: Date) {
        let found = account.extension.found(Some(last)).filter(|_| account.extended_to == Some(to));
        if let Some((until, _)) = found {
            self.acts.extend([ActChange(to, until, -1), ActChange(to, None, 1)]);
        }
    }

    /// Returns whether no activity extends the points of `account` to the newest day after these effects.
    pub(crate) fn ends_extension(&self, account: &Account) -> bool {
        let mut extension = account.extension.clone();
        for ActChange(to, until, by) in &self.acts {
            if account.extended_to == Some(*to) {
                extension.count(*until, *by);
            }
        }
        self.extended_to.is_none() && !self.acts.is_empty() && extension.is_over()
    }

    /// Returns the expiry of points with this `expiry`: no earlier than the day to which activity has extended the
    /// others.
    pub(crate) fn extended(&self, account: &Account, expiry: Expiry) -> Expiry {
        self.extended_day(account).map_or(expiry, |day| expiry.extended_to(day))
    }

    /// Returns the day to which activity has extended the points of `account` after these effects.
    pub(crate) fn extended_day(&self, account: &Account) -> Option<Date> {
        let before = if self.ends_extension(account) { account.extension.before } else { account.extended_to };
        self.extended_to.or(before)
    }

    /// Adds `points` to those that wait for `awaits`.
    pub(crate) fn wait(&mut self, awaits: Awaits, points: Points) {
        if !points.is_zero() {
            self.pending.push(PendingChange(awaits, points));
        }
    }

    /// Takes up to `wanted` points that wait for `awaits`, and returns how many.
    pub(crate) fn take_pending(&mut self, account: &Account, awaits: Awaits, wanted: Points) -> Points {
        let changes = self.pending_of(account).take(awaits, wanted);
        let taken = changes.iter().map(|PendingChange(_, points)| -*points).sum();
        self.pending.extend(changes);
        taken
    }

    /// Adds what accruals count that can be confirmed by `last`.
    pub(crate) fn count_unconfirmed(&mut self, last: Date, counts: Unconfirmed) {
        if !counts.is_nothing() {
            self.unconfirmed.push(UnconfirmedChange(last, counts));
        }
    }

    /// Removes `wanted` from what accruals count that can be confirmed by `last`, and returns whether there was any.
    pub(crate) fn take_unconfirmed(&mut self, account: &Account, last: Date, wanted: &Unconfirmed) -> bool {
        let changes = self.pending_of(account).unconfirmed_taken(last, wanted);
        let is_any = !changes.is_empty();
        self.unconfirmed.extend(changes);
        is_any
    }

    /// Removes all points of `account`: spendable, pending and owed.
    pub(crate) fn give_up(&mut self, account: &Account) {
        self.pending = account.pending.iter().map(|(awaits, points)| PendingChange(awaits, -points)).collect();
        let unconfirmed = account.pending.unconfirmed().iter();
        self.unconfirmed = unconfirmed.map(|(last, counts)| UnconfirmedChange(*last, counts.negated())).collect();
        self.take(account, account.lots.total());
        self.owed = -account.owed;
    }

    /// Takes up to `wanted` points from the lots that expire soonest, and returns how many.
    pub(crate) fn take(&mut self, account: &Account, wanted: Points) -> Points {
        let changes = self.lots_of(account).take(wanted);
        let taken = changes.iter().map(|LotChange(_, points)| -*points).sum();
        self.lots.extend(changes);
        taken
    }

    /// Takes up to `wanted` points from the lot of `expiry`, or from the next later one if that lot was merged into it,
    /// and returns how many.
    pub(crate) fn take_from(&mut self, account: &Account, expiry: Expiry, wanted: Points) -> Points {
        let change = self.lots_of(account).take_from(expiry, wanted);
        self.lots.extend(change);
        change.map_or(Points::ZERO, |LotChange(_, points)| -points)
    }

    /// Makes `points` spendable until `expiry`. They pay what is owed first, and the rest becomes a lot.
    pub(crate) fn give(&mut self, account: &Account, points: Points, expiry: Expiry) {
        let rest = self.repay(account, points);
        if !rest.is_zero() {
            self.lots.push(LotChange(self.extended(account, expiry), rest));
        }
    }

    /// Returns `points` to the lots that they were `taken` from (negative changes), with their dates, after what is
    /// owed is paid. Dates before the day to which activity has extended the points become that day.
    pub(crate) fn give_back(&mut self, account: &Account, taken: &[LotChange], points: Points) {
        let rest = self.repay(account, points);
        let taken: Vec<_> =
            taken.iter().map(|LotChange(expiry, points)| LotChange(self.extended(account, *expiry), *points)).collect();
        self.lots.extend(put_back(&taken, rest));
    }

    /// Like [`Effects::give_back`], with the dates that the lots have: only what these effects extend is extended.
    pub(crate) fn give_dated(&mut self, account: &Account, taken: &[LotChange], points: Points) {
        let rest = self.repay(account, points);
        let dated = |expiry: Expiry| self.extended_to.map_or(expiry, |day| expiry.extended_to(day));
        let taken: Vec<_> = taken.iter().map(|LotChange(expiry, points)| LotChange(dated(*expiry), *points)).collect();
        self.lots.extend(put_back(&taken, rest));
    }

    /// Pays what is owed from `points`, and returns the rest.
    fn repay(&mut self, account: &Account, points: Points) -> Points {
        let repaid = points.min(account.owed + self.owed).max(Points::ZERO);
        self.owed -= repaid;
        points - repaid
    }

    /// Merges lots and sums of pending points if `account` would have too many on `today`.
    pub(crate) fn keep_bounded(&mut self, account: &Account, today: Date) {
        self.lots_moved = self.lots_of(account).merge(LOTS_MAX, today);
        self.pending_moved = self.pending_of(account).merge(PENDING_MAX);
    }
}
