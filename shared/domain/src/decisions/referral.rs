//! Referrals: the first large enough purchase of a referred member pays that member and the referrer in one posting.

use jiff::{Timestamp, civil::Date};

use crate::{
    draft::Draft,
    ledger::{
        aftermath::Recorded,
        breakdown::{BreakdownLine, REFERRAL_LINE},
        entry::{Accrued, By, Entry, Record, ReferralChange, ReferralPayment, Source},
        posting::Posting,
    },
    rules::{assessment::NotAssessed, program::Program},
    state::{
        account::{Account, ReferralDebt, Status},
        counter::{CounterNeeded, Counters},
    },
    time::settle::Settled,
    values::{
        id::{Actor, EntryId, MemberId},
        occasion::Occasion,
        points::Points,
    },
};

impl Settled<'_> {
    /// Returns the member who referred this one, if `occasion` is the purchase that pays both under the rules of
    /// `then`.
    ///
    /// The purchase must be on or after the day of joining. The time of day does not count, because tills round it.
    #[must_use]
    pub fn referrer(&self, occasion: &Occasion, then: &Program) -> Option<&MemberId> {
        let account = &self.0.account;
        let referral = account.referral.as_ref().filter(|referral| !referral.is_over)?;
        let Occasion::Purchase(purchase) = occasion else { return None };
        let is_member = then.date(purchase.occurred_at) >= then.date(account.enrolled_at);
        (is_member && purchase.total.amount.get() >= least(then)?).then_some(&referral.by)
    }
}

/// Returns the minimum total of a purchase that pays for a referral, in minor units; `None` without referrals. A
/// purchase with a total of zero never pays.
fn least(then: &Program) -> Option<i64> {
    Some(then.referral.as_ref()?.first_purchase_at_least.max(1))
}

/// Returns whether `purchase`, which paid for a referral, no longer does when `left` minor units of it are left.
pub(crate) fn ends(then: &Program, purchase: &Recorded, left: i64) -> bool {
    paid_along(purchase).is_some() && !purchase.is_undone() && least(then).is_none_or(|least| left < least)
}

/// The referrer, when a friend's purchase pays both.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one of a command, and never kept")]
pub enum Referrer<'p> {
    /// The settled account. It is paid with the purchase.
    Ready(Settled<'p>),
    /// The account, which other requests keep changing. It is paid later.
    Busy(&'p Account),
    /// There is no account.
    Gone,
}

/// Decides whether the purchase pays `referrer`: the change of the referral, and the account to pay. If there is no
/// account, or it is closed, neither side is ever paid; if it is suspended, both wait for a later purchase.
pub(crate) fn settle_with<'p>(
    friend: &Draft<'p>,
    bought_on: Date,
    referrer: Referrer<'p>,
) -> (Option<ReferralChange>, Option<Draft<'p>>) {
    let account = match &referrer {
        Referrer::Ready(settled) => &settled.0.account,
        Referrer::Busy(account) => account,
        Referrer::Gone => return (Some(ReferralChange::Void), None),
    };
    let referred_by = account.referral.as_ref().map(|referral| &referral.by);
    let is_mutual = referred_by.is_some_and(|by| friend.account.ledgers().any(|member| member == by));
    if account.member == friend.account.member || is_mutual {
        return (Some(ReferralChange::Void), None);
    }
    if friend.rules.program.date(account.enrolled_at) > bought_on {
        // The referrer was not a member yet. A later purchase pays.
        return (None, None);
    }
    match (&account.status, account.member.clone()) {
        (Status::Suspended, _) => (None, None),
        (Status::Closed | Status::Erased | Status::Merged { .. }, _) => (Some(ReferralChange::Void), None),
        (Status::Active, member) => match referrer {
            Referrer::Ready(settled) => (Some(ReferralChange::Paid(member)), Some(settled.0)),
            Referrer::Busy(_) | Referrer::Gone => (Some(ReferralChange::Owed(member)), None),
        },
    }
}

/// Returns the friend's bonus, as a line of the purchase.
pub(crate) fn friends_line(then: &Program) -> Option<BreakdownLine> {
    let points: Points = then.referral.as_ref()?.friend_points;
    (!points.is_zero()).then(|| BreakdownLine::new(REFERRAL_LINE, points, points))
}

