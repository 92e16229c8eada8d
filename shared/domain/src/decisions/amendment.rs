//! Amendments: replaces a purchase with its new content, larger or smaller.

use std::fmt;

use crate::{
    decisions::{
        earn::{Unfit, check_purchase},
        reassess::{self, CHANGES_MAX, Instead, Outcome, reassess},
        referral,
        reversal::{along_with, referral_change, undo_along},
    },
    draft::{Beside, Draft, KeyedRequest},
    ledger::{
        aftermath::{AccrualNow, Place, Recorded},
        entry::{Entry, Reassessed, Record},
        facts::PurchaseFacts,
        posting::{Posting, Unposted},
    },
    rules::{assessment::NotAssessed, program::Program},
    state::{account::Inactive, counter::Counters},
    time::settle::Settled,
    values::{
        points::Points,
        purchase::Purchase,
        returned::{Rest, Returned},
    },
};

/// Why an amendment is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AmendRefusal {
    /// The account does not earn.
    Inactive(Inactive),
    /// The entry is not a purchase.
    NotAPurchase,
    /// The purchase is in another currency than the program, or its lines exceed its total.
    Unfit(Unfit),
    /// It has another `occurred_at`.
    OccurredAtDiffers,
    /// The purchase already has [`CHANGES_MAX`] returns and amendments.
    ChangesFull,
    /// The account would have more than [`Points::MAX`].
    PointsOverflow,
}

impl fmt::Display for AmendRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::NotAPurchase => f.write_str("the entry is not a purchase, and only a purchase can be amended"),
            Self::Unfit(unfit) => unfit.fmt(f),
            Self::OccurredAtDiffers => f.write_str(
                "`occurred_at` must be that of the original purchase; to move a purchase, return it and post a new one",
            ),
            Self::ChangesFull => {
                write!(f, "the purchase has had {CHANGES_MAX} returns and amendments, and cannot have more")
            }
            Self::PointsOverflow => write!(f, "the account would hold more than {} points", Points::MAX),
        }
    }
}

/// Replaces the purchase that `accrual` records by `purchase`, the whole purchase as it is now. It is assessed again
/// with the version, the facts and the day of the original, and the difference is posted. Earlier returns count only
/// where `purchase` leaves the goods out. `along` as for a return ([`crate::decisions::reversal::reverse`]).
///
/// # Errors
///
/// Refusals are checked in the order of [`AmendRefusal`]. Or more must be read of a counter first.
pub fn amend<'p>(
    settled: Settled<'p>,
    request: &KeyedRequest,
    accrual: &Recorded,
    purchase: &Purchase,
    counters: &Counters,
    along: Option<(Settled<'p>, &Recorded)>,
) -> Result<Posting, Unposted<AmendRefusal>> {
    let mut draft = settled.0;
    draft.account.check_active().map_err(AmendRefusal::Inactive)?;
    let told = &accrual.sealed.entry;
    let Some(paid) = told.paid() else { return Err(AmendRefusal::NotAPurchase.into()) };
    check_purchase(purchase, draft.then(told.program_version)).map_err(AmendRefusal::Unfit)?;
    if purchase.occurred_at != told.occurred_at {
        return Err(AmendRefusal::OccurredAtDiffers.into());
    }
    let before = accrual.accrual_now();
    if before.entries.len() >= CHANGES_MAX {
        return Err(AmendRefusal::ChangesFull.into());
    }

    let rest = Rest { purchase: purchase.clone(), places: (0..purchase.lines.len()).collect() };
    let instead = Instead::Rest { of: purchase, rest: Box::new(rest) };
    let entry = draft.entry_for(request, Record::Amendment(Box::default()), told.occurred_at);
    let mut entry = Entry { refers_to: Some(told.id.clone()), ..entry };
    let ends = ends_referral(draft.then(told.program_version), accrual, purchase);
    let along = along_with(&draft, along).filter(|_| ends);
    let referral = referral_change(&draft, accrual, along.as_ref(), ends);
    reassess::follow_activity(&draft, &mut entry, accrual, purchase.total.amount.get() > 0);
    let outcome = reassess(&mut draft, &mut entry, accrual, &instead, ends, counters);
    let Outcome { record, now } = outcome.map_err(unposted)?;
    let was_paid = accrual.purchase().map_or(paid, |purchase| purchase.total.amount).get();
    let left = if before.is_undone { 0 } else { was_paid.saturating_sub(before.returned.refunded()) };
    let record = Reassessed {
        paid: purchase.total.amount.get().saturating_sub(left),
        purchases: i64::from(before.is_undone),
        referral,
        ..record
    };
    let place = Place { member: draft.account.member.clone(), entry: entry.id.clone() };
    let now = AccrualNow { amended: Some(place.clone()), returned: Returned::default(), ..now };
    let after = accrual.with(now.clone(), Some(purchase));
    entry.record = Record::Amendment(Box::new(reassess::count(&draft, &mut entry, accrual, &after, record)));
    exchange_receipts(&mut draft, accrual, purchase);
    let facts = PurchaseFacts { purchase: purchase.clone(), member: None };
    draft.post_command_with(entry, Beside { facts: Some(facts), ..Beside::default() });
    reassess::mark(&mut draft, accrual, place, now, Returned::default());
    undo_along(&mut draft, request, along, counters).map_err(unposted)?;
    Ok(draft.finish())
}

/// Frees the receipt of the purchase so far, and takes the one of the purchase now.
fn exchange_receipts(draft: &mut Draft<'_>, accrual: &Recorded, purchase: &Purchase) {
    let then = draft.then(accrual.sealed.entry.program_version);
    let before = accrual.purchase().filter(|_| !accrual.is_undone());
    if before.and_then(|before| then.receipt_of(before)) == then.receipt_of(purchase) {
        return;
    }
    if let Some(before) = before {
        draft.change_receipt(then, before, &accrual.place(), false);
    }
    draft.change_receipt(then, purchase, &accrual.place(), true);
}

fn unposted(not_assessed: NotAssessed) -> Unposted<AmendRefusal> {
    match not_assessed {
        NotAssessed::Overflow => Unposted::Refused(AmendRefusal::PointsOverflow),
        NotAssessed::Needs(needed) => Unposted::Needs(needed),
    }
}

/// Returns whether the referral that `accrual` paid for under the rules of `then` ends if it becomes `purchase`.
#[must_use]
pub fn ends_referral(then: &Program, accrual: &Recorded, purchase: &Purchase) -> bool {
    referral::ends(then, accrual, purchase.total.amount.get())
}
