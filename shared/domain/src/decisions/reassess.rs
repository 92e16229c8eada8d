//! Assesses an accrual again after a return or an amendment, so that the member has what the purchase as it is now
//! would have earned.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::{
    decisions::referral,
    draft::Draft,
    ledger::{
        aftermath::{AccrualNow, Place, Recorded},
        breakdown::{BreakdownLine, REFERRAL_LINE},
        entry::{Entry, Reassessed, Source},
        explanation::Explanation,
    },
    rules::{
        assessment::{self, Again, Assessment, Earner, NotAssessed, Pass, assess},
        program::{ActivityKind, Eligible, NegativeBalance, Program},
        trigger::Stacking,
        versions::VersionMissing,
    },
    state::{
        account::Account,
        cap_use::CapOwner,
        counter::Counters,
        lots::{Expiry, LotChange},
        pending::Awaits,
        qualifying::Qualifying,
        unconfirmed::Unconfirmed,
    },
    tier,
    time::settle::Settled,
    values::{
        money::{Amount, Money},
        occasion::{Activity, Occasion},
        points::Points,
        purchase::{Parts, Purchase},
        returned::{Rest, Returned},
    },
};

/// Maximum number of returns and amendments of one purchase: one and a half times the maximum number of lines. Each is
/// listed in the accrual's aftermath.
pub(crate) const CHANGES_MAX: usize = 300;

/// What replaces an accrual.
#[derive(Clone, Debug)]
pub(crate) enum Instead<'a> {
    /// No change.
    Unchanged,
    /// The rest of the purchase.
    Rest {
        /// The purchase, as of its newest amendment.
        of: &'a Purchase,
        /// What is left of it.
        rest: Box<Rest>,
    },
    /// Nothing.
    Nothing,
}

/// The result of a new assessment.
pub(crate) struct Outcome {
    /// The payload for the ledger. The caller sets the change of the amount paid.
    pub(crate) record: Reassessed,
    /// The aftermath of the accrual. The caller sets what was returned, and by which entries.
    pub(crate) now: AccrualNow,
}

/// Assesses `accrual` again as `instead`, with the version, the facts and the day of the original, and adds the
/// difference to the effects of `entry`. If it `ends_referral`, the bonus of the referred member is reversed too.
///
/// Points are deducted from the accrual's own pending points, then from its own lot (or the next later one, if it was
/// merged into it), then from the lots that expire soonest. The rest is owed or forgiven, as the version says that gave
/// them. Additional points wait and expire like the accrual's own, and are posted today: later than they were earned.
///
/// # Errors
///
/// The account would have more than [`Points::MAX`], or more of `counters` must be read.
pub(crate) fn reassess(
    draft: &mut Draft<'_>,
    entry: &mut Entry,
    accrual: &Recorded,
    instead: &Instead<'_>,
    ends_referral: bool,
    counters: &Counters,
) -> Result<Outcome, NotAssessed> {
    let told = &accrual.sealed.entry;
    let then = draft.then(told.program_version);
    entry.refers_to = Some(told.id.clone());
    entry.program_version = then.version;
    let before = accrual.accrual_now();
    if matches!(instead, Instead::Unchanged) {
        let breakdown = before.given.iter().map(|(line, given)| BreakdownLine::new(line, *given, *given)).collect();
        return Ok(Outcome { record: Reassessed { breakdown, ..Reassessed::default() }, now: before });
    }
    let counters = &draft.counted(counters);
    let (was, is) = assessed(draft, then, accrual, &before, (instead, counters))?;

    let is_undone = matches!(instead, Instead::Nothing);
    let mut given: BTreeMap<_, _> = is.breakdown.iter().map(|line| (line.rule.clone(), line.given)).collect();
    let mut breakdown = is.breakdown;
    // What was paid for a referral stays as long as the purchase is large enough.
    if let Some(bonus) = before.given.get(REFERRAL_LINE).filter(|_| !is_undone && !ends_referral) {
        given.insert(REFERRAL_LINE.to_owned(), *bonus);
        breakdown.push(BreakdownLine::new(REFERRAL_LINE, *bonus, *bonus));
    }
    given.retain(|_, points| !points.is_zero());
    let sum = |given: &BTreeMap<String, Points>| given.values().copied().sum::<Points>();
    move_points(draft, entry, then, accrual, sum(&given) - sum(&before.given))?;
    change_caps(draft, entry, then, told.occurred_at, (&before.given, &given));
    let mut steps = before.steps.clone();
    for (rule, change) in is.steps {
        let taken = steps.entry(rule.clone()).or_default();
        *taken = taken.saturating_add(change.taken);
        entry.effects.steps.insert(rule, change);
    }
    steps.retain(|_, taken| *taken != 0);
    let counts = |given: &BTreeMap<String, Points>, spend, is_undone: bool| Qualifying {
        points: qualifying_points(then, given).get(),
        spend: if is_undone { 0 } else { spend },
        visits: i64::from(!is_undone && matches!(source_of(accrual), Some(Source::Purchase(_)))),
    };
    let amount = counts(&given, is.spend, is_undone).less(counts(&before.given, was.spend, before.is_undone));
    if !has_lapsed(draft, then, accrual) {
        count_qualifying(draft, entry, accrual, amount);
    }

    let difference = difference(&before.given, &given);
    let record = Reassessed { breakdown, difference, ..Reassessed::default() };
    Ok(Outcome { record, now: AccrualNow { given, steps, is_undone, ..before } })
}

