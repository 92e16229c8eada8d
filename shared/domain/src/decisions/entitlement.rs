//! Use of entitlements: what a level or a plan grants without points.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::civil::Date;

use crate::{
    draft::{Draft, KeyedRequest},
    ledger::{entry::Record, posting::Posting},
    rules::{
        cap::Cap,
        program::{ActivityKind, Entitlement},
        versions::Rules,
    },
    state::{
        account::{Account, Inactive},
        cap_use::{CapChange, CapOwner},
    },
    tier,
    time::settle::Settled,
    values::{calendar::Interval, id::EntitlementId, likeness::Unknown, points::Points},
};

/// Why a use is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UseRefusal {
    /// The account does not spend.
    Inactive(Inactive),
    /// No level and no plan of the program grants it.
    EntitlementNotFound(Unknown),
    /// The member's level and plan do not grant it.
    EntitlementNotHeld,
    /// All uses of the interval are spent.
    EntitlementUsedUp {
        /// The number of uses per interval.
        times: i64,
        /// The first day on which it can be used again; `None` if it does not reset.
        resets_on: Option<Date>,
    },
}

impl fmt::Display for UseRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::EntitlementNotFound(unknown) => unknown.fmt(f),
            Self::EntitlementNotHeld => {
                f.write_str("neither the tier nor the plan of this member gives this entitlement")
            }
            Self::EntitlementUsedUp { times, resets_on: Some(day) } => {
                write!(f, "all {times} uses are spent; the entitlement can be used again from {day} on")
            }
            Self::EntitlementUsedUp { times, resets_on: None } => {
                write!(f, "all {times} uses are spent, and they do not reset")
            }
        }
    }
}

/// An entitlement that a member has, and its uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The entitlement.
    pub id: EntitlementId,
    /// The number of uses in the current interval.
    pub times: i64,
    /// The uses so far.
    pub used: i64,
    /// The uses left.
    pub left: i64,
    /// The first day of the next interval; `None` if there is no next one.
    pub resets_on: Option<Date>,
}

impl Settled<'_> {
    /// Returns what the tier and the plan grant now, each entitlement once, in the order of the ids.
    #[must_use]
    pub fn holdings(&self) -> Vec<Holding> {
        held(&self.0).into_iter().map(|(id, cap)| holding(id, cap, &self.0.account)).collect()
    }
}

/// Returns what the level and the plan of the account grant, with the sum of their numbers.
fn held<'p>(draft: &Draft<'p>) -> BTreeMap<&'p EntitlementId, Cap> {
    let level = draft.rules.tiers().and_then(|tiers| tiers.level(draft.account.tier.as_ref()?));
    let plan = draft.plan();
    let given = level.into_iter().flat_map(|level| &level.entitlements);
    let paid = plan.into_iter().flat_map(|plan| &plan.entitlements);
    let mut times: BTreeMap<_, (&Entitlement, i64)> = BTreeMap::new();
    for entitlement in given.chain(paid) {
        let (_, times) = times.entry(&entitlement.id).or_insert((entitlement, 0));
        *times = times.saturating_add(entitlement.times);
    }
    times.into_iter().map(|(id, (entitlement, times))| (id, entitlement.cap(times))).collect()
}

fn holding(id: &EntitlementId, cap: Cap, account: &Account) -> Holding {
    let today = account.settled_on;
    let used = account.cap_use.of(&CapOwner::Entitlement(id.clone()), Interval::of(cap.every, today));
    Holding {
        id: id.clone(),
        times: cap.most,
        used,
        left: cap.most.saturating_sub(used).max(0),
        resets_on: cap.every.following(cap.every.starting(today)),
    }
}

/// Returns the uses of caps of two members who became `merged`. Uses of an entitlement add up to at most its number:
/// that of the level plus the largest of the plans. They are never less than the uses of either member.
pub(super) fn uses_of_both(rules: Rules<'_>, merged: &Account, into: &Account, from: &Account) -> Vec<CapChange> {
    let today = merged.settled_on;
    let rank = tier::effective(rules, merged, today).map(|ground| ground.rank);
    let level = rank.and_then(|rank| rules.tiers()?.levels.get(rank));
    let times = |given: &[Entitlement], id: &EntitlementId, interval: Interval| {
        let is_it = |one: &&Entitlement| one.id == *id && Interval::of(one.every, today) == interval;
        given.iter().find(is_it).map_or(0, |one| one.times)
    };
    let number = |id: &EntitlementId, interval: Interval| {
        let paid = merged.plans.iter().filter_map(|term| rules.plan(term));
        let paid = paid.map(|plan| times(&plan.entitlements, id, interval)).max().unwrap_or_default();
        level.map_or(0, |level| times(&level.entitlements, id, interval)).saturating_add(paid)
    };
    let change = |CapChange(owner, interval, used): CapChange| {
        let own = into.cap_use.of(&owner, interval);
        let most = match &owner {
            CapOwner::Rule(_) | CapOwner::Reward(_) => None,
            // There is no number for an entitlement that neither holds any more.
            CapOwner::Entitlement(id) => Some(number(id, interval)).filter(|number| *number > 0),
        };
        let most = most.map_or(i64::MAX, |number| number.max(own).max(used));
        let used = own.saturating_add(used).min(most).saturating_sub(own);
        (used != 0).then_some(CapChange(owner, interval, used))
    };
    from.cap_use.changes().filter_map(change).collect()
}

/// Uses once what the member's tier or plan grants without points.
///
/// # Errors
///
/// Refusals are checked in the order of [`UseRefusal`].
pub fn use_once(settled: Settled<'_>, request: &KeyedRequest, id: &EntitlementId) -> Result<Posting, UseRefusal> {
    let mut draft = settled.0;
    draft.account.check_active().map_err(UseRefusal::Inactive)?;
    let held = held(&draft);
    let Some(cap) = held.get(id).copied() else {
        if draft.rules.program.entitlement(id).is_some() {
            return Err(UseRefusal::EntitlementNotHeld);
        }
        let known: BTreeSet<_> = draft.rules.program.entitlements().map(|entitlement| &entitlement.id).collect();
        return Err(UseRefusal::EntitlementNotFound(Unknown::new("entitlement", id, known)));
    };
    let Holding { times, left, resets_on, .. } = holding(id, cap, &draft.account);
    if left == 0 {
        return Err(UseRefusal::EntitlementUsedUp { times, resets_on });
    }

    let used = cap.use_up(Points::ZERO, &CapOwner::Entitlement(id.clone()), draft.today());
    let mut entry = draft.entry_for(request, Record::EntitlementUse(id.clone()), draft.now);
    draft.record_use(&mut entry, used);
    draft.extend(&mut entry, draft.rules.program, (ActivityKind::Entitlement, draft.today()), None);
    draft.post_command(entry);
    Ok(draft.finish())
}
