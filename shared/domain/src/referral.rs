//! Referrals: a friend's first purchase of some size pays the friend and whoever brought the friend, both in one posting.

use jiff::Timestamp;

use crate::{
    account::Status,
    aftermath::Recorded,
    breakdown::BreakdownLine,
    counter::Counters,
    draft::Draft,
    earning::{Occasion, REFERRAL_LINE},
    entry::{By, Kind},
    id::{EntryId, MemberId},
    settle::Settled,
};

impl Settled<'_> {
    /// The member who brought this one, if `occasion` is the purchase that pays both.
    #[must_use]
    pub fn referrer(&self, occasion: &Occasion) -> Option<&MemberId> {
        let Draft { program, account, .. } = &self.0;
        let referral = account.referral.as_ref().filter(|referral| !referral.is_over)?;
        let Occasion::Purchase(purchase) = occasion else { return None };
        let least = program.referral.as_ref()?.first_purchase_at_least;
        (purchase.total.amount.get() >= least).then_some(&referral.by)
    }
}

/// Decides that the purchase in hand pays `referrer`, whose account this is if there is one, and tells who is paid. Where
/// there is none, or it is closed, nobody ever is; a suspended one keeps both waiting for a later purchase.
pub(crate) fn settle_with<'p>(friend: &mut Draft<'p>, referrer: Option<Settled<'p>>) -> Option<Draft<'p>> {
    let referrer = referrer.map(|settled| settled.0).filter(|draft| draft.account.member != friend.account.member);
    if let Some(referral) = &mut friend.account.referral {
        referral.is_over = referrer.as_ref().is_none_or(|draft| draft.account.status != Status::Suspended);
    }
    referrer.filter(|draft| draft.account.status == Status::Active)
}

/// What the friend gets, as a line of the purchase.
pub(crate) fn friends_line(friend: &Draft<'_>) -> Option<BreakdownLine> {
    let points = friend.program.referral.as_ref()?.friend_points;
    (!points.is_zero()).then(|| BreakdownLine::new(REFERRAL_LINE, points, points))
}

/// Gives whoever brought the friend what the program's referral rules give, along with the friend's `purchase` of then.
pub(crate) fn pay<'p>(
    friend: &mut Draft<'p>,
    referrer: &Draft<'p>,
    purchase: &EntryId,
    occurred_at: Timestamp,
    counters: &Counters,
) {
    let mut paid = referrer.clone();
    let id = entry_id(&friend.account.member, purchase);
    let mut entry = paid.entry(id, Kind::Accrual, By::Engine, occurred_at);
    entry.counterparty = Some(friend.account.member.clone());
    // A full account gets nothing: that must not stand in the way of the friend's purchase.
    if paid.accrue(entry, &Occasion::Referral(occurred_at), counters).is_ok() {
        friend.along(paid);
    }
}

/// The entry that pays whoever brought `friend`, when `purchase` is the one that pays.
fn entry_id(friend: &MemberId, purchase: &EntryId) -> EntryId {
    EntryId::engine(&[&"referral", friend, purchase])
}

/// Who else was paid for `purchase`, and by which entry: whoever brought the friend, if it was the one that paid for that.
#[must_use]
pub fn paid_along(purchase: &Recorded) -> Option<(&MemberId, EntryId)> {
    let entry = &purchase.sealed.entry;
    let referrer = entry.counterparty.as_ref().filter(|_| entry.kind == Kind::Accrual && entry.by != By::Engine)?;
    Some((referrer, entry_id(&purchase.member, &entry.id)))
}
