//! Plans: starting, renewing and ending them, and reversing a payment.

use std::fmt;

use jiff::civil::Date;

use crate::{
    decisions::merge::PLANS_MAX,
    draft::{Draft, KeyedRequest},
    ledger::{
        aftermath::{Ending, Recorded},
        entry::{By, Entry, PlanEnded, PlanPaid, PlanReversed, Record},
        posting::Posting,
    },
    rules::{
        program::{ActivityKind, Plan},
        versions::Rules,
    },
    state::{account::Inactive, plan_term::PlanTerm},
    time::settle::Settled,
    values::{
        calendar::{days_after, months_after},
        id::{Actor, PlanId},
        likeness::Unknown,
    },
};

/// Why a payment of a plan is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanRefusal {
    /// The account is closed, erased or merged.
    Inactive(Inactive),
    /// The program has no such plan.
    PlanNotFound(Unknown),
    /// Another plan runs and is paid, and the request does not replace it.
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
            Self::PlanNotFound(unknown) => unknown.fmt(f),
            Self::PlanRunning { plan, through } => {
                write!(f, "the plan `{plan}` is paid through {through}; send `\"replace\": true` to end it now")
            }
        }
    }
}

/// Gives the member one paid interval of a plan. If a term of the plan runs, waits, or ended so recently that a payment
/// still continues it, it is extended from its end. Otherwise the plan starts today, and waiting plans go on waiting. It
/// also starts today if the extended term would already be over, because the plan has fewer days of grace now.
/// Another plan that runs and is paid ends only with `replace`; the paid one then starts today, even if it was waiting.
///
/// # Errors
///
/// Refusals are checked in the order of [`PlanRefusal`].
pub fn take(
    settled: Settled<'_>,
    request: &KeyedRequest,
    plan: &PlanId,
    replace: bool,
) -> Result<Posting, PlanRefusal> {
    let mut draft = settled.0;
    draft.account.check_open().map_err(PlanRefusal::Inactive)?;
    let plan = draft.rules.program.plan(plan).ok_or_else(|| {
        let known = draft.rules.program.plans.iter().map(|plan| &plan.id);
        PlanRefusal::PlanNotFound(Unknown::new("plan", plan, known))
    })?;

    let today = draft.today();
    let mut terms = draft.account.plans.clone();
    let other = draft.running_plan().filter(|term| term.plan != plan.id);
    let is_last = |term: &PlanTerm| term.plan == plan.id && !term.is_continued;
    let place = terms.iter().position(is_last);
    let is_full = terms.len() >= PLANS_MAX;
    let renewed = place
        .map(|place| terms.remove(place))
        .and_then(|term| renewed(draft.rules, term, plan, request, (today, is_full)));
    let (before, paid) = renewed.unwrap_or_else(|| (None, begun(draft.rules, plan, request, (today, today.day()))));
    let mut replaced = None;
    let place = match (place, other) {
        (Some(place), None) => place,
        (Some(place), Some(_)) if !replace => place,
        (None, Some(PlanTerm { plan, through, .. })) if *through >= today && !replace => {
            return Err(PlanRefusal::PlanRunning { plan: plan.clone(), through: *through });
        }
        (_, other) => {
            replaced = other.filter(|other| other.through >= today).map(|other| other.plan.clone());
            terms = draft.rules.without_running(&terms, today);
            0
        }
    };
    let place_paid = place.saturating_add(usize::from(before.is_some()));
    terms.splice(place..place, before.into_iter().chain([paid.clone()]));
    let terms = draft.rules.in_turn(terms, today);
    let term = terms.get(place_paid).cloned().unwrap_or(paid);
    let paid = PlanPaid { term, price: Some(plan.price), months: plan.months, replaced, plans: if_several(terms) };
    let mut entry = draft.entry_for(request, Record::Plan(paid), draft.now);
    draft.extend(&mut entry, draft.rules.program, (ActivityKind::Plan, today), None);
    draft.post_command(entry);
    Ok(draft.finish())
}