/// Returns the assessments before and after.
fn assessed(
    draft: &Draft<'_>,
    then: &Program,
    accrual: &Recorded,
    before: &AccrualNow,
    (instead, counters): (&Instead<'_>, &Counters),
) -> Result<(Assessment, Assessment), NotAssessed> {
    let facts = accrual.sealed.facts.as_deref();
    let member = facts.and_then(|facts| facts.member.clone()).unwrap_or_default();
    let member = &member.with_personal(then, &draft.account);
    let earner = |pass| Earner { member, account: &draft.account, counters, pass };
    let purchase = accrual.purchase();
    let was = match purchase.and_then(|of| Some((of, before.returned.rest_of(of)?))) {
        Some((of, rest)) if !before.is_undone => {
            let eligible = then.points.eligible.of_rest(of, &rest);
            assess(then, &earner(Pass::Before(&before.given)), &Occasion::Purchase(rest.purchase), eligible)?
        }
        Some(_) | None => Assessment { spend: qualified(accrual).spend, ..Assessment::default() },
    };
    let own = if before.amended.is_none() { accrual.sealed.entry.effects.steps.clone() } else { BTreeMap::new() };
    let again = Again {
        before: &was,
        given: &before.given,
        steps: &before.steps,
        own: &own,
        open: &draft.rules.open_days(draft.today()),
        now: draft.rules.program,
        is_gone: matches!(instead, Instead::Nothing),
    };
    let (occasion, eligible) = match instead {
        Instead::Rest { of, rest } => {
            (Occasion::Purchase(rest.purchase.clone()), then.points.eligible.of_rest(of, rest))
        }
        Instead::Nothing | Instead::Unchanged => (nothing_of(accrual, then), Eligible::default()),
    };
    let is = assess(then, &earner(Pass::Again(&again)), &occasion, eligible)?;
    Ok((was, is))
}

/// What each line of a purchase gives, and why the other rules give nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explained {
    /// What each line gives now.
    pub breakdown: Vec<BreakdownLine>,
    /// Why rules gave nothing.
    pub explanations: Vec<Explanation>,
    /// The day at whose beginning the accrual lapsed, because it was not confirmed. It gives nothing since.
    pub lapsed_on: Option<Date>,
}

