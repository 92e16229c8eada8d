//! Referrals: a friend's first purchase of some size pays the friend and whoever brought the friend, both in one posting.

use jiff::Timestamp;

use crate::{
    account::Status,
    aftermath::Recorded,
    breakdown::BreakdownLine,
    counter::{CounterNeeded, Counters},
    draft::{Draft, Request},
    earning::{NotAssessed, Occasion, REFERRAL_LINE},
    entry::{Accrued, Entry, Record, ReferralChange, Source},
    id::{EntryId, MemberId},
    points::Points,
    program::Program,
    settle::Settled,
};

impl Settled<'_> {
    /// The member who referred this one, if `occasion` is the purchase that pays both under the rules of `then`.
    #[must_use]
    pub fn referrer(&self, occasion: &Occasion, then: &Program) -> Option<&MemberId> {
        let referral = self.0.account.referral.as_ref().filter(|referral| !referral.is_over)?;
        let Occasion::Purchase(purchase) = occasion else { return None };
        let least = then.referral.as_ref()?.first_purchase_at_least;
        (purchase.total.amount.get() >= least).then_some(&referral.by)
    }
}

/// Decides whether the purchase in hand pays `referrer`, whose account this is if there is one: what becomes of the referral,
/// and who is paid. Where there is no account, or it is closed, none ever is; a suspended one keeps both waiting for a later
/// purchase.
pub(crate) fn settle_with<'p>(
    friend: &Draft<'p>,
    referrer: Option<Settled<'p>>,
) -> (Option<ReferralChange>, Option<Draft<'p>>) {
    let referrer = referrer.map(|settled| settled.0).filter(|draft| draft.account.member != friend.account.member);
    let Some(referrer) = referrer else { return (Some(ReferralChange::Void), None) };
    match referrer.account.status {
        Status::Active => (Some(ReferralChange::Paid(referrer.account.member.clone())), Some(referrer)),
        Status::Suspended => (None, None),
        Status::Closed | Status::Merged { .. } => (Some(ReferralChange::Void), None),
    }
}

/// What the friend gets, as a line of the purchase.
pub(crate) fn friends_line(then: &Program) -> Option<BreakdownLine> {
    let points: Points = then.referral.as_ref()?.friend_points;
    (!points.is_zero()).then(|| BreakdownLine::new(REFERRAL_LINE, points, points))
}

/// Gives the member who referred the friend what the referral rules of `then` give, along with the friend's purchase.
///
/// # Errors
///
/// Too little was read of `counters`.
pub(crate) fn pay<'p>(
    friend: &mut Draft<'p>,
    referrer: &Draft<'p>,
    request: &Request,
    occurred_at: Timestamp,
    then: &'p Program,
    counters: &Counters,
) -> Result<(), CounterNeeded> {
    let mut paid = referrer.clone();
    let id = entry_id(&friend.account.member, &request.entry);
    let source = Source::Referral(friend.account.member.clone());
    let record = Record::Accrual(Accrued { source, breakdown: Vec::new(), referral: None });
    let entry = paid.entry(id, record, request.by, occurred_at);
    let entry = Entry { actor: request.actor.clone(), ..entry };
    match paid.accrue(entry, &Occasion::Referral(occurred_at), then, counters, None) {
        Ok(()) => friend.along(paid),
        // A full account gets nothing: that must not stand in the way of the friend's purchase.
        Err(NotAssessed::Overflow) => {}
        Err(NotAssessed::Needs(needed)) => return Err(needed),
    }
    Ok(())
}

/// The entry that pays the member who referred `friend`, when `purchase` is the one that pays.
fn entry_id(friend: &MemberId, purchase: &EntryId) -> EntryId {
    EntryId::engine(&[&"referral", friend, purchase])
}

/// The other member who was paid for `purchase`, if it was the one that paid for a referral, and by which entry.
#[must_use]
pub fn paid_along(purchase: &Recorded) -> Option<(&MemberId, EntryId)> {
    let entry = &purchase.sealed.entry;
    match &entry.accrued()?.referral {
        Some(ReferralChange::Paid(referrer)) => Some((referrer, entry_id(&purchase.member, &entry.id))),
        Some(ReferralChange::Void | ReferralChange::Reopened) | None => None,
    }
}