/// Returns a term of one interval of `plan` that begins on a day, with its intervals on the `anchor` day of the month.
fn begun(rules: Rules<'_>, plan: &Plan, request: &KeyedRequest, (from, anchor): (Date, i8)) -> PlanTerm {
    PlanTerm {
        plan: plan.id.clone(),
        from,
        through: last_day(plan.months, anchor, from),
        version: rules.program.version,
        begun_by: Some(request.entry.clone()),
        ledger: None,
        payments: 1,
        anchor_day: (from.day() != anchor).then_some(anchor),
        is_continued: false,
    }
}

/// Returns one more paid interval of `plan` after `term`: the term before it, if it is one of its own, and the term with
/// the interval. `None` if it would be over today all the same, because the plan has fewer days of grace now.
///
/// Days that were paid keep what was bought, so under other terms the interval is a term of its own. Only in an account
/// that `is_full` of terms, the new ones apply from today.
fn renewed(
    rules: Rules<'_>,
    term: PlanTerm,
    plan: &Plan,
    request: &KeyedRequest,
    (today, is_full): (Date, bool),
) -> Option<(Option<PlanTerm>, PlanTerm)> {
    let next = days_after(term.through, 1);
    if term.through >= today && !rules.has_terms_of(&term, plan) && !is_full {
        let continued = begun(rules, plan, request, (next, term.anchor()));
        return Some((Some(PlanTerm { is_continued: true, ..term }), continued));
    }
    let longer = PlanTerm {
        through: last_day(plan.months, term.anchor(), next),
        version: rules.program.version,
        payments: term.payments.saturating_add(1),
        ..term
    };
    (rules.runs_until(&longer) >= today).then_some((None, longer))
}

/// Returns the last day of the interval of `months` that begins on `begins`. The next interval begins on the `anchor`
/// day of its month, or on the last day of a shorter month. With negative months, returns the day before the interval
/// that many months earlier.
fn last_day(months: i32, anchor: i8, begins: Date) -> Date {
    let month = months_after(begins.first_of_month(), months);
    let next = Date::new(month.year(), month.month(), anchor).unwrap_or_else(|_| month.last_of_month());
    days_after(next, -1)
}

/// Returns `terms` if there are several: the entry names its own term anyway.
fn if_several(terms: Vec<PlanTerm>) -> Vec<PlanTerm> {
    if terms.len() > 1 { terms } else { Vec::new() }
}

/// Why ending a plan is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanEndRefusal {
    /// The account is closed, erased or merged.
    Inactive(Inactive),
    /// No plan runs, and the request has a key: a late repeat would end a plan that is paid later.
    NotRunning,
    /// Other plans wait, and the request has no key: a repeat would end the next one.
    PlansWaiting {
        /// The number of plans that wait.
        plans: usize,
    },
}

impl fmt::Display for PlanEndRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::NotRunning => f.write_str("no plan runs, so there is none to end"),
            Self::PlansWaiting { plans } => write!(
                f,
                "{plans} more paid plans are waiting, and a repeat of this request would end the next one; send an \
                 Idempotency-Key"
            ),
        }
    }
}

/// Ends the plan that runs now, with all its remaining days; the next one that waits starts today. Returns `None` if no
/// plan runs and settling wrote nothing.
///
/// # Errors
///
/// Refusals are checked in the order of [`PlanEndRefusal`].
pub fn end(settled: Settled<'_>, actor: Option<&Actor>) -> Result<Option<Posting>, PlanEndRefusal> {
    let draft = settled.0;
    let Some(plan) = draft.running_plan().map(|term| term.plan.clone()) else {
        return Ok((!draft.entries.is_empty()).then(|| draft.finish()));
    };
    draft.account.check_open().map_err(PlanEndRefusal::Inactive)?;
    let waiting = draft.rules.without_running(&draft.account.plans, draft.today()).len();
    if waiting > 0 {
        return Err(PlanEndRefusal::PlansWaiting { plans: waiting });
    }
    Ok(Some(end_as(draft, plan, |draft, record| draft.entry_by("plan-end", record, By::Operator, actor))))
}