/// Explains what the purchase that `accrual` records gives now, with its original rules and facts.
///
/// For an accrual without facts, only the points of its lines are known.
///
/// # Errors
///
/// The document of the version that decided it was not loaded.
pub fn explain(settled: &Settled<'_>, accrual: &Recorded) -> Result<Explained, VersionMissing> {
    let draft = &settled.0;
    let then = draft.rules.versions.program(accrual.sealed.entry.program_version)?;
    let now = accrual.accrual_now();
    let rest = accrual.purchase().filter(|_| !now.is_undone).and_then(|of| Some((of, now.returned.rest_of(of)?)));
    let assessment = rest.and_then(|(of, rest)| {
        let member = accrual.sealed.facts.as_deref()?.member.clone().unwrap_or_default();
        let member = &member.with_personal(then, &draft.account);
        let counters = &Counters::default();
        let earner = Earner { member, account: &draft.account, counters, pass: Pass::Before(&now.given) };
        let eligible = then.points.eligible.of_rest(of, &rest);
        assess(then, &earner, &Occasion::Purchase(rest.purchase), eligible).ok()
    });
    let Assessment { mut breakdown, explanations, .. } = assessment.unwrap_or_default();
    breakdown.retain(|line| now.given.get(&line.rule) == Some(&line.given));
    for (line, given) in &now.given {
        if !breakdown.iter().any(|known| known.rule == *line) {
            breakdown.push(BreakdownLine::new(line, *given, *given));
        }
    }
    let lapsed_on = lapsed_on(draft, then, accrual);
    if lapsed_on.is_some() {
        for line in &mut breakdown {
            line.given = Points::ZERO;
        }
    }
    Ok(Explained { breakdown, explanations, lapsed_on })
}

fn source_of(accrual: &Recorded) -> Option<&Source> {
    accrual.sealed.entry.accrued().map(|accrued| &accrued.source)
}

/// Returns an empty occasion of the same kind, for which no rule counts anything.
fn nothing_of(accrual: &Recorded, then: &Program) -> Occasion {
    let occurred_at = accrual.sealed.entry.occurred_at;
    match source_of(accrual) {
        Some(Source::Activity(kind)) => {
            Occasion::Activity(Activity { kind: kind.clone(), occurred_at, attributes: BTreeMap::new() })
        }
        Some(Source::Referral(_)) => Occasion::Referral(occurred_at),
        Some(Source::Birthday) => Occasion::Birthday(occurred_at),
        Some(Source::Purchase(_)) | None => Occasion::Purchase(Purchase {
            occurred_at,
            total: Money { amount: Amount::default(), currency: then.currency },
            channel: None,
            store: None,
            receipt: None,
            parts: Parts::default(),
            attributes: BTreeMap::new(),
            lines: Vec::new(),
        }),
    }
}

/// Returns the change of each line, in the order of their names.
fn difference(before: &BTreeMap<String, Points>, after: &BTreeMap<String, Points>) -> Vec<(String, Points)> {
    let mut lines: Vec<_> = before.keys().chain(after.keys()).cloned().collect();
    lines.sort_unstable();
    lines.dedup();
    let of = |given: &BTreeMap<String, Points>, line: &String| given.get(line).copied().unwrap_or_default();
    let lines = lines.into_iter().map(|line| {
        let more = of(after, &line) - of(before, &line);
        (line, more)
    });
    lines.filter(|(_, more)| !more.is_zero()).collect()
}

/// Returns the part of the given points that counts toward a tier.
fn qualifying_points(then: &Program, given: &BTreeMap<String, Points>) -> Points {
    let counting = then.earning_rules.iter().filter(|rule| rule.stacking == Stacking::Base && rule.qualifying);
    counting.filter_map(|rule| given.get(rule.id.as_str())).copied().sum()
}

/// Deducts points, or gives more.
fn move_points(
    draft: &Draft<'_>,
    entry: &mut Entry,
    then: &Program,
    accrual: &Recorded,
    more: Points,
) -> Result<(), NotAssessed> {
    if has_lapsed(draft, then, accrual) {
        // The lapse has already removed all its points, and would remove these too.
        return Ok(());
    }
    if more <= Points::ZERO {
        take_points(draft, entry, then, accrual, -more);
        return Ok(());
    }
    let account = &draft.account;
    if account.total() + more > Points::MAX {
        return Err(NotAssessed::Overflow);
    }
    let (earned_on, today) = (then.date(accrual.sealed.entry.occurred_at), draft.today());
    match (awaits_of(then, accrual), accrual.aftermath.confirmed_on) {
        (Some(Awaits::Maturity(day, expiry)), None) => {
            let expiry = then.points.usable(expiry, earned_on, today);
            if day > today {
                entry.effects.wait(Awaits::Maturity(day, expiry), more);
            } else {
                entry.effects.give(account, more, expiry);
            }
        }
        (Some(awaits @ Awaits::Confirmation(_)), None) if awaits.ends_on() > today => entry.effects.wait(awaits, more),
        (_, confirmed_on) => {
            let from = confirmed_on.unwrap_or(earned_on);
            entry.effects.give(account, more, then.points.expires(from, earned_on, today));
        }
    }
    Ok(())
}

