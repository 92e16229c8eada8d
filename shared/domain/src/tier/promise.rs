//! Levels that earlier rules promised until a date. A later version does not take them away.
//!
//! When other tiers come into force, the status under the old ones becomes a list of promises, each with its version
//! and its day. So the result is the same whether the account was touched in the meantime or not. When a purchase
//! behind a promise is returned, its own rules evaluate it again.

use jiff::civil::Date;

use crate::{
    rules::{
        program::{Downgrade, Period, Tiers},
        version_head::VersionHead,
        versions::Rules,
    },
    state::account::{Account, Promise, TierOverride},
    tier::{
        downgrade::softened,
        period::current_period,
        promised::add,
        rank::free_rank,
        rolling::{MONTHS_TOLD, Rolling},
        standing::qualified,
    },
    values::{
        calendar::{days_after, months_after},
        id::LevelId,
    },
};

/// Returns what `from` has under the rules in force and earlier ones, for the member `into` whose tier periods begin on
/// other days.
pub(super) fn brought(rules: Rules<'_>, tiers: &Tiers, into: &Account, from: &Account) -> Vec<Promise> {
    let given = given(rules, from, from.settled_on).into_iter().chain(from.promised.iter().cloned());
    let given = given.filter(|promise| tiers.rank(&promise.tier) > free_rank(tiers));
    given.map(|promise| Promise { until: brought_until(rules, tiers, into, &promise), ..promise }).collect()
}

/// Returns the last day of `promise` for the member `into`. A level that does not fall at once when it ends must hold
/// at the end of one of the member's periods, because the downgrade is decided then.
fn brought_until(rules: Rules<'_>, tiers: &Tiers, into: &Account, promise: &Promise) -> Option<Date> {
    let until = promise.until?;
    let is_kept_of = tiers.rank(&promise.tier).is_some_and(|rank| tiers.kept_rank(rank).is_some());
    let falls_at_once = tiers.downgrade == Downgrade::ToQualified && !is_kept_of;
    let last = days_after(until, promise.grace_days.saturating_neg());
    let end =
        current_period(rules.program, tiers, into, last).last.filter(|_| !falls_at_once && last >= into.settled_on);
    Some(end.map_or(until, |end| days_after(end, promise.grace_days)))
}

/// Returns what remains of an override that a higher one of another member replaces: its level until its last day,
/// which is not a level to keep afterwards.
pub(super) fn overridden(rules: Rules<'_>, given: &TierOverride, today: Date) -> Promise {
    let days = today.until(given.until).map_or(0, |left| left.get_days().saturating_add(1));
    Promise {
        tier: given.tier.clone(),
        until: Some(given.until),
        version: rules.tiers_version(),
        grace_days: days,
        as_of: None,
    }
}

/// Turns what the rules before gave `account` as of `day` into promises, when other tiers come into force with `head`.
///
/// Levels get their new ids, and what a version gave that `head` corrects ends.
pub(crate) fn keep_promises(before: Rules<'_>, now: Rules<'_>, head: &VersionHead, account: &mut Account, day: Date) {
    let given = given(before, account, day);
    account.secured.clear();
    let Some(tiers) = now.tiers() else {
        account.promised.clear();
        return;
    };
    let renamed = |level: &LevelId| now.versions.renamed(level, before.program.version, head.version);
    for promise in &mut account.promised {
        promise.tier = renamed(&promise.tier);
    }
    if let Some(overridden) = &mut account.tier_override {
        overridden.tier = renamed(&overridden.tier);
    }
    let given = given.into_iter().map(|promise| Promise { tier: renamed(&promise.tier), ..promise });
    let free = free_rank(tiers);
    add(tiers, account, given.filter(|promise| tiers.rank(&promise.tier) > free));
    account.promised.retain(|promise| Some(promise.version) != head.corrects);
}

