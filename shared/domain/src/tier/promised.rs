//! The list of levels that earlier rules promised until a date.

use jiff::civil::Date;

use crate::{
    rules::program::Tiers,
    state::account::{Account, PROMISES_MAX, Promise},
    tier::rank::Lasting,
    values::calendar::days_after,
};

/// Returns the levels promised to `account` that hold on `today`.
pub(super) fn standing(tiers: &Tiers, account: &Account, today: Date) -> impl Iterator<Item = Lasting> {
    account.promised.iter().filter_map(move |promise| {
        let rank = tiers.rank(&promise.tier).filter(|_| promise.until.is_none_or(|until| until >= today))?;
        Some(Lasting { rank, until: promise.until })
    })
}

/// Returns the highest level promised to `account` that holds on `day` without days of grace, and the version that gave
/// it.
pub(super) fn held(tiers: &Tiers, account: &Account, day: Date) -> Option<(usize, u64)> {
    let through = |promise: &Promise, until| days_after(until, promise.grace_days.saturating_neg());
    let holds =
        account.promised.iter().filter(|promise| promise.until.is_none_or(|until| through(promise, until) >= day));
    holds.filter_map(|promise| Some((tiers.rank(&promise.tier)?, promise.version))).max_by_key(|(rank, _)| *rank)
}

/// Returns the days at whose beginning a promise is no longer a level to keep, and ends.
pub(super) fn ends(promise: &Promise) -> impl Iterator<Item = Date> {
    let grace = promise.grace_days.saturating_neg();
    let ends = promise.until.map(|until| [days_after(until, grace), until]);
    ends.into_iter().flatten().map(|last| days_after(last, 1))
}

/// Promises the level of `rank`, which `version` gave, until a later day, because the rules in force let it fall more
/// slowly.
pub(super) fn prolong(tiers: &Tiers, account: &mut Account, rank: Option<usize>, version: u64, until: Date) {
    let Some((rank, level)) = rank.and_then(|rank| Some((rank, tiers.levels.get(rank)?))) else { return };
    let until = (!tiers.is_kept(rank)).then_some(until);
    let grace_days = tiers.grace_days;
    add(tiers, account, [Promise { tier: level.id.clone(), until, version, grace_days, as_of: None }]);
}

/// Adds promises without duplicates, strongest first, at most [`PROMISES_MAX`]. Above that, promises are dropped first
/// if another gives the same or a higher level for at least as long.
pub(super) fn add(tiers: &Tiers, account: &mut Account, more: impl IntoIterator<Item = Promise>) {
    for promise in more {
        if !account.promised.contains(&promise) {
            account.promised.push(promise);
        }
    }
    let strength = |promise: &Promise| (tiers.rank(&promise.tier), promise.until.unwrap_or(Date::MAX), promise.version);
    account.promised.sort_by_key(|promise| std::cmp::Reverse(strength(promise)));
    while account.promised.len() > PROMISES_MAX {
        let least = outlasted(&account.promised).unwrap_or(PROMISES_MAX);
        account.promised.remove(least);
    }
}

/// Returns the weakest of `promised` (strongest first) that ends no later than a stronger one.
fn outlasted(promised: &[Promise]) -> Option<usize> {
    let mut latest = None;
    let mut weakest = None;
    for (place, promise) in promised.iter().enumerate() {
        let end = Some(promise.until.unwrap_or(Date::MAX));
        if latest >= end {
            weakest = Some(place);
        }
        latest = latest.max(end);
    }
    weakest
}
