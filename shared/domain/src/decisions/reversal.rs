//! Returns: reverse the points of a purchase or an activity, completely or in part.

use std::fmt;

use crate::{
    decisions::{
        reassess::{self, CHANGES_MAX, Instead, Outcome, reassess},
        referral,
    },
    draft::{Draft, KeyedRequest},
    ledger::{
        aftermath::{AccrualNow, Place, Recorded},
        entry::{CameBack, Entry, Kind, Reassessed, Record, ReferralChange},
        posting::{Posting, Unposted},
    },
    rules::{assessment::NotAssessed, program::Program},
    state::{account::Inactive, counter::Counters},
    time::settle::Settled,
    values::{
        id::EntryId,
        money::{Amount, Currency, Money},
        points::Points,
        purchase::{Purchase, Receipt},
        returned::{Back, NotReturned, Returned, ReturnedLine},
        text::Label,
    },
};

/// What was returned, as a till or a shop reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Return {
    /// The whole purchase.
    Everything,
    /// These lines, in this return.
    Lines(Vec<ReturnedLine>),
    /// The amount of this refund, on top of earlier ones. A till that knows only its own refund sends this.
    Refund(Money),
    /// The amount refunded so far, including this refund. Repeated or out of order, it is not deducted again.
    RefundedTotal(Money),
}

impl Return {
    fn money(&self) -> Option<Money> {
        match self {
            Self::Everything | Self::Lines(_) => None,
            Self::Refund(money) | Self::RefundedTotal(money) => Some(*money),
        }
    }
}

/// A return, with the shop's data about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// What was returned.
    pub returned: Return,
    /// The receipt of the return.
    pub receipt: Option<Receipt>,
    /// The store of the return.
    pub store: Option<Label>,
    /// The reason, as a code of the operator's own.
    pub reason: Option<Label>,
}

impl From<Return> for Reversal {
    fn from(returned: Return) -> Self {
        Self { returned, receipt: None, store: None, reason: None }
    }
}

/// Why a return is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReverseRefusal {
    /// The account is closed, erased or merged.
    Inactive(Inactive),
    /// The entry is not an accrual.
    NotAnAccrual,
    /// The refund is in another currency than the program.
    CurrencyMismatch {
        /// The program's currency.
        expected: Currency,
        /// The refund's.
        found: Currency,
    },
    /// The purchase has no such line.
    LineNotFound {
        /// The line's id in the request.
        line: String,
    },
    /// The return exceeds what is left of a line.
    ExceedsLine {
        /// The line.
        line: String,
        /// What is left of it.
        left: Back,
    },
    /// The refund exceeds what was paid.
    ExceedsAccrual {
        /// The amount paid, in minor units.
        paid: i64,
        /// The amount refunded before, in minor units.
        refunded: i64,
    },
    /// The facts of the purchase were erased, so the smaller purchase cannot be assessed.
    FactsErased,
    /// The purchase already has [`CHANGES_MAX`] returns and amendments.
    ChangesFull,
    /// The account would have more than [`Points::MAX`].
    PointsOverflow,
}

impl fmt::Display for ReverseRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::NotAnAccrual => f.write_str("the entry is not a purchase or an activity"),
            Self::CurrencyMismatch { expected, found } => {
                write!(f, "the program's currency is {expected}, and the refund is in {found}")
            }
            Self::LineNotFound { line } => write!(
                f,
                "the purchase has no line `{line}`; a line without an `id` is named by its position, starting at 0"
            ),
            Self::ExceedsLine { line, left } => {
                let (thousandths, amount) = (left.quantity.thousandths(), left.amount);
                write!(
                    f,
                    "only a quantity of {} and {amount} minor units are left of line `{line}`",
                    decimal(thousandths)
                )
            }
            Self::ExceedsAccrual { paid, refunded: 0 } => {
                write!(f, "only {paid} minor units were paid, so the refund cannot be larger")
            }
            Self::ExceedsAccrual { paid, refunded } => {
                let left = paid.saturating_sub(*refunded);
                write!(f, "only {left} minor units are left: {paid} were paid, and {refunded} were refunded before")
            }
            Self::FactsErased => {
                f.write_str("the details of the purchase were erased; it can only be returned as a whole")
            }
            Self::ChangesFull => {
                write!(f, "the purchase has had {CHANGES_MAX} returns and amendments, and cannot have more")
            }
            Self::PointsOverflow => write!(f, "the account would hold more than {} points", Points::MAX),
        }
    }
}

