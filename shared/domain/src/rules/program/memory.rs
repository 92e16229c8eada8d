//! Bounds the data that an account stores for a program's caps and steps.

use std::collections::BTreeMap;

use crate::{
    rules::{
        cap::{Cap, Per},
        node::Node,
        program::{Program, entitlements::Entitlement},
    },
    state::cap_use::{CapOwner, owner_bytes, use_bytes},
    values::{calendar::Every, id::EntitlementId},
};

/// Maximum number of bytes of caps and steps in an account, as DynamoDB counts them.
///
/// A command that changes an account pays two write units for each kilobyte of it, so a program at this bound makes a
/// purchase cost up to 16 units more. Eighteen rules with a cap per day fit with 30 days of backdating, two hundred
/// with a cap that never resets.
pub const MEMORY_BYTES_MAX: usize = 8 * 1024;

/// Data that accounts store.
struct Memory {
    /// The place in the document.
    at: String,
    /// A description for people.
    what: String,
    /// The maximum number of bytes in an account.
    bytes: usize,
}

/// Reports, at the largest part, that the program makes accounts store too much.
pub(super) fn check(program: &Program, node: &Node<'_>) {
    let memories: Vec<_> = of_rules(program).chain(of_rewards(program)).chain(of_entitlements(program)).collect();
    let bytes = memories.iter().fold(0_usize, |sum, memory| sum.saturating_add(memory.bytes));
    let Some(largest) = memories.iter().rev().max_by_key(|memory| memory.bytes) else { return };
    if bytes > MEMORY_BYTES_MAX {
        let message = format!(
            "all caps, limits, punch cards and challenges together would make an account hold up to {bytes} bytes, and at most \
             {MEMORY_BYTES_MAX} are allowed; the largest part is {}, with up to {} bytes: use fewer of them, longer intervals, \
             caps per program, or less than {} points.backdating_days_max",
            largest.what, largest.bytes, program.points.backdating_days_max,
        );
        node.lint_below(&largest.at, "account_too_large", message);
    }
}

fn of_rules(program: &Program) -> impl Iterator<Item = Memory> {
    let days = program.points.backdating_days_max;
    program.earning_rules.iter().enumerate().flat_map(move |(place, rule)| {
        let cap = rule.cap.and_then(|cap| of_cap(&cap, &rule.cap_owner(), intervals(cap.every, days)));
        let steps = rule.strategy.remembered_bytes_max(days);
        let steps = (steps > 0).then(|| steps.saturating_add(rule.id.as_str().len()));
        let parts = [("cap", "the cap", cap), ("give", "the progress", steps)];
        parts.into_iter().filter_map(move |(field, what, bytes)| {
            let at = format!("/earning_rules/{place}/{field}");
            Some(Memory { at, what: format!("{what} of rule {}", rule.id), bytes: bytes? })
        })
    })
}

fn of_rewards(program: &Program) -> impl Iterator<Item = Memory> {
    program.rewards.iter().enumerate().filter_map(|(place, reward)| {
        let bytes = of_cap(&reward.limit?, &reward.cap_owner(), 1)?;
        Some(Memory {
            at: format!("/rewards/{place}/limit"),
            what: format!("the limit of reward {}", reward.id),
            bytes,
        })
    })
}

/// Returns the entitlements of levels and plans. An entitlement of several levels or plans counts once, with the sum of
/// its numbers.
fn of_entitlements(program: &Program) -> impl Iterator<Item = Memory> {
    let levels = program.tiers.iter().flat_map(|tiers| &tiers.levels).enumerate();
    let levels = levels.map(|(place, level)| (format!("/tiers/levels/{place}"), &level.entitlements));
    let plans = program.plans.iter().enumerate().map(|(place, plan)| (format!("/plans/{place}"), &plan.entitlements));
    let mut held: BTreeMap<&EntitlementId, (String, Entitlement)> = BTreeMap::new();
    for (above, entitlements) in levels.chain(plans) {
        for (place, entitlement) in entitlements.iter().enumerate() {
            held.entry(&entitlement.id)
                .and_modify(|(_, sum)| sum.times = sum.times.saturating_add(entitlement.times))
                .or_insert_with(|| (format!("{above}/entitlements/{place}"), entitlement.clone()));
        }
    }
    held.into_values().filter_map(|(at, sum)| {
        let bytes = of_cap(&sum.cap(sum.times), &CapOwner::Entitlement(sum.id.clone()), 1)?;
        Some(Memory { at, what: format!("the uses of entitlement {}", sum.id), bytes })
    })
}

/// Returns the maximum number of bytes of `cap` in an account with `intervals`; `None` if a counter of the program
/// stores it.
fn of_cap(cap: &Cap, owner: &CapOwner, intervals: usize) -> Option<usize> {
    let uses = intervals.saturating_mul(use_bytes(cap.most));
    (cap.per == Per::Member).then(|| owner_bytes(owner).saturating_add(uses))
}

/// Returns the maximum number of intervals for which something may still be posted: `backdating_days_max` days, today,
/// and tomorrow for a clock that is ahead.
fn intervals(every: Every, backdating_days_max: i32) -> usize {
    let days = usize::try_from(backdating_days_max).unwrap_or_default().saturating_add(2);
    let shortest = match every {
        Every::Day => return days,
        Every::Week => 7,
        Every::Month => 28,
        Every::Year => 365,
        Every::Ever => return 1,
    };
    // That number of days can extend into one more interval.
    days.div_ceil(shortest).saturating_add(1)
}
