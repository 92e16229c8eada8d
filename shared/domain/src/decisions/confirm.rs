//! Confirmations: make pending points spendable.

use std::fmt;

use crate::{
    decisions::reassess::{self, confirmed_expiry},
    draft::KeyedRequest,
    ledger::{
        aftermath::{Place, Recorded},
        entry::{Kind, Record},
        posting::Posting,
    },
    state::{account::Inactive, pending::Awaits},
    time::settle::Settled,
    values::points::Points,
};

/// Why a confirmation is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfirmRefusal {
    /// The account is closed, erased or merged.
    Inactive(Inactive),
    /// The entry is not an accrual.
    NotAnAccrual,
    /// It does not wait for a confirmation: it never did, or it was confirmed, has lapsed or was returned.
    NotPending,
}

impl fmt::Display for ConfirmRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::NotAnAccrual => f.write_str("the entry is not a purchase or an activity"),
            Self::NotPending => f.write_str("the points of this purchase or activity do not wait for a confirmation: the program asks for none, they were confirmed before, or they have lapsed"),
        }
    }
}

/// Confirms an accrual. Its remaining pending points can be spent from now on, for as long from today as its rules say,
/// and what it counts toward a tier becomes permanent.
///
/// # Errors
///
/// Refusals are checked in the order of [`ConfirmRefusal`].
pub fn confirm(settled: Settled<'_>, request: &KeyedRequest, accrual: &Recorded) -> Result<Posting, ConfirmRefusal> {
    let mut draft = settled.0;
    draft.account.check_open().map_err(ConfirmRefusal::Inactive)?;
    let confirmed = &accrual.sealed.entry;
    if confirmed.kind() != Kind::Accrual {
        return Err(ConfirmRefusal::NotAnAccrual);
    }
    let then = draft.then(confirmed.program_version);
    let Some(last) = reassess::awaits_confirmation(then, accrual, draft.today()) else {
        return Err(ConfirmRefusal::NotPending);
    };
    let awaits = Awaits::Confirmation(last);
    let left = accrual.gives();
    let today = draft.today();
    let mut entry = draft.entry_for(request, Record::Confirmation, draft.now);
    let points = entry.effects.take_pending(&draft.account, awaits, left);
    let counts = reassess::unconfirmed(&draft.account, then, accrual);
    let counted = entry.effects.take_unconfirmed(&draft.account, last, &counts);
    if points <= Points::ZERO && !counted {
        return Err(ConfirmRefusal::NotPending);
    }
    reassess::confirm_activity(&draft, &mut entry, accrual, last);
    entry.refers_to = Some(confirmed.id.clone());
    entry.program_version = then.version;
    entry.effects.give(&draft.account, points, confirmed_expiry(then, accrual, today));
    let mut now = accrual.accrual_now();
    now.entries.push(Place { member: draft.account.member.clone(), entry: entry.id.clone() });
    draft.post_command(entry);
    draft.mark(accrual.mark(|aftermath| {
        aftermath.accrual = Some(now);
        aftermath.confirmed_on = Some(today);
    }));
    Ok(draft.finish())
}