/// Formats thousandths as a decimal number: `1`, `0.35`.
fn decimal(thousandths: i64) -> String {
    let (whole, rest) = (thousandths.div_euclid(1_000), thousandths.rem_euclid(1_000));
    let text = format!("{whole}.{rest:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Leaves the member with what the smaller purchase would have earned when `accrual` was made. The purchase is assessed
/// again, alone, with the version, the facts and the day of the original, and the difference is posted.
///
/// If the purchase paid for a referral ([`crate::decisions::referral::paid_along`]), `along` is the referrer's account
/// and the entry that paid it. That payment is reversed if what is left of the purchase is less than the minimum, and
/// the next purchase pays both again.
///
/// # Errors
///
/// Refusals are checked in the order of [`ReverseRefusal`]. Or more must be read of a counter first.
pub fn reverse<'p>(
    settled: Settled<'p>,
    request: &KeyedRequest,
    accrual: &Recorded,
    reversal: &Reversal,
    counters: &Counters,
    along: Option<(Settled<'p>, &Recorded)>,
) -> Result<Posting, Unposted<ReverseRefusal>> {
    let mut draft = settled.0;
    draft.account.check_open().map_err(ReverseRefusal::Inactive)?;
    let undone = &accrual.sealed.entry;
    if undone.kind() != Kind::Accrual {
        return Err(ReverseRefusal::NotAnAccrual.into());
    }
    let expected = draft.rules.program.currency;
    if let Some(money) = reversal.returned.money().filter(|money| money.currency != expected) {
        return Err(ReverseRefusal::CurrencyMismatch { expected, found: money.currency }.into());
    }
    let came = Came::back(accrual, &reversal.returned)?;
    if accrual.aftermath.accrual.as_ref().is_some_and(|now| now.entries.len() >= CHANGES_MAX) {
        return Err(ReverseRefusal::ChangesFull.into());
    }

    let ends = referral::ends(draft.then(undone.program_version), accrual, came.left);
    let along = along_with(&draft, along).filter(|_| ends);
    let referral = referral_change(&draft, accrual, along.as_ref(), ends);
    let entry = draft.entry_for(request, Record::AccrualReversal(Box::default()), draft.now);
    take_back(&mut draft, entry, accrual, &came, (Some(reversal), referral, ends), counters).map_err(unposted)?;
    undo_along(&mut draft, request, along, counters).map_err(unposted)?;
    Ok(draft.finish())
}

/// Returns the referrer's account and the entry that paid it, if that entry is still in effect and can be reversed.
pub(crate) fn along_with<'p, 'r>(
    draft: &Draft<'p>,
    along: Option<(Settled<'p>, &'r Recorded)>,
) -> Option<(Draft<'p>, &'r Recorded)> {
    let along = along.map(|(referrer, paid)| (referrer.0, paid));
    along.filter(|(referrer, paid)| !paid.is_undone() && can_undo(draft, referrer))
}

/// Returns the change of the referral that `accrual` paid for, if it `ends`.
pub(crate) fn referral_change(
    friend: &Draft<'_>,
    accrual: &Recorded,
    along: Option<&(Draft<'_>, &Recorded)>,
    ends: bool,
) -> Option<ReferralChange> {
    match along {
        Some((_, paid)) => reopened(friend, accrual, paid),
        None => cancelled(friend, accrual).filter(|_| ends),
    }
}

/// Reverses what the referrer was paid.
pub(crate) fn undo_along(
    draft: &mut Draft<'_>,
    request: &KeyedRequest,
    along: Option<(Draft<'_>, &Recorded)>,
    counters: &Counters,
) -> Result<(), NotAssessed> {
    let Some((mut referrer, paid)) = along else { return Ok(()) };
    let id = EntryId::engine(&[&"reversal", &draft.account.member, &request.entry]);
    let entry = referrer.entry(id, Record::AccrualReversal(Box::default()), request.by, referrer.now);
    let entry = Entry { actor: request.actor.clone(), ..entry };
    let returned = paid.returned();
    let came = Came { instead: Instead::Nothing, returned, lines: Vec::new(), left: 0 };
    take_back(&mut referrer, entry, paid, &came, (None, None, true), counters)?;
    draft.along(referrer.finish());
    Ok(())
}

fn unposted(not_assessed: NotAssessed) -> Unposted<ReverseRefusal> {
    match not_assessed {
        NotAssessed::Overflow => Unposted::Refused(ReverseRefusal::PointsOverflow),
        NotAssessed::Needs(needed) => Unposted::Needs(needed),
    }
}

/// Returns whether the payment to the referrer can be reversed. If that account is closed, nothing is left to deduct,
/// and both sides stay as they are.
fn can_undo(friend: &Draft<'_>, referrer: &Draft<'_>) -> bool {
    referrer.account.check_open().is_ok() && referrer.account.member != friend.account.member
}

/// Returns that the friend's next purchase pays for the referral again, if `accrual` paid for the friend's own one: a
/// purchase of a merged member may have paid for another referral.
fn reopened(friend: &Draft<'_>, accrual: &Recorded, paid: &Recorded) -> Option<ReferralChange> {
    let is_own = accrual.member == friend.account.member;
    let referral = friend.account.referral.as_ref()?;
    (is_own || referral.by == paid.member).then_some(ReferralChange::Reopened)
}

/// Returns that nothing is owed for a referral any more, if `accrual` was to pay for it later.
fn cancelled(friend: &Draft<'_>, accrual: &Recorded) -> Option<ReferralChange> {
    let purchase = &accrual.sealed.entry.id;
    let mut debts = friend.account.referral_debts.iter();
    let debt = debts.find(|debt| debt.friend == accrual.member && debt.purchase == *purchase)?;
    Some(ReferralChange::Cancelled(debt.friend.clone()))
}

/// Reduces `accrual` to what is left of it. Fills `entry` with the difference and appends it.
fn take_back(
    draft: &mut Draft<'_>,
    mut entry: Entry,
    accrual: &Recorded,
    came: &Came<'_>,
    (reversal, referral, ends_referral): (Option<&Reversal>, Option<ReferralChange>, bool),
    counters: &Counters,
) -> Result<(), NotAssessed> {
    let is_purchase = accrual.sealed.entry.paid().is_some();
    let is_left = !accrual.is_undone() && !came.is_the_last(accrual) && (came.left > 0 || !is_purchase);
    reassess::follow_activity(draft, &mut entry, accrual, is_left);
    let Outcome { record, now } = reassess(draft, &mut entry, accrual, &came.instead, ends_referral, counters)?;
    let record = Reassessed {
        paid: accrual.returned().refunded().saturating_sub(came.returned.refunded()),
        purchases: if is_purchase && came.is_the_last(accrual) { -1 } else { 0 },
        referral,
        ..record
    };
    let after = accrual.with(AccrualNow { returned: came.returned.clone(), ..now.clone() }, None);
    let record = reassess::count(draft, &mut entry, accrual, &after, record);
    let lines = came.lines.iter().map(|(line, back)| (line.clone(), back.quantity, back.amount));
    entry.record = Record::AccrualReversal(Box::new(CameBack {
        accrual: record,
        lines: lines.collect(),
        receipt: reversal.and_then(|reversal| reversal.receipt.clone()),
        store: reversal.and_then(|reversal| reversal.store.clone()),
        reason: reversal.and_then(|reversal| reversal.reason.clone()),
    }));
    let place = Place { member: draft.account.member.clone(), entry: entry.id.clone() };
    if came.is_the_last(accrual)
        && let Some(purchase) = accrual.purchase()
    {
        let then = draft.then(accrual.sealed.entry.program_version);
        draft.change_receipt(then, purchase, &accrual.place(), false);
    }
    draft.post_command(entry);
    reassess::mark(draft, accrual, place, now, came.returned.clone());
    Ok(())
}

/// Returns whether `returned` ends the referral that `accrual` paid for under the rules of `then`.
#[must_use]
pub fn ends_referral(then: &Program, accrual: &Recorded, returned: &Return) -> bool {
    Came::back(accrual, returned).is_ok_and(|came| referral::ends(then, accrual, came.left))
}

/// What was returned of an accrual, and what is left.
struct Came<'a> {
    instead: Instead<'a>,
    /// Everything that was returned so far.
    returned: Returned,
    /// What was returned of each line that the request names.
    lines: Vec<(String, Back)>,
    /// What is left of the amount paid, in minor units.
    left: i64,
}

impl<'a> Came<'a> {
    fn back(accrual: &'a Recorded, returned: &Return) -> Result<Self, ReverseRefusal> {
        let before = accrual.returned();
        let paid = accrual.purchase().map(|purchase| purchase.total.amount);
        let paid = paid.or(accrual.sealed.entry.paid()).map(Amount::get).unwrap_or_default();
        let refunded = before.refunded();
        let (after, lines) = match returned {
            Return::Everything if accrual.is_undone() => {
                return Ok(Self { instead: Instead::Unchanged, returned: before, lines: Vec::new(), left: 0 });
            }
            Return::Everything => {
                let after = before.and_amount(paid.saturating_sub(refunded));
                return Ok(Self { instead: Instead::Nothing, returned: after, lines: Vec::new(), left: 0 });
            }
            Return::Lines(lines) => match accrual.purchase() {
                Some(purchase) => before.and_lines(purchase, lines).map_err(refusal)?,
                None if accrual.sealed.entry.paid().is_some() => return Err(ReverseRefusal::FactsErased),
                None => return Err(no_line(lines)),
            },
            Return::Refund(money) => (before.and_amount(money.amount.get()), Vec::new()),
            Return::RefundedTotal(money) => {
                (before.and_amount(money.amount.get().saturating_sub(refunded).max(0)), Vec::new())
            }
        };
        if after.refunded() > paid {
            let refunded = if matches!(returned, Return::RefundedTotal(_)) { 0 } else { refunded };
            return Err(ReverseRefusal::ExceedsAccrual { paid, refunded });
        }
        let instead = match accrual.purchase() {
            // Nothing more can be returned of what is already returned.
            _ if after == before || accrual.is_undone() => Instead::Unchanged,
            Some(purchase) => left_of(purchase, &after),
            None if after.refunded() == paid => Instead::Nothing,
            None => return Err(ReverseRefusal::FactsErased),
        };
        let left = paid.saturating_sub(after.refunded());
        Ok(Self { instead, returned: after, lines, left })
    }

    /// Returns whether this return takes the last of the accrual.
    fn is_the_last(&self, accrual: &Recorded) -> bool {
        matches!(self.instead, Instead::Nothing) && !accrual.is_undone()
    }
}

fn left_of<'a>(purchase: &'a Purchase, returned: &Returned) -> Instead<'a> {
    returned.rest_of(purchase).map_or(Instead::Nothing, |rest| Instead::Rest { of: purchase, rest: Box::new(rest) })
}

fn refusal(not_returned: NotReturned) -> ReverseRefusal {
    match not_returned {
        NotReturned::LineNotFound(line) => ReverseRefusal::LineNotFound { line },
        NotReturned::LineExceeded { line, left } => ReverseRefusal::ExceedsLine { line, left },
    }
}

/// Returns the refusal for a line of an accrual that has no lines.
fn no_line(lines: &[ReturnedLine]) -> ReverseRefusal {
    let line = lines.first().map(|line| line.line.as_str().to_owned()).unwrap_or_default();
    ReverseRefusal::LineNotFound { line }
}
