//! Taking a plan, renewing it, and ending it.

use std::fmt;

use jiff::civil::Date;

use crate::{
    draft::KeyedRequest,
    ledger::{
        entry::{By, PlanPaid, Record},
        posting::Posting,
    },
    rules::program::Plan,
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
        /// Which.
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
            PlanTerm { through: last_day(plan, term.from, days_after(term.through, 1)), version, ..term }
        }
        Some(PlanTerm { plan, through, .. }) if through >= today && !replace => {
            return Err(PlanRefusal::PlanRunning { plan, through });
        }
        Some(_) | None => {
            PlanTerm { plan: plan.id.clone(), from: today, through: last_day(plan, today, today), version }
        }
    };
    let paid = PlanPaid { term, price: Some(plan.price), months: plan.months };
    draft.post_command(draft.entry_for(request, Record::Plan(paid), draft.now));
    Ok(draft.finish())
}

/// The last day of the interval of `plan` that begins on `begins`: the next one begins on the day of the month on which the
/// member began, `from`, or on the last of a month that has no such day.
fn last_day(plan: &Plan, from: Date, begins: Date) -> Date {
    let month = months_after(begins.first_of_month(), plan.months);
    let next = Date::new(month.year(), month.month(), from.day()).unwrap_or_else(|_| month.last_of_month());
    days_after(next, -1)
}

/// Ends the member's plan now, whatever is left of it. Answers `None` if there is none and settling wrote nothing.
///
/// # Errors
///
/// The account is closed, or another's, and stays as it is.
pub fn end(settled: Settled<'_>, actor: Option<&Actor>) -> Result<Option<Posting>, Inactive> {
    let mut draft = settled.0;
    let Some(term) = draft.running_plan().cloned() else {
        return Ok((!draft.entries.is_empty()).then(|| draft.finish()));
    };
    draft.account.check_open()?;
    draft.post_command(draft.entry_by("plan-end", Record::PlanEnd(term.plan), By::Operator, actor));
    Ok(Some(draft.finish()))
}
