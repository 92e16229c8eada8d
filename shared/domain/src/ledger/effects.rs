//! What an entry changes of the points, tiers and counts of an account, whatever kind of entry it is.

use std::collections::BTreeMap;

use jiff::civil::Date;
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qualified {
    /// Under which day it was counted: the first of its tier period, or where that moves on by months, of its month.
    pub period: Date,
    /// How much; less than nothing where something was taken back.
    #[serde(flatten)]
    pub amount: Qualifying,
}

/// The tiers that are secured after an entry, where it changed them: a purchase that came late to a period that is over, or
/// a return from one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecuredNow {
    /// What earlier periods earned.
    pub secured: Vec<Secured>,
    /// What earlier rules gave.
    pub promised: Vec<Promise>,
}

/// What an entry changes. Changes are signed: those of a redemption are negative.
///
/// They are made in this order: activities, extension, shortened lots, pending points, lots, moves, then everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// The day to which the member's activity extended all points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_to: Option<Date>,
    /// The activities that extend points from now on, or no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<ActChange>,
    /// Lots that went back to the last days that they had before the newest extension, because its activities were taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots_shortened: Vec<LotMove>,
    /// The change of each sum of pending points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<PendingChange>,
    /// The change of what unconfirmed accruals count beside their points.
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
    /// Lots that went over into later ones, because there were too many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots_moved: Vec<LotMove>,
    /// Sums of pending points that went over into others, because there were too many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending_moved: Vec<PendingMove>,
    /// What counted toward a tier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub qualified: Vec<Qualified>,
    /// The tiers that are secured afterwards, where that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secured_now: Option<SecuredNow>,
    /// The use of caps of the member's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<CapChange>,
    /// Steps toward each rule that remembers them.
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

    /// The last day of the points that came in, if they came into a lot or will, and ever expire.
    #[must_use]
    pub fn expires_on(&self) -> Option<Date> {
        let came = self.lots.iter().find(|LotChange(_, points)| *points > Points::ZERO);
        let LotChange(expiry, _) = came?;
        let moves = self.lots_moved.iter();
        moves.fold(*expiry, |expiry, LotMove(from, to, _)| if expiry == *from { *to } else { expiry }).on()
    }

    /// The lots of `account` as these effects leave them so far.
    pub(crate) fn lots_of(&self, account: &Account) -> Lots {
        let mut lots = account.lots.clone();
        if let Some(day) = self.extended_to {
            lots.extend_to(day);
        }
        lots.apply(self.lots_shortened.iter().copied().flat_map(LotMove::changes));
        lots.apply(self.lots.iter().copied());
        lots
    }

    /// The pending points of `account` as these effects leave them so far.
    pub(crate) fn pending_of(&self, account: &Account) -> Pending {
        let mut pending = account.pending.clone();
        pending.apply(self.pending.iter().copied());
        pending.apply_unconfirmed(&self.unconfirmed);
        pending
    }

    /// Extends all points of `account`, those that open holds took included, to `day`, or to a later one that they have been
    /// extended to before. Nothing is ever extended to a day before the one that it has.
    pub(crate) fn extend(&mut self, account: &Account, day: Date) {
        self.extended_to = Some(account.extended_to.map_or(day, |before| before.max(day)));
    }

    /// Lets activities, of which `until` can be confirmed by that day, extend points to `to` no longer. Where these were the last
    /// ones, points have the last days again that they had before.
    pub(crate) fn take_acts(&mut self, account: &Account, (to, until): (Date, Option<Date>), count: i64) {
        let Some((until, _)) = account.extension.found(until).filter(|_| account.extended_to == Some(to)) else {
            return;
        };
        self.acts.push(ActChange(to, until, count.saturating_neg()));
        if self.ends_extension(account) {
            self.lots_shortened = account.extension.shortened(&account.lots, to);
        }
    }

    /// Lets an activity that could be confirmed by `last` extend points to `to` for good.
    pub(crate) fn confirm_act(&mut self, account: &Account, to: Date, last: Date) {
        let found = account.extension.found(Some(last)).filter(|_| account.extended_to == Some(to));
        if let Some((until, _)) = found {
            self.acts.extend([ActChange(to, until, -1), ActChange(to, None, 1)]);
        }
    }

    /// Whether nothing extends the points of `account` to the newest day any more after these.
    pub(crate) fn ends_extension(&self, account: &Account) -> bool {
        let mut extension = account.extension.clone();
        for ActChange(to, until, by) in &self.acts {
            if account.extended_to == Some(*to) {
                extension.count(*until, *by);
            }
        }
        self.extended_to.is_none() && !self.acts.is_empty() && extension.is_over()
    }

    /// When points expire that come with this `expiry`: no sooner than what the member's activity has extended.
    pub(crate) fn extended(&self, account: &Account, expiry: Expiry) -> Expiry {
        self.extended_day(account).map_or(expiry, |day| expiry.extended_to(day))
    }

    /// The day to which the member's activity has extended the points of `account`, as these effects leave it.
    pub(crate) fn extended_day(&self, account: &Account) -> Option<Date> {
        let before = if self.ends_extension(account) { account.extension.before } else { account.extended_to };
        self.extended_to.or(before)
    }

    /// Makes `points` wait.
    pub(crate) fn wait(&mut self, awaits: Awaits, points: Points) {
        if !points.is_zero() {
            self.pending.push(PendingChange(awaits, points));
        }
    }

    /// Takes up to `wanted` points that wait for `awaits`, and tells how many those were.
    pub(crate) fn take_pending(&mut self, account: &Account, awaits: Awaits, wanted: Points) -> Points {
        let changes = self.pending_of(account).take(awaits, wanted);
        let taken = changes.iter().map(|PendingChange(_, points)| -*points).sum();
        self.pending.extend(changes);
        taken
    }

    /// Lets what accruals count wait that can be confirmed by `last`.
    pub(crate) fn count_unconfirmed(&mut self, last: Date, counts: Unconfirmed) {
        if !counts.is_nothing() {
            self.unconfirmed.push(UnconfirmedChange(last, counts));
        }
    }

    /// Takes `wanted` from what accruals count that can be confirmed by `last`, and tells whether there was any.
    pub(crate) fn take_unconfirmed(&mut self, account: &Account, last: Date, wanted: &Unconfirmed) -> bool {
        let changes = self.pending_of(account).unconfirmed_taken(last, wanted);
        let is_any = !changes.is_empty();
        self.unconfirmed.extend(changes);
        is_any
    }

    /// Gives up everything that `account` has: spendable, pending and owed points.
    pub(crate) fn give_up(&mut self, account: &Account) {
        self.pending = account.pending.iter().map(|(awaits, points)| PendingChange(awaits, -points)).collect();
        let unconfirmed = account.pending.unconfirmed().iter();
        self.unconfirmed = unconfirmed.map(|(last, counts)| UnconfirmedChange(*last, counts.negated())).collect();
        self.take(account, account.lots.total());
        self.owed = -account.owed;
    }

    /// Takes up to `wanted` points from the lots that expire soonest, and tells how many those were.
    pub(crate) fn take(&mut self, account: &Account, wanted: Points) -> Points {
        let changes = self.lots_of(account).take(wanted);
        let taken = changes.iter().map(|LotChange(_, points)| -*points).sum();
        self.lots.extend(changes);
        taken
    }

    /// Takes up to `wanted` points from the lot of `expiry`, or the next later one where that has gone over into it, and tells
    /// how many those were.
    pub(crate) fn take_from(&mut self, account: &Account, expiry: Expiry, wanted: Points) -> Points {
        let change = self.lots_of(account).take_from(expiry, wanted);
        self.lots.extend(change);
        change.map_or(Points::ZERO, |LotChange(_, points)| -points)
    }

    /// Makes `points` spendable until `expiry`: they pay what is owed, and the rest becomes a lot.
    pub(crate) fn give(&mut self, account: &Account, points: Points, expiry: Expiry) {
        let rest = self.repay(account, points);
        if !rest.is_zero() {
            self.lots.push(LotChange(self.extended(account, expiry), rest));
        }
    }

    /// Gives `points` back into the lots that they were `taken` from (negative changes), with their dates, once what is owed
    /// is paid. Dates before the day to which the member's activity has extended the points are that day.
    pub(crate) fn give_back(&mut self, account: &Account, taken: &[LotChange], points: Points) {
        let rest = self.repay(account, points);
        let taken: Vec<_> =
            taken.iter().map(|LotChange(expiry, points)| LotChange(self.extended(account, *expiry), *points)).collect();
        self.lots.extend(put_back(&taken, rest));
    }

    /// [`Effects::give_back`], with the dates that the lots have: only what these effects extend is extended.
    pub(crate) fn give_dated(&mut self, account: &Account, taken: &[LotChange], points: Points) {
        let rest = self.repay(account, points);
        let dated = |expiry: Expiry| self.extended_to.map_or(expiry, |day| expiry.extended_to(day));
        let taken: Vec<_> = taken.iter().map(|LotChange(expiry, points)| LotChange(dated(*expiry), *points)).collect();
        self.lots.extend(put_back(&taken, rest));
    }

    /// Pays what is owed from `points`, and tells what is left of them.
    fn repay(&mut self, account: &Account, points: Points) -> Points {
        let repaid = points.min(account.owed + self.owed).max(Points::ZERO);
        self.owed -= repaid;
        points - repaid
    }

    /// Merges lots and sums of pending points where `account` would have too many on `today`.
    pub(crate) fn keep_bounded(&mut self, account: &Account, today: Date) {
        self.lots_moved = self.lots_of(account).merge(LOTS_MAX, today);
        self.pending_moved = self.pending_of(account).merge(PENDING_MAX);
    }
}