/// Deducts `wanted` points, the accrual's own first.
fn take_points(draft: &Draft<'_>, entry: &mut Entry, then: &Program, accrual: &Recorded, wanted: Points) {
    let (account, effects) = (&draft.account, &mut entry.effects);
    let mut left = wanted;
    if let Some(awaits) = awaits_of(then, accrual).filter(|_| accrual.aftermath.confirmed_on.is_none()) {
        left -= effects.take_pending(account, awaits, left.min(accrual.gives().max(Points::ZERO)));
    }
    if let Some(expiry) = own_lot(then, accrual) {
        left -= effects.take_from(account, expiry, left);
    }
    left -= effects.take(account, left);
    match then.points.negative_balance {
        NegativeBalance::Owe => effects.owed = left,
        NegativeBalance::Forgive => {}
    }
}

/// Removes `accrual` from the activities that extend points if nothing `is_left` of it, or adds it again if it is
/// restored. This comes first, so that points are deducted from the resulting lots.
pub(crate) fn follow_activity(draft: &Draft<'_>, entry: &mut Entry, accrual: &Recorded, is_left: bool) {
    let then = draft.then(accrual.sealed.entry.program_version);
    let Some((kind, day)) = activity(then, accrual) else { return };
    let told = &accrual.sealed.entry;
    let waits = told.paid().is_some() || !told.points().is_zero();
    let until = awaits_confirmation(then, accrual, draft.today()).filter(|_| waits);
    match (has_something_left(then, accrual), is_left) {
        // A lapsed accrual no longer extends points.
        _ if has_lapsed(draft, then, accrual) => {}
        (true, false) => {
            if let Some(to) = then.points.extended_to(kind, day) {
                entry.effects.take_acts(&draft.account, (to, until), 1);
            }
        }
        (false, true) => draft.extend(entry, then, (kind, day), until),
        (true, true) | (false, false) => {}
    }
}

/// Makes the extension by `accrual`, which could be confirmed by `last`, permanent.
pub(crate) fn confirm_activity(draft: &Draft<'_>, entry: &mut Entry, accrual: &Recorded, last: Date) {
    let then = draft.then(accrual.sealed.entry.program_version);
    let to = activity(then, accrual).and_then(|(kind, day)| then.points.extended_to(kind, day));
    if let Some(to) = to.filter(|_| has_something_left(then, accrual)) {
        entry.effects.confirm_act(&draft.account, to, last);
    }
}

/// Returns the kind and the day of activity that `accrual` is under the rules of `then`, while anything is left of it;
/// `None` if it is none.
fn activity(then: &Program, accrual: &Recorded) -> Option<(ActivityKind, Date)> {
    let kind = match source_of(accrual)? {
        Source::Purchase(_) => ActivityKind::Purchase,
        Source::Activity(_) => assessment::activity_of(then, &nothing_of(accrual, then))?,
        Source::Birthday | Source::Referral(_) => return None,
    };
    Some((kind, then.date(accrual.sealed.entry.occurred_at)))
}

/// Returns whether anything is left of `accrual` that counts as activity.
fn has_something_left(then: &Program, accrual: &Recorded) -> bool {
    let now = accrual.accrual_now();
    let is_purchase = accrual.sealed.entry.paid().is_some();
    !now.is_undone && (!is_purchase || left_of(then, accrual, &now.returned).0 > 0)
}

