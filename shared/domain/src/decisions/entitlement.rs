//! Using what a level or a plan gives without points.

use std::{collections::BTreeMap, fmt};

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
    values::{calendar::Interval, id::EntitlementId, points::Points},
};

/// Why nothing was used, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UseRefusal {
    /// The account does not spend.
    Inactive(Inactive),
    /// No level and no plan of the program gives such a thing.
    EntitlementNotFound,
    /// The member's own do not.
    EntitlementNotHeld,
    /// It was used as often as it may be for now.
    EntitlementUsedUp {
        /// How often.
        times: i64,
        /// The first day on which it can be used again; `None` if there is none.
        resets_on: Option<Date>,
    },
}

impl fmt::Display for UseRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::EntitlementNotFound => f.write_str("no level and no plan of the program gives this"),
            Self::EntitlementNotHeld => f.write_str("the member's level and plan do not give this"),
            Self::EntitlementUsedUp { times, resets_on: Some(day) } => {
                write!(f, "this was used {times} times, and can be used again on {day}")
            }
            Self::EntitlementUsedUp { times, resets_on: None } => write!(f, "this was used {times} times, for ever"),
        }
    }
}

/// What a member may use without points, and how often still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// What.
    pub id: EntitlementId,
    /// How often in the current interval.
    pub times: i64,
    /// How often it was used in it.
    pub used: i64,
    /// How often it still can be.
    pub left: i64,
    /// The first day of the next interval; `None` if there is none.
    pub resets_on: Option<Date>,
}

impl Settled<'_> {
    /// What the member may use now: what the tier and the plan give, each once, in the order of their ids.
    #[must_use]
    pub fn holdings(&self) -> Vec<Holding> {
        held(&self.0).into_iter().map(|(id, cap)| holding(id, cap, &self.0.account)).collect()
    }
}

/// What the level and the plan of the account give, with the times of both together.
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

/// What both of two members who became `merged` have used of caps. Uses of an entitlement add up to no more than its number: the times
/// of the level and the most that one of the plans gives. They never come to less than one of the two has used.
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
            // Of what neither holds any more there is no number.
            CapOwner::Entitlement(id) => Some(number(id, interval)).filter(|number| *number > 0),
        };
        let most = most.map_or(i64::MAX, |number| number.max(own).max(used));
        let used = own.saturating_add(used).min(most).saturating_sub(own);
        (used != 0).then_some(CapChange(owner, interval, used))
    };
    from.cap_use.changes().filter_map(change).collect()
}

/// Uses once what the member's tier or plan gives without points.
///
/// # Errors
///
/// Refusals are checked in the order of [`UseRefusal`].
pub fn use_once(settled: Settled<'_>, request: &KeyedRequest, id: &EntitlementId) -> Result<Posting, UseRefusal> {
    let mut draft = settled.0;
    draft.account.check_active().map_err(UseRefusal::Inactive)?;
    let held = held(&draft);
    let Some(cap) = held.get(id).copied() else {
        let is_known = draft.rules.program.entitlement(id).is_some();
        return Err(if is_known { UseRefusal::EntitlementNotHeld } else { UseRefusal::EntitlementNotFound });
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