/// Like [`end`], under a key: a repeat of the request ends neither a plan that was paid since nor the next one.
///
/// # Errors
///
/// Refusals are checked in the order of [`PlanEndRefusal`].
pub fn end_once(settled: Settled<'_>, request: &KeyedRequest) -> Result<Posting, PlanEndRefusal> {
    let draft = settled.0;
    draft.account.check_open().map_err(PlanEndRefusal::Inactive)?;
    let plan = draft.running_plan().map(|term| term.plan.clone()).ok_or(PlanEndRefusal::NotRunning)?;
    Ok(end_as(draft, plan, |draft, record| draft.entry_for(request, record, draft.now)))
}

fn end_as(mut draft: Draft<'_>, plan: PlanId, entry: impl FnOnce(&Draft<'_>, Record) -> Entry) -> Posting {
    let today = draft.today();
    let plans = draft.rules.in_turn(draft.rules.without_running(&draft.account.plans, today), today);
    let entry = entry(&draft, Record::PlanEnd(PlanEnded { plan, plans }));
    draft.post_command(entry);
    draft.finish()
}

/// Why reversing a payment is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanReverseRefusal {
    /// The account is closed, erased or merged.
    Inactive(Inactive),
    /// The entry is not the payment of a plan.
    NotAPayment,
    /// It was already reversed.
    PaymentReversed,
    /// The plan that it paid for has ended or was replaced: no days are left.
    PlanOver,
}

impl fmt::Display for PlanReverseRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::NotAPayment => f.write_str("the entry is not the payment of a plan"),
            Self::PaymentReversed => f.write_str("the payment was already reversed"),
            Self::PlanOver => {
                f.write_str("the plan of this payment has ended or was replaced, so no days are left to reverse")
            }
        }
    }
}

/// Reverses one payment of a plan that runs or waits. The plan ends one interval earlier, and at once if that day has
/// passed or no other payment is left. What waits behind it starts sooner.
///
/// # Errors
///
/// Refusals are checked in the order of [`PlanReverseRefusal`].
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
    let (today, mut terms) = (draft.today(), draft.account.plans.clone());
    // A term of a merged account was started in that account's ledger.
    let ledger = paid.term.ledger.as_ref().unwrap_or(&payment.member);
    let is_paid = |term: &PlanTerm| {
        let begun_in = term.ledger.as_ref().unwrap_or(&draft.account.member);
        let is_its = (begun_in, &term.begun_by, &term.plan) == (ledger, &paid.term.begun_by, &paid.term.plan);
        is_its && draft.rules.runs_until(term) >= today
    };
    let place = terms.iter().position(is_paid).ok_or(PlanReverseRefusal::PlanOver)?;

    let term = terms.remove(place);
    let plan = term.plan.clone();
    let months = if paid.months == 0 { draft.rules.plan(&term).map_or(1, |plan| plan.months) } else { paid.months };
    let through = last_day(months.saturating_neg(), term.anchor(), days_after(term.through, 1));
    let shorter = PlanTerm { through, payments: term.payments.saturating_sub(1), ..term };
    let is_left = shorter.payments > 0 && through >= shorter.from && draft.rules.runs_until(&shorter) >= today;
    if is_left {
        terms.insert(place, shorter);
    }
    let terms = draft.rules.in_turn(terms, today);
    let term = terms.get(place).filter(|_| is_left).cloned();
    let plans = if is_left { if_several(terms) } else { terms };
    let reversed = PlanReversed { plan, term, plans };
    let mut entry = draft.entry_for(request, Record::PlanReversal(reversed), draft.now);
    entry.refers_to = Some(payment.sealed.entry.id.clone());
    draft.post_command(entry);
    draft.mark(payment.mark(|aftermath| aftermath.ending = Some(Ending::Reversed)));
    Ok(draft.finish())
}
