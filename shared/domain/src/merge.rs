//! Merging two members who are one person: everything that one has becomes the other's.

use std::fmt;

use crate::{
    account::{Account, CapUse, Inactive, PlanTerm, Status},
    draft::Request,
    entry::Kind,
    lots::LotChange,
    points::Points,
    posting::{Claim, Posting},
    settle::Settled,
    tier,
    transfer::incoming,
};

/// Most members who can have been merged into one. Whatever is done about an entry may have to look through the ledgers of
/// all of them.
pub const MERGES_MAX: usize = 10;

/// Most other names of a member, those of members merged into this one among them. Each is some twenty bytes of the account.
pub const ALIASES_MAX: usize = 20;

/// Why two members were not merged, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeRefusal {
    /// The account is closed, or another's already.
    Inactive(Inactive),
    /// The account that it is to go into is.
    OtherInactive(Inactive),
    /// The account has open holds: the points that they reserve belong to redemptions in its own ledger.
    HoldsOpen {
        /// How many.
        holds: usize,
    },
    /// One of the two would come to more than [`MERGES_MAX`] members merged into it.
    TooManyMerges,
    /// It would have more than [`ALIASES_MAX`] other names.
    TooManyAliases,
    /// The other account would hold more than [`Points::MAX`].
    PointsOverflow,
}

impl fmt::Display for MergeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::OtherInactive(inactive) => write!(f, "of the other member: {inactive}"),
            Self::HoldsOpen { holds } => write!(f, "the account has {holds} open holds; capture or cancel them first"),
            Self::TooManyMerges => write!(f, "at most {MERGES_MAX} members can become one"),
            Self::TooManyAliases => write!(f, "the two have more than {ALIASES_MAX} aliases"),
            Self::PointsOverflow => write!(f, "the other account would hold more than {} points", Points::MAX),
        }
    }
}

/// Makes everything that `from` has `into`'s: points with their dates, what is pending or owed, what counted toward a tier
/// and what it secured, use of caps, other names. Of the two tiers the higher one stays. What only one of them may have, an
/// attribute of some name, an override, a plan, a referral, stays `into`'s where it has one.
///
/// The ledger of `from` stays as it is, ends with this, and is part of `into`'s history from now on.
///
/// # Errors
///
/// Refusals are looked for in the order of [`MergeRefusal`].
pub fn merge(from: Settled<'_>, into: Settled<'_>, request: &Request) -> Result<Posting, MergeRefusal> {
    let (mut from, mut into) = (from.0, into.0);
    check(&from.account, &into.account)?;

    let mut out = from.entry_for(request, Kind::TransferOut, from.now);
    out.counterparty = Some(into.account.member.clone());
    out.pending = -from.account.pending.total();
    out.spendable = -from.account.lots.total();
    out.lots = from.account.lots.take(from.account.lots.total());
    out.owed = -from.account.owed;
    out.points = out.pending + out.spendable - out.owed;
    let mut entry = incoming(&into, &from, request);
    entry.points = -out.points;
    entry.pending = -out.pending;
    into.account.pending.absorb(std::mem::take(&mut from.account.pending));
    // Whoever was active as the one was so as the other.
    let extended = from.account.extended_to.take().map(|day| into.extend_to(day)).unwrap_or_default();
    into.give_back(&mut entry, &out.lots, -out.spendable);
    let debt = std::mem::take(&mut from.account.owed);
    let paid = into.account.lots.take(debt);
    let paid_points: Points = paid.iter().map(|LotChange(_, points)| -*points).sum();
    entry.spendable -= paid_points;
    entry.lots.extend(paid);
    entry.lots.extend(extended);
    entry.owed += debt - paid_points;
    into.account.owed += debt - paid_points;

    tier::absorb(from.program, &mut into.account, &mut from.account);
    take_over(&mut into.account, &mut from.account);
    let (giver, taker) = (from.account.member.clone(), into.account.member.clone());
    for alias in std::mem::take(&mut from.account.aliases) {
        into.account.aliases.push(alias.clone());
        from.claim(Claim { alias, member: taker.clone(), from: Some(giver.clone()) });
    }
    from.account.status = Status::Merged { into: taker };

    into.post_with_tier(entry);
    from.post_with_tier(out);
    from.along(into);
    Ok(from.finish())
}

fn check(from: &Account, into: &Account) -> Result<(), MergeRefusal> {
    from.check_open().map_err(MergeRefusal::Inactive)?;
    into.check_open().map_err(MergeRefusal::OtherInactive)?;
    if !from.holds.is_empty() {
        return Err(MergeRefusal::HoldsOpen { holds: from.holds.len() });
    }
    if from.merged_from.len().saturating_add(into.merged_from.len()) >= MERGES_MAX {
        return Err(MergeRefusal::TooManyMerges);
    }
    if from.aliases.len().saturating_add(into.aliases.len()) > ALIASES_MAX {
        return Err(MergeRefusal::TooManyAliases);
    }
    if into.total() + from.total() > Points::MAX {
        return Err(MergeRefusal::PointsOverflow);
    }
    Ok(())
}

/// Everything else of an account that is not its own.
fn take_over(into: &mut Account, from: &mut Account) {
    for (id, value) in std::mem::take(&mut from.attributes) {
        into.attributes.entry(id).or_insert(value);
    }
    add_use(&mut into.cap_use, std::mem::take(&mut from.cap_use));
    for (rule, steps) in std::mem::take(&mut from.steps) {
        let both = into.steps.remove(&rule).unwrap_or_default().plus(steps);
        into.remember(&rule, both);
    }
    into.plan = longer(into.plan.take(), from.plan.take());
    // What was told of one ledger's points says nothing of the other's, in which these now stand.
    from.noticed_through = None;
    into.birthday_on = into.birthday_on.max(from.birthday_on.take());
    // Of two who are one, neither has brought the other.
    let mut brought = [into.referral.take(), from.referral.take()].into_iter().flatten();
    let (one, other) = (into.member.clone(), from.member.clone());
    into.referral = brought.find(|referral| referral.by != one && referral.by != other);
    let ledgers = std::mem::take(&mut from.merged_from);
    into.merged_from.splice(..0, std::iter::once(from.member.clone()).chain(ledgers));
}

/// Of two terms the one of the plan that stays: `own`, unless the other has the same plan for longer.
fn longer(own: Option<PlanTerm>, other: Option<PlanTerm>) -> Option<PlanTerm> {
    match (own, other) {
        (Some(own), Some(other)) if other.plan == own.plan && other.through > own.through => Some(other),
        (own, other) => own.or(other),
    }
}

/// Adds up the use of caps, so that two accounts do not give one person twice of what is once for each.
fn add_use(into: &mut CapUse, from: CapUse) {
    for (owner, by_interval) in from {
        let sums = into.entry(owner).or_default();
        for (start, used) in by_interval {
            let sum = sums.entry(start).or_default();
            *sum = sum.saturating_add(used);
        }
    }
}
