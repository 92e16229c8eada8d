//! Forgetting: removes from an account what no later posting can need, and the oldest data above a limit.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::{
    rules::{program::MEMORY_BYTES_MAX, versions::Rules},
    state::{
        account::Account,
        cap_use::{CapOwner, owner_bytes, use_bytes},
    },
    tier,
    time::notice,
    values::calendar::Interval,
};

/// Maximum number of bytes of caps and steps in an account: those of two versions, because the data of the version
/// before still counts when the next one begins.
const REMEMBERED_BYTES_MAX: usize = 2 * MEMORY_BYTES_MAX;

/// Drops what no later posting can need.
pub(super) fn forget(rules: Rules<'_>, account: &mut Account) {
    let today = account.settled_on;
    let open = rules.open_days(today);
    account.cap_use.retain(|owner, interval| {
        let Some(last) = interval.last() else { return true };
        match owner {
            CapOwner::Rule(_) => open.meet(interval.first(), last),
            // Rewards are only redeemed, and entitlements only used, at the current time.
            CapOwner::Reward(_) | CapOwner::Entitlement(_) => last >= today,
        }
    });
    for (id, steps) in std::mem::take(&mut account.steps) {
        let steps = match rules.program.rule(&id) {
            Some(rule) => rule.strategy.remembered(steps, &open),
            None => steps,
        };
        account.remember(&id, steps);
    }
    drop_excess(rules, account);
    tier::forget(rules, account);
    notice::forget(account, today);
    // Remaining levels end later.
    account.tier_noticed_through = account.tier_noticed_through.filter(|through| *through >= today);
}

/// Drops what exceeds [`REMEMBERED_BYTES_MAX`], which takes many versions with many capped rules in a short time: first
/// what the rules in force do not know, then the oldest.
fn drop_excess(rules: Rules<'_>, account: &mut Account) {
    let steps = account.steps.iter().map(|(rule, steps)| rule.as_str().len().saturating_add(steps.bytes()));
    let bytes = steps.fold(account.cap_use.bytes(), usize::saturating_add);
    if bytes <= REMEMBERED_BYTES_MAX {
        return;
    }
    account.steps.retain(|rule, _| rules.program.rule(rule).is_some());
    let is_known: BTreeMap<_, _> =
        account.cap_use.iter().map(|(owner, _)| (owner.clone(), rules.program.cap_of(owner).is_some())).collect();
    let is_known = |owner: &CapOwner| is_known.get(owner).copied().unwrap_or_default();
    let end = |interval: Interval| interval.last().unwrap_or(Date::MAX);
    // The name of an owner is dropped with the last of its uses.
    let of_owner = |(owner, uses): (&CapOwner, &BTreeMap<Interval, i64>)| {
        let last = uses.keys().map(|interval| end(*interval)).max();
        let bytes = |interval: Interval, used| {
            let name = if Some(end(interval)) == last { owner_bytes(owner) } else { 0 };
            use_bytes(used).saturating_add(name)
        };
        let uses = uses.iter().map(|(interval, used)| (is_known(owner), end(*interval), bytes(*interval, *used)));
        uses.collect::<Vec<_>>()
    };
    let mut uses: Vec<_> = account.cap_use.iter().flat_map(of_owner).collect();
    uses.sort_unstable();
    let mut excess = bytes.saturating_sub(REMEMBERED_BYTES_MAX);
    // All uses of one day are dropped together, so that the order of the owners does not matter.
    let dropped = uses.iter().take_while(|(_, _, bytes)| {
        let is_excess = excess > 0;
        excess = excess.saturating_sub(*bytes);
        is_excess
    });
    let Some((is_last_known, last, _)) = dropped.last() else { return };
    account.cap_use.retain(|owner, interval| (is_known(owner), end(interval)) > (*is_last_known, *last));
}
