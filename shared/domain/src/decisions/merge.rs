//! Merges two members who are one person: everything of one moves to the other.

use std::{collections::BTreeMap, fmt};

use crate::{
    decisions::{entitlement::uses_of_both, names::ALIASES_MAX, transfer::incoming},
    draft::{Draft, KeyedRequest},
    ledger::{
        entry::{Effects, Record, TakenOver},
        posting::{Claim, Posting},
    },
    rules::program::{ATTRIBUTE_BYTES_MAX, ATTRIBUTES_MAX, check_size},
    state::{
        account::{Account, Inactive, Referral, ReferralDebt},
        lots::LotChange,
        pending::PendingChange,
        plan_term::PlanTerm,
        steps::StepsChange,
        unconfirmed::{Unconfirmed, UnconfirmedChange},
    },
    tier,
    time::settle::Settled,
    values::points::Points,
};

/// Maximum number of members merged into one. A command that acts on an entry may have to search the ledgers of all of
/// them.
pub const MERGES_MAX: usize = 10;

/// Maximum number of plan terms of a member: the one that runs and those that wait. Each takes up to 160 bytes of the
/// account.
pub const PLANS_MAX: usize = 5;

/// Why a merge is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeRefusal {
    /// The account is closed, erased or already merged.
    Inactive(Inactive),
    /// The account to merge into is not active.
    OtherInactive(Inactive),
    /// The account has open holds. The points that they reserve belong to redemptions in its own ledger.
    HoldsOpen {
        /// The number of open holds.
        holds: usize,
    },
    /// More than [`MERGES_MAX`] members would be merged into one.
    TooManyMerges,
    /// The account would have more than [`ALIASES_MAX`] aliases.
    TooManyAliases,
    /// The account would have more attributes, or more bytes of them, than allowed.
    TooManyAttributes,
    /// The account would have more than [`PLANS_MAX`] plan terms.
    TooManyPlans,
    /// The other account would have more than [`Points::MAX`].
    PointsOverflow,
}

impl fmt::Display for MergeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::OtherInactive(inactive) => write!(f, "of the other member: {inactive}"),
            Self::HoldsOpen { holds } => write!(f, "the account has {holds} open holds; capture or cancel them first"),
            Self::TooManyMerges => write!(f, "at most {MERGES_MAX} members can be merged into one"),
            Self::TooManyAliases => write!(f, "the two members together have more than {ALIASES_MAX} aliases"),
            Self::TooManyAttributes => write!(
                f,
                "the two members together have more attributes than one member can have, which is {ATTRIBUTES_MAX} with \
                 {ATTRIBUTE_BYTES_MAX} bytes together; remove some from one of them"
            ),
            Self::TooManyPlans => write!(
                f,
                "the two members together have more than {PLANS_MAX} plans that run or wait; wait until one is over, or end one"
            ),
            Self::PointsOverflow => write!(f, "the other account would hold more than {} points", Points::MAX),
        }
    }
}

/// Moves everything from `from` to `into`: points with their dates, pending and owed points, amounts toward a tier and
/// secured levels, use of caps, aliases, and plans, which run one after the other. The higher of the two tiers stays.
/// If only one value can remain (an attribute, an override, a referral), that of `into` stays if it has one.
///
/// The ledger of `from` stays, ends with this entry, and is part of `into`'s history from now on.
///
/// # Errors
///
/// Refusals are checked in the order of [`MergeRefusal`].
pub fn merge(from: Settled<'_>, into: Settled<'_>, request: &KeyedRequest) -> Result<Posting, MergeRefusal> {
    let (mut from, mut into) = (from.0, into.0);
    let plans = plans_of_both(&into, &from);
    check(&from.account, &into.account, &plans)?;

    let mut out = from.entry_for(request, Record::MergeOut(into.account.member.clone()), from.now);
    out.effects.give_up(&from.account);
    let absorbed = tier::absorbed(into.rules, &into.account, &from.account);
    let taken_over = TakenOver { counted_elsewhere: absorbed.counted_elsewhere, ..taken_over(&into, &from, plans) };
    let mut entry = incoming(&into, &from, request, Record::MergeIn(Box::new(taken_over)));
    (entry.effects.qualified, entry.effects.secured_now) = (absorbed.qualified, absorbed.secured_now);
    come_in(&mut entry.effects, &into, &from, &out.effects);
    let mut merged = into.account.clone();
    merged.apply(&entry);
    // So two accounts do not give one person twice what each person gets once.
    entry.effects.caps = uses_of_both(into.rules, &merged, &into.account, &from.account);

    take_personal_data(&mut into, &mut from);
    into.post_command(entry);
    from.post_command(out);
    from.along(into.finish());
    Ok(from.finish())
}

/// Returns what moves with the account besides its points.
fn taken_over(into: &Draft<'_>, from: &Draft<'_>, plans: Vec<PlanTerm>) -> TakenOver {
    let (into_account, from_account) = (&into.account, &from.account);
    TakenOver {
        from: from_account.member.clone(),
        merged_from: from_account.merged_from.clone(),
        tier_override: tier::stronger(
            into.rules,
            into_account.tier_override.as_ref(),
            from_account.tier_override.as_ref(),
        ),
        plans,
        counted_elsewhere: Vec::new(),
        referral: referral_of_both(into_account, from_account).cloned(),
        referral_debts: debts_of_both(into_account, from_account),
        birthday_on: into_account.birthday_on.max(from_account.birthday_on),
        bought: into_account.bought.plus(from_account.bought),
    }
}