/// Returns what `rules` give `account` as of `day`.
fn given(rules: Rules<'_>, account: &Account, day: Date) -> Vec<Promise> {
    let Some(tiers) = rules.tiers() else { return Vec::new() };
    let version = rules.tiers_version();
    let promise = |rank: usize, until: Option<Date>, as_of: Option<Date>| {
        let tier = tiers.levels.get(rank)?.id.clone();
        let grace_days = tiers.grace_days;
        until.is_none_or(|until| until >= day).then_some(Promise { tier, until, version, grace_days, as_of })
    };
    let earned = |as_of: Date| qualified(rules, account, as_of);
    let mut given = Vec::new();
    given.extend(earned(day).and_then(|ground| promise(ground.rank, ground.until, Some(day))));
    let grace = |last: Date| days_after(last, tiers.grace_days);
    for secured in &account.secured {
        let Some(rank) = tiers.rank(&secured.tier) else { continue };
        let until = (!tiers.is_kept(rank)).then(|| grace(secured.through));
        let before = match Rolling::of(rules) {
            Some(_) => days_after(secured.through.first_of_month(), -1),
            None => days_after(current_period(rules.program, tiers, account, secured.through).first, -1),
        };
        if earned(before).is_some_and(|ground| ground.rank >= rank) {
            given.extend(promise(rank, until, Some(before)));
            // What would be kept of earlier levels without those amounts.
            let (kept, _) = softened(tiers, account, free_rank(tiers), before);
            given
                .extend(kept.filter(|kept| Some(*kept) > free_rank(tiers)).and_then(|kept| promise(kept, until, None)));
        } else {
            given.extend(promise(rank, until, None));
        }
    }
    if let Some(rolling) = Rolling::of(rules) {
        for ago in 1..MONTHS_TOLD {
            let last = months_after(day.first_of_month(), ago.saturating_neg()).last_of_month();
            let ground = earned(last).filter(|_| last >= rolling.since);
            given.extend(ground.and_then(|ground| promise(ground.rank, Some(grace(last)), Some(last))));
        }
    }
    given
}

/// Evaluates again what earlier rules promised for amounts stored under `bucket`, some of which were deducted.
pub(super) fn judge_again(rules: Rules<'_>, account: &mut Account, bucket: Date) {
    let Some(tiers) = rules.tiers() else { return };
    let judged: Vec<_> =
        account.promised.iter().filter_map(|promise| judged(rules, account, promise, bucket)).collect();
    account.promised.clear();
    add(tiers, account, judged);
}

/// Returns what remains of `promise`: no higher and no longer than its own rules give now.
fn judged(rules: Rules<'_>, account: &Account, promise: &Promise, bucket: Date) -> Option<Promise> {
    let Some(as_of) = promise.as_of.filter(|_| rests_on(rules, account, promise, bucket)) else {
        return Some(promise.clone());
    };
    let tiers = rules.tiers()?;
    let then = Rules::of(rules.versions, promise.version).ok()?;
    let ground = qualified(then, account, as_of)?;
    let level = then.tiers()?.levels.get(ground.rank)?;
    let given = rules.versions.renamed(&level.id, promise.version, rules.program.version);
    if tiers.rank(&given) <= free_rank(tiers) {
        return None;
    }
    let tier = if tiers.rank(&given) < tiers.rank(&promise.tier) { given } else { promise.tier.clone() };
    let until = match (promise.until, ground.until) {
        (Some(one), Some(other)) if Rolling::of(then).is_some() => Some(one.min(other)),
        // Otherwise the end is that of a period, regardless of its amounts; for a merged member it is that of another
        // period.
        (one, other) => one.or(other),
    };
    Some(Promise { tier, until, ..promise.clone() })
}

/// Returns whether amounts stored under `bucket` are behind `promise`.
fn rests_on(rules: Rules<'_>, account: &Account, promise: &Promise, bucket: Date) -> bool {
    let Some(as_of) = promise.as_of else { return false };
    let then = rules.versions.program(promise.version).ok();
    let period = then.and_then(|then| Some(current_period(then, then.tiers.as_ref()?, account, as_of)));
    period.is_some_and(|Period { first, last }| bucket >= first && last.is_none_or(|last| bucket <= last))
}

/// Drops amounts stored under days before `bound`. A promise that depends on one of them is final from now on, because
/// not all of its amounts are known any more.
pub(super) fn drop_amounts(rules: Rules<'_>, account: &mut Account, bound: Date) {
    let dropped: Vec<_> = account.qualifying.range(..bound).map(|(bucket, _)| *bucket).collect();
    let rests = |promise: &Promise| dropped.iter().any(|bucket| rests_on(rules, account, promise, *bucket));
    let stands: Vec<_> = account.promised.iter().map(rests).collect();
    for (promise, stands) in account.promised.iter_mut().zip(stands) {
        if stands {
            promise.as_of = None;
        }
    }
    account.qualifying.retain(|bucket, _| *bucket >= bound);
    account.counted_elsewhere.retain(|elsewhere| elsewhere.under >= bound);
}