/// Completes the `record` of the change of `accrual`, which is then `after`. While it waits for a confirmation, what it
/// counts more waits too. If it has lapsed, nothing more counts.
pub(crate) fn count(
    draft: &Draft<'_>,
    entry: &mut Entry,
    accrual: &Recorded,
    after: &Recorded,
    record: Reassessed,
) -> Reassessed {
    let then = draft.then(accrual.sealed.entry.program_version);
    if has_lapsed(draft, then, accrual) {
        return Reassessed { referral: None, has_lapsed: true, ..record };
    }
    let Some(last) = awaits_confirmation(then, accrual, draft.today()) else { return record };
    let mut change = unconfirmed(&draft.account, then, after);
    change.add(&unconfirmed(&draft.account, then, accrual).negated());
    entry.effects.take_unconfirmed(&draft.account, last, &change.less_of());
    let counted = entry.effects.qualified.iter().map(|counted| (counted.period, counted.amount.more()));
    let more = Unconfirmed {
        qualifying: counted.filter(|(_, amount)| !amount.is_zero()).collect(),
        paid: change.paid.max(0),
        purchases: change.purchases.max(0),
        referrals: 0,
    };
    entry.effects.count_unconfirmed(last, more);
    record
}

/// Returns what `accrual` counts until it is confirmed or lapses, under the days under which `account` stores it.
pub(crate) fn unconfirmed(account: &Account, then: &Program, accrual: &Recorded) -> Unconfirmed {
    let (told, now) = (&accrual.sealed.entry, accrual.accrual_now());
    let is_purchase = told.paid().is_some() && !now.is_undone;
    let (paid, spend) = if is_purchase { left_of(then, accrual, &now.returned) } else { (0, 0) };
    let points = qualifying_points(then, &now.given).get();
    let amount = Qualifying { points, spend, visits: i64::from(is_purchase) };
    let qualified = told.effects.qualified.first();
    let bucket = qualified.map(|qualified| tier::kept_under(account, &accrual.member, qualified.period));
    let pays = is_purchase && !referral::ends(then, accrual, paid);
    Unconfirmed {
        qualifying: bucket.filter(|_| !amount.is_zero()).map(|bucket| (bucket, amount)).into_iter().collect(),
        paid,
        purchases: i64::from(is_purchase),
        referrals: if pays { told.counts_unconfirmed(None).referrals } else { 0 },
    }
}

/// Returns what is left of the amount paid for the purchase of `accrual`, and of its eligible part, after `returned`,
/// in minor units.
fn left_of(then: &Program, accrual: &Recorded, returned: &Returned) -> (i64, i64) {
    let told = accrual.sealed.entry.paid().map(Amount::get).unwrap_or_default();
    let Some(purchase) = accrual.purchase() else { return (told, qualified(accrual).spend) };
    let paid = purchase.total.amount.get().saturating_sub(returned.refunded());
    let spend = returned.rest_of(purchase).map(|rest| then.points.eligible.of_rest(purchase, &rest).total);
    (paid, spend.unwrap_or_default())
}

/// Returns the last day on which `accrual` can be confirmed; `None` if it does not wait for a confirmation on `today`.
pub(crate) fn awaits_confirmation(then: &Program, accrual: &Recorded, today: Date) -> Option<Date> {
    match awaits_of(then, accrual)? {
        Awaits::Confirmation(last) => {
            Some(last).filter(|last| *last >= today && accrual.aftermath.confirmed_on.is_none())
        }
        Awaits::Maturity(..) => None,
    }
}

/// Returns what the pending points of `accrual` wait for, or waited for; `None` if they were spendable at once.
///
/// An accrual that gave nothing at first has no such points, and a later amendment may have given some.
pub(crate) fn awaits_of(then: &Program, accrual: &Recorded) -> Option<Awaits> {
    let entry = &accrual.sealed.entry;
    entry.awaits().or_else(|| {
        let pends = match source_of(accrual)? {
            Source::Purchase(_) | Source::Activity(_) | Source::Referral(_) => {
                assessment::pends(&nothing_of(accrual, then))
            }
            Source::Birthday => false,
        };
        let posted_on = then.date(entry.posted_at);
        let awaits =
            then.points.awaits(then.date(entry.occurred_at), posted_on).filter(|_| pends && entry.points().is_zero());
        awaits.filter(|awaits| awaits.ends_on() > posted_on)
    })
}

/// Returns whether the accrual was not confirmed in time, so that its points have already been removed.
fn has_lapsed(draft: &Draft<'_>, then: &Program, accrual: &Recorded) -> bool {
    lapsed_on(draft, then, accrual).is_some()
}