/// A purchase that pays for a referral.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paying<'a> {
    /// The friend, whose ledger has it.
    pub(crate) friend: &'a MemberId,
    /// Its entry.
    pub(crate) purchase: &'a EntryId,
    /// When it was made.
    pub(crate) occurred_at: Timestamp,
    /// Who requests the payment.
    pub(crate) by: By,
    /// The person or client, if known.
    pub(crate) actor: Option<&'a Actor>,
}

/// Returns what `referrer` gets under the referral rules of `then`; `None` for a full account, which gets nothing so
/// that the friend's purchase is not rejected.
///
/// # Errors
///
/// More of `counters` must be read.
pub(crate) fn pay<'p>(
    referrer: Draft<'p>,
    paying: &Paying<'_>,
    then: &'p Program,
    counters: &Counters,
) -> Result<Option<Posting>, CounterNeeded> {
    let mut paid = referrer;
    let id = entry_id(paying.friend, paying.purchase);
    let source = Source::Referral(paying.friend.clone());
    let record = Record::Accrual(Accrued { source, breakdown: Vec::new(), referral: None });
    let entry = paid.entry(id, record, paying.by, paying.occurred_at);
    let entry = Entry { actor: paying.actor.cloned(), ..entry };
    match paid.accrue(entry, &Occasion::Referral(paying.occurred_at), then, counters, None) {
        Ok(()) => Ok(Some(paid.finish())),
        Err(NotAssessed::Overflow) => Ok(None),
        Err(NotAssessed::Needs(needed)) => Err(needed),
    }
}

/// Pays `debt`, a referral payment that `settled` owes, to `referrer`, whose account this is if there is one. Returns
/// `None` while the referrer is suspended.
///
/// A debt is paid in a transaction of its own, before the account's next command, so that the command need not wait for
/// it.
///
/// # Errors
///
/// More of `counters` must be read.
pub fn pay_debt<'p>(
    settled: Settled<'p>,
    debt: &ReferralDebt,
    referrer: Option<Settled<'p>>,
    counters: &Counters,
) -> Result<Option<Posting>, CounterNeeded> {
    let mut draft = settled.0;
    let referrer = referrer.map(|settled| settled.0).filter(|referrer| referrer.account.member != draft.account.member);
    let referrer = match referrer.as_ref().map(|referrer| &referrer.account.status) {
        Some(Status::Suspended) => return Ok(None),
        Some(Status::Active) => referrer,
        Some(Status::Closed | Status::Erased | Status::Merged { .. }) | None => None,
    };
    let ReferralDebt { friend, purchase, occurred_at, version, .. } = debt;
    let paying = Paying { friend, purchase, occurred_at: *occurred_at, by: By::Engine, actor: None };
    let to = referrer.as_ref().map(|referrer| referrer.account.member.clone());
    let paid = match referrer {
        Some(referrer) => pay(referrer, &paying, draft.then(*version), counters)?,
        None => None,
    };
    let id = EntryId::engine(&[&"referral-paid", friend, purchase]);
    let record = Record::ReferralPayment(ReferralPayment { friend: friend.clone(), to });
    let entry = draft.entry(id, record, By::Engine, draft.now);
    draft.post_command(Entry { refers_to: Some(purchase.clone()), ..entry });
    if let Some(paid) = paid {
        draft.along(paid);
    }
    Ok(Some(draft.finish()))
}

/// Returns the id of the entry that pays the referrer of `friend`, if `purchase` is the one that pays.
fn entry_id(friend: &MemberId, purchase: &EntryId) -> EntryId {
    EntryId::engine(&[&"referral", friend, purchase])
}

/// Returns the other member who was paid for `purchase`, at once or later, and the entry, if the purchase paid for a
/// referral.
#[must_use]
pub fn paid_along(purchase: &Recorded) -> Option<(&MemberId, EntryId)> {
    let entry = &purchase.sealed.entry;
    match &entry.accrued()?.referral {
        Some(ReferralChange::Paid(referrer) | ReferralChange::Owed(referrer)) => {
            Some((referrer, entry_id(&purchase.member, &entry.id)))
        }
        Some(ReferralChange::Void | ReferralChange::Reopened | ReferralChange::Cancelled(_)) | None => None,
    }
}
