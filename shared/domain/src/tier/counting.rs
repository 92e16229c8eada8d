//! Changes of the amounts that count toward a tier, and their effect on levels that were secured before.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::{
    ledger::effects::{Qualified, SecuredNow},
    rules::versions::Rules,
    state::{account::Account, qualifying::Qualifying},
    tier::{
        downgrade::{secure, softened},
        period::{bucket, current_period, first_bucket, qualifying_of},
        promise,
        rank::reached_rank,
        rolling::Rolling,
    },
    values::calendar::days_after,
};

/// Returns the effect of counting `amount` toward the period of `date`. A period that is over may thereby reach a
/// higher level, which is then secured for the current one.
pub(crate) fn counted(
    rules: Rules<'_>,
    account: &Account,
    amount: Qualifying,
    date: Date,
) -> (Option<Qualified>, Option<SecuredNow>) {
    let Some(tiers) = rules.tiers().filter(|_| !amount.is_zero()) else { return (None, None) };
    let bucket = bucket(rules, tiers, account, date);
    let change = Qualified { period: bucket, amount };
    let current = first_bucket(rules.program, tiers, account, account.settled_on);
    let secured_now = (bucket < current).then(|| secured_after(account, |after| count(rules, after, amount, date)));
    (Some(change), secured_now.flatten())
}

/// Returns the effect of an operator's `change` of the current period. Positive amounts count today; negative ones are
/// deducted from the newest amounts of the period.
///
/// # Errors
///
/// What is missing, if the period would count less than zero. Without tiers, nothing counts.
pub(crate) fn adjusted(
    rules: Rules<'_>,
    account: &Account,
    change: Qualifying,
) -> Result<(Vec<Qualified>, Option<SecuredNow>), Qualifying> {
    let Some(tiers) = rules.tiers().filter(|_| !change.is_zero()) else { return Ok((Vec::new(), None)) };
    let today = account.settled_on;
    let (more, mut less) = (change.more(), change.less_of());
    let period = current_period(rules.program, tiers, account, today);
    let days = (period.first, period.last.unwrap_or(Date::MAX));
    let (first, last) = Rolling::of(rules).map_or(days, |rolling| rolling.span(today));
    let mut changes = BTreeMap::new();
    for (bucket, kept) in account.qualifying.range(first..=last).rev() {
        let taken = less.at_most(*kept);
        less = less.less(taken);
        if !taken.is_zero() {
            changes.insert(*bucket, Qualifying::default().less(taken));
        }
    }
    if !less.is_zero() {
        return Err(less);
    }
    let secured_now = secured_after(account, |after| {
        for (bucket, change) in &changes {
            discount(rules, after, change.less_of(), *bucket);
        }
        if !more.is_zero() {
            count(rules, after, more, today);
        }
    });
    if !more.is_zero() {
        let counted: &mut Qualifying = changes.entry(bucket(rules, tiers, account, today)).or_default();
        *counted = counted.plus(more);
    }
    let qualified = changes.into_iter().map(|(period, amount)| Qualified { period, amount });
    Ok((qualified.collect(), secured_now))
}

/// Returns the effect of changing what is stored under `bucket` by `change`.
///
/// The result is never below zero: an operator may have deducted what is returned now. If nothing is stored under the
/// bucket any more, nothing can be deducted; `can_open` says whether something can be added.
pub(crate) fn recounted(
    rules: Rules<'_>,
    account: &Account,
    change: Qualifying,
    bucket: Date,
    can_open: bool,
) -> (Option<Qualified>, Option<SecuredNow>) {
    let kept = account.qualifying.get(&bucket);
    let (more, less) = (change.more(), change.less_of().at_most(kept.copied().unwrap_or_default()));
    let change = more.less(less);
    if rules.tiers().is_none() || change.is_zero() || !(kept.is_some() || can_open) {
        return (None, None);
    }
    let secured_now = secured_after(account, |after| {
        if !less.is_zero() {
            discount(rules, after, less, bucket);
        }
        if !more.is_zero() {
            count_under(rules, after, more, bucket);
        }
    });
    (Some(Qualified { period: bucket, amount: change }), secured_now)
}