/// Adds to `effects` what the points and steps of `from` change in `into`; `out` is what leaves `from`.
fn come_in(effects: &mut Effects, into: &Draft<'_>, from: &Draft<'_>, out: &Effects) {
    let account = &into.account;
    // Activity of one account counts for both.
    if let Some(day) = from.account.extended_to {
        effects.extend(account, day);
    }
    effects.pending =
        out.pending.iter().map(|PendingChange(awaits, points)| PendingChange(*awaits, -*points)).collect();
    effects.unconfirmed = unconfirmed_of(into, from).collect();
    let points: Points = out.lots.iter().map(|LotChange(_, points)| -*points).sum();
    effects.give_back(account, &out.lots, points);
    let debt = from.account.owed;
    let paid = effects.take(account, debt);
    effects.owed += debt - paid;
    for (rule, steps) in &from.account.steps {
        let before = account.steps.get(rule).cloned().unwrap_or_default();
        let after = before.clone().plus(steps.clone());
        effects.steps.insert(rule.clone(), StepsChange::between(&before, &after, 0));
    }
}

/// Returns what the unconfirmed accruals of `from` count in `into`, under the days under which `into` stores them. Only
/// the referral that stays can be paid again.
fn unconfirmed_of(into: &Draft<'_>, from: &Draft<'_>) -> impl Iterator<Item = UnconfirmedChange> {
    let stays = from.account.referral.is_some()
        && referral_of_both(&into.account, &from.account) == from.account.referral.as_ref();
    from.account.pending.unconfirmed().iter().map(move |(last, counts)| {
        let mut taken_over = Unconfirmed {
            qualifying: BTreeMap::new(),
            referrals: if stays { counts.referrals } else { 0 },
            ..counts.clone()
        };
        for (bucket, amount) in &counts.qualifying {
            let bucket = tier::taken_over_bucket(into.rules, &into.account, &from.account, *bucket);
            taken_over.add(&Unconfirmed { qualifying: BTreeMap::from([(bucket, *amount)]), ..Unconfirmed::default() });
        }
        UnconfirmedChange(*last, taken_over)
    })
}

/// Moves attributes and aliases to the account that stays. They are stored outside of the entries.
fn take_personal_data(into: &mut Draft<'_>, from: &mut Draft<'_>) {
    for (id, value) in std::mem::take(&mut from.account.attributes) {
        into.account.attributes.entry(id).or_insert(value);
    }
    let (giver, taker) = (from.account.member.clone(), into.account.member.clone());
    for alias in std::mem::take(&mut from.account.aliases) {
        into.account.aliases.push(alias.clone());
        from.claim(Claim { alias, member: taker.clone(), from: Some(giver.clone()) });
    }
}

fn check(from: &Account, into: &Account, plans: &[PlanTerm]) -> Result<(), MergeRefusal> {
    from.check_active().map_err(MergeRefusal::Inactive)?;
    into.check_active().map_err(MergeRefusal::OtherInactive)?;
    if !from.holds.is_empty() {
        return Err(MergeRefusal::HoldsOpen { holds: from.holds.len() });
    }
    if from.merged_from.len().saturating_add(into.merged_from.len()) >= MERGES_MAX {
        return Err(MergeRefusal::TooManyMerges);
    }
    if from.aliases.len().saturating_add(into.aliases.len()) > ALIASES_MAX {
        return Err(MergeRefusal::TooManyAliases);
    }
    let attributes: BTreeMap<_, _> = from.attributes.iter().chain(&into.attributes).collect();
    if attributes.len() > ATTRIBUTES_MAX || check_size(attributes.into_iter()).is_err() {
        return Err(MergeRefusal::TooManyAttributes);
    }
    if plans.len() > PLANS_MAX {
        return Err(MergeRefusal::TooManyPlans);
    }
    if into.total() + from.total() > Points::MAX {
        return Err(MergeRefusal::PointsOverflow);
    }
    Ok(())
}

/// Returns the plans of both, one after the other. Those of `into` come first if they are of equal value.
fn plans_of_both(into: &Draft<'_>, from: &Draft<'_>) -> Vec<PlanTerm> {
    let theirs = from.account.plans.iter().map(|term| {
        let ledger = term.ledger.clone().or_else(|| Some(from.account.member.clone()));
        PlanTerm { ledger, ..term.clone() }
    });
    into.rules.merged(into.account.plans.iter().cloned().chain(theirs), into.today())
}

/// Returns the referral payments that both owe, without those to each other.
fn debts_of_both(into: &Account, from: &Account) -> Vec<ReferralDebt> {
    let debts = into.referral_debts.iter().chain(&from.referral_debts);
    debts.filter(|debt| debt.to != into.member && debt.to != from.member).cloned().collect()
}

/// Returns how the person was referred, without a referral of one account by the other.
fn referral_of_both<'a>(into: &'a Account, from: &'a Account) -> Option<&'a Referral> {
    let mut referrals = [&into.referral, &from.referral].into_iter().flatten();
    referrals.find(|referral| referral.by != into.member && referral.by != from.member)
}