/// Returns the day at whose beginning the accrual lapsed; `None` if it did not.
fn lapsed_on(draft: &Draft<'_>, then: &Program, accrual: &Recorded) -> Option<Date> {
    match awaits_of(then, accrual)? {
        awaits @ Awaits::Confirmation(_) if accrual.aftermath.confirmed_on.is_none() => {
            Some(awaits.ends_on()).filter(|day| *day <= draft.today())
        }
        Awaits::Confirmation(_) | Awaits::Maturity(..) => None,
    }
}

/// Returns the expiry of points of `accrual` that were confirmed on `confirmed_on`. Their lifetime begins with the
/// confirmation, which may be the day of a late posting.
pub(crate) fn confirmed_expiry(then: &Program, accrual: &Recorded, confirmed_on: Date) -> Expiry {
    let entry = &accrual.sealed.entry;
    then.points.expires(confirmed_on, then.date(entry.occurred_at), then.date(entry.posted_at))
}

/// Returns the lot that the accrual's points were put into, if any, before extensions and merges.
fn own_lot(then: &Program, accrual: &Recorded) -> Option<Expiry> {
    let entry = &accrual.sealed.entry;
    match (awaits_of(then, accrual), accrual.aftermath.confirmed_on) {
        (None, _) => {
            entry.effects.lots.iter().find(|change| change.1 > Points::ZERO).map(|LotChange(expiry, _)| *expiry)
        }
        (Some(_), Some(confirmed_on)) => Some(confirmed_expiry(then, accrual, confirmed_on)),
        (Some(Awaits::Maturity(_, expiry)), None) => Some(expiry),
        (Some(Awaits::Confirmation(_)), None) => None,
    }
}

/// Changes the use of caps by the change of each rule.
fn change_caps(
    draft: &mut Draft<'_>,
    entry: &mut Entry,
    then: &Program,
    occurred_at: jiff::Timestamp,
    (before, after): (&BTreeMap<String, Points>, &BTreeMap<String, Points>),
) {
    let date = then.date(occurred_at);
    for rule in &then.earning_rules {
        let Some(cap) = rule.cap else { continue };
        let of = |given: &BTreeMap<String, Points>| given.get(rule.id.as_str()).copied().unwrap_or_default();
        let used = cap.use_instead(of(before), of(after), &CapOwner::Rule(rule.id.clone()), date);
        draft.record_use(entry, used);
    }
}

/// Returns what the accrual counted toward a tier at first.
fn qualified(accrual: &Recorded) -> Qualifying {
    accrual.sealed.entry.effects.qualified.first().map(|qualified| qualified.amount).unwrap_or_default()
}

/// Changes what the accrual counts toward a tier, if it counted at all.
fn count_qualifying(draft: &Draft<'_>, entry: &mut Entry, accrual: &Recorded, change: Qualifying) {
    let told = &accrual.sealed.entry;
    let Some(qualified) = told.effects.qualified.first() else { return };
    let (program, account) = (draft.rules.program, &draft.account);
    // If their bucket was dropped, amounts of other purchases are not affected.
    let bucket = tier::kept_under(account, &accrual.member, qualified.period);
    let date = program.date(told.occurred_at);
    let (qualified, secured_now) =
        tier::recounted(draft.rules, account, change, bucket, can_still_count(draft, date, bucket));
    entry.effects.qualified.extend(qualified);
    entry.effects.secured_now = secured_now;
}

/// Returns whether amounts of `date` can still be added under the empty bucket `bucket`.
fn can_still_count(draft: &Draft<'_>, date: Date, bucket: Date) -> bool {
    let Some(tiers) = draft.rules.tiers() else { return false };
    let current = tier::first_bucket(draft.rules.program, tiers, &draft.account, draft.today());
    bucket >= current || draft.rules.open_days(draft.today()).meet(date, date)
}

/// Appends `entry`, which changes `accrual` to `now`, after `returned` was returned.
pub(crate) fn mark(draft: &mut Draft<'_>, accrual: &Recorded, entry: Place, now: AccrualNow, returned: Returned) {
    let mut now = AccrualNow { returned, ..now };
    now.entries.push(entry);
    draft.mark(accrual.mark(|aftermath| aftermath.accrual = Some(now)));
}