/// Returns the effect of no longer counting the amounts `less`, each by the day under which it is stored. What is no
/// longer stored cannot be deducted.
pub(crate) fn uncounted(
    rules: Rules<'_>,
    account: &Account,
    less: &BTreeMap<Date, Qualifying>,
) -> (Vec<Qualified>, Option<SecuredNow>) {
    if rules.tiers().is_none() {
        return (Vec::new(), None);
    }
    let taken =
        less.iter().filter_map(|(bucket, less)| Some((*bucket, less.at_most(*account.qualifying.get(bucket)?))));
    let taken: Vec<_> = taken.filter(|(_, amount)| !amount.is_zero()).collect();
    let secured_now = secured_after(account, |after| {
        for (bucket, amount) in &taken {
            discount(rules, after, *amount, *bucket);
        }
    });
    let qualified = taken.iter().map(|(period, amount)| Qualified { period: *period, amount: amount.negated() });
    (qualified.collect(), secured_now)
}

/// Returns what is secured after `change`, if it differs from before.
pub(super) fn secured_after(account: &Account, change: impl FnOnce(&mut Account)) -> Option<SecuredNow> {
    let mut after = account.clone();
    change(&mut after);
    let is_other = after.secured != account.secured || after.promised != account.promised;
    is_other.then_some(SecuredNow { secured: after.secured, promised: after.promised })
}

fn count(rules: Rules<'_>, account: &mut Account, amount: Qualifying, date: Date) {
    let Some(tiers) = rules.tiers() else { return };
    let bucket = bucket(rules, tiers, account, date);
    count_under(rules, account, amount, bucket);
}

/// Counts `amount` under the day `bucket`. If its period is over, the level that it now reaches is secured for the
/// current one.
pub(super) fn count_under(rules: Rules<'_>, account: &mut Account, amount: Qualifying, bucket: Date) {
    let Some(tiers) = rules.tiers() else { return };
    let counted = account.qualifying.entry(bucket).or_default();
    *counted = counted.plus(amount);
    if let Some(rolling) = Rolling::of(rules) {
        return rolling.raise(account, bucket);
    }
    let period = current_period(rules.program, tiers, account, bucket);
    let current = current_period(rules.program, tiers, account, account.settled_on);
    if let (true, Some(through)) = (period.first < current.first, current.last) {
        let reached = reached_rank(tiers, &qualifying_of(account, period));
        secure(tiers, account, reached, through);
    }
}

/// Deducts `amount` from what is stored under `bucket`. If its period is over and reaches a lower level without it,
/// what it secured for the current period is computed again, and earlier rules evaluate again what they promised for
/// it.
fn discount(rules: Rules<'_>, account: &mut Account, amount: Qualifying, bucket: Date) {
    let Some(tiers) = rules.tiers() else { return };
    let Some(counted) = account.qualifying.get(&bucket).copied() else { return };
    let period = current_period(rules.program, tiers, account, bucket);
    let before = reached_rank(tiers, &qualifying_of(account, period));
    account.qualifying.insert(bucket, counted.less(amount));
    promise::judge_again(rules, account, bucket);
    if let Some(rolling) = Rolling::of(rules) {
        return rolling.lower(account, bucket);
    }
    let after = reached_rank(tiers, &qualifying_of(account, period));
    let current = current_period(rules.program, tiers, account, account.settled_on);
    let (Some(through), true) = (current.last, period.first < current.first) else { return };
    // Other rules closed a period that ended before these began. What they gave for it was evaluated above.
    let is_ours =
        period.last >= Some(rules.tiers_since()) || account.secured.iter().any(|secured| secured.through == through);
    if after < before && is_ours {
        account.secured.retain(|secured| secured.through != through);
        let kept = softened(tiers, account, after, days_after(current.first, -1)).0;
        secure(tiers, account, kept, through);
    }
}
