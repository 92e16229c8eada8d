//! Taking a plan, renewing it, taking a payment back, and ending the plan.

use std::fmt;

use jiff::civil::Date;

use crate::{
    draft::{Draft, KeyedRequest},
    ledger::{
        aftermath::{Ending, Recorded},
        entry::{By, Entry, PlanPaid, PlanReversed, Record},
        posting::Posting,
    },
    rules::program::ActivityKind,
    state::account::{Inactive, PlanTerm},
    time::settle::Settled,
    values::{
        calendar::{days_after, months_after},
        id::{Actor, PlanId},
    },
};

/// Why no plan was taken, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanRefusal {
    /// The account is closed, or another's.
    Inactive(Inactive),
    /// The program has no such plan.
    PlanNotFound,
    /// Another plan runs and is paid, and the request does not say that it is to be replaced.
    PlanRunning {
        /// The plan that runs.
        plan: PlanId,
        /// Its last paid day.
        through: Date,
    },
}

impl fmt::Display for PlanRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::PlanNotFound => f.write_str("the program has no such plan"),
            Self::PlanRunning { plan, through } => {
                write!(f, "the plan {plan} is paid through {through}; `replace` ends it")
            }
        }
    }
}

/// Gives the member a plan for one interval that has been paid. It begins today; a plan that runs, or ended so lately that a
/// payment still continues it, is extended from its end. Another plan that is paid beyond today ends only if `replace`.
///
/// # Errors
///
/// Refusals are looked for in the order of [`PlanRefusal`].
pub fn take(
    settled: Settled<'_>,
    request: &KeyedRequest,
    plan: &PlanId,
    replace: bool,
) -> Result<Posting, PlanRefusal> {
    let mut draft = settled.0;
    draft.account.check_open().map_err(PlanRefusal::Inactive)?;
    let plan = draft.rules.program.plan(plan).ok_or(PlanRefusal::PlanNotFound)?;

    let (today, version) = (draft.today(), draft.rules.program.version);
    let term = match draft.account.plan.clone() {
        Some(term) if term.plan == plan.id => {
            PlanTerm { through: last_day(plan.months, term.from, days_after(term.through, 1)), version, ..term }
        }
        Some(PlanTerm { plan, through, .. }) if through >= today && !replace => {
            return Err(PlanRefusal::PlanRunning { plan, through });
        }
        Some(_) | None => PlanTerm {
            plan: plan.id.clone(),
            from: today,
            through: last_day(plan.months, today, today),
            version,
            begun_by: Some(request.entry.clone()),
        },
    };
    let paid = PlanPaid { term, price: Some(plan.price), months: plan.months };
    let mut entry = draft.entry_for(request, Record::Plan(paid), draft.now);
    draft.extend(&mut entry, draft.rules.program, (ActivityKind::Plan, today), None);
    draft.post_command(entry);
    Ok(draft.finish())
}

/// The last day of the interval of `months` that begins on `begins`: the next one begins on the day of the month on which the
/// member began, `from`, or on the last of a month that has no such day. With negative months, the day before the interval
/// that many months earlier.
fn last_day(months: i32, from: Date, begins: Date) -> Date {
    let month = months_after(begins.first_of_month(), months);
    // Where a merge has moved the end, the month of a payment begins on another day than the plan did.
    let is_anchored = begins.day() == from.day().min(begins.last_of_month().day());
    let day = if is_anchored { from.day() } else { begins.day() };
    let next = Date::new(month.year(), month.month(), day).unwrap_or_else(|_| month.last_of_month());
    days_after(next, -1)
}

/// Ends the member's plan now, whatever is left of it. Answers `None` if there is none and settling wrote nothing.
///
/// # Errors
///
/// The account is closed, or another's, and stays as it is.
pub fn end(settled: Settled<'_>, actor: Option<&Actor>) -> Result<Option<Posting>, Inactive> {
    let draft = settled.0;
    if draft.running_plan().is_none() {
        return Ok((!draft.entries.is_empty()).then(|| draft.finish()));
    }
    end_as(draft, |draft, record| draft.entry_by("plan-end", record, By::Operator, actor))
}

/// [`end`] under a key: a repeat of the request does not end a plan that was paid since.
///
/// # Errors
///
/// The account is closed, or another's, and stays as it is.
pub fn end_once(settled: Settled<'_>, request: &KeyedRequest) -> Result<Option<Posting>, Inactive> {
    end_as(settled.0, |draft, record| draft.entry_for(request, record, draft.now))
}

fn end_as(mut draft: Draft<'_>, entry: impl FnOnce(&Draft<'_>, Record) -> Entry) -> Result<Option<Posting>, Inactive> {
    let Some(plan) = draft.running_plan().map(|term| term.plan.clone()) else { return Ok(None) };
    draft.account.check_open()?;
    let entry = entry(&draft, Record::PlanEnd(plan));
    draft.post_command(entry);
    Ok(Some(draft.finish()))
}

/// Why no payment of a plan was taken back, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanReverseRefusal {
    /// The account is closed, or another's.
    Inactive(Inactive),
    /// The entry is not the payment of a plan.
    NotAPayment,
    /// It was taken back before.
    PaymentReversed,
    /// The plan that it paid has ended, or was replaced: no days are left to take back.
    PlanOver,
}

impl fmt::Display for PlanReverseRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::NotAPayment => f.write_str("the entry is not the payment of a plan"),
            Self::PaymentReversed => f.write_str("the payment was taken back before"),
            Self::PlanOver => {
                f.write_str("the plan that was paid has ended or was replaced, so no days are left to take back")
            }
        }
    }
}

/// Takes one payment of the plan that runs back: the plan ends one interval earlier, and at once if that day is over.
///
/// # Errors
///
/// Refusals are looked for in the order of [`PlanReverseRefusal`].
pub fn reverse(
    settled: Settled<'_>,
    request: &KeyedRequest,
    payment: &Recorded,
) -> Result<Posting, PlanReverseRefusal> {
    let mut draft = settled.0;
    draft.account.check_open().map_err(PlanReverseRefusal::Inactive)?;
    let Record::Plan(paid) = &payment.sealed.entry.record else { return Err(PlanReverseRefusal::NotAPayment) };
    if payment.aftermath.ending == Some(Ending::Reversed) {
        return Err(PlanReverseRefusal::PaymentReversed);
    }
    let PlanTerm { plan, from, begun_by, .. } = &paid.term;
    let is_paid = |term: &&PlanTerm| (&term.plan, &term.from, &term.begun_by) == (plan, from, begun_by);
    let term = draft.running_plan().filter(is_paid).cloned().ok_or(PlanReverseRefusal::PlanOver)?;

    let months = if paid.months == 0 { draft.rules.plan(&term).map_or(1, |plan| plan.months) } else { paid.months };
    let through = last_day(months.saturating_neg(), term.from, days_after(term.through, 1));
    let (plan, shorter) = (term.plan.clone(), PlanTerm { through, ..term });
    let is_left = shorter.through >= shorter.from && draft.rules.runs_until(&shorter) >= draft.today();
    let reversed = PlanReversed { plan, term: is_left.then_some(shorter) };
    let mut entry = draft.entry_for(request, Record::PlanReversal(reversed), draft.now);
    entry.refers_to = Some(payment.sealed.entry.id.clone());
    draft.post_command(entry);
    draft.mark(payment.mark(|aftermath| aftermath.ending = Some(Ending::Reversed)));
    Ok(draft.finish())
}
