//! Tiers after a merge of two members: neither status is shortened, and returns still find the amounts behind them.

use jiff::civil::Date;

use crate::{
    ledger::effects::{Qualified, SecuredNow},
    rules::{
        program::{Program, Tiers},
        versions::Rules,
    },
    state::account::{Account, CountedElsewhere, Secured, TierOverride},
    tier::{
        counting::{count_under, secured_after},
        downgrade::secure,
        period::{self, current_period},
        promise, promised,
    },
    values::id::MemberId,
};

/// The amounts and the status of one member, as another takes them over.
#[derive(Debug, Default)]
pub(crate) struct Absorbed {
    /// The amounts to count.
    pub(crate) qualified: Vec<Qualified>,
    /// What is secured and promised afterwards, if it differs from before.
    pub(crate) secured_now: Option<SecuredNow>,
    /// Amounts of merged members that are stored under other days than before.
    pub(crate) counted_elsewhere: Vec<CountedElsewhere>,
}

/// Returns whether the two have the same tier periods. If periods begin on the day of joining, they may differ.
fn have_same_periods(program: &Program, tiers: &Tiers, into: &Account, from: &Account) -> bool {
    let period = |account| current_period(program, tiers, account, into.settled_on);
    period(into) == period(from)
}

/// Returns the day under which `into` stores what `from` stored under `bucket`. If their periods differ, amounts of the
/// current period count in the current one, and earlier amounts in the period in which theirs ended.
pub(crate) fn taken_over_bucket(rules: Rules<'_>, into: &Account, from: &Account, bucket: Date) -> Date {
    let Some(tiers) = rules.tiers().filter(|tiers| !have_same_periods(rules.program, tiers, into, from)) else {
        return bucket;
    };
    let today = into.settled_on;
    let day = current_period(rules.program, tiers, from, bucket).last.map_or(today, |last| last.min(today));
    period::bucket(rules, tiers, into, day)
}

/// Returns what counts toward `from`'s tier as it counts toward `into`'s: the sum of both in each period, what earlier
/// periods secured and earlier rules promised. If their periods differ, `from`'s status is promised for as long as it
/// lasts.
pub(crate) fn absorbed(rules: Rules<'_>, into: &Account, from: &Account) -> Absorbed {
    let Some(tiers) = rules.tiers() else { return Absorbed::default() };
    let today = into.settled_on;
    let have_same_periods = have_same_periods(rules.program, tiers, into, from);
    let mut qualified = Vec::new();
    let mut moved = Vec::new();
    let secured_now = secured_after(into, |after| {
        for (bucket, amount) in &from.qualifying {
            let under = taken_over_bucket(rules, into, from, *bucket);
            if !have_same_periods {
                moved.push((current_period(rules.program, tiers, from, *bucket).first, under));
            }
            qualified.push(Qualified { period: under, amount: *amount });
            count_under(rules, after, *amount, under);
        }
        if have_same_periods {
            for Secured { tier, through } in &from.secured {
                secure(tiers, after, tiers.rank(tier), *through);
            }
            promised::add(tiers, after, from.promised.iter().cloned());
        } else {
            promised::add(tiers, after, promise::brought(rules, tiers, into, from));
        }
        let weaker = weaker(tiers, into.tier_override.as_ref(), from.tier_override.as_ref());
        promised::add(tiers, after, weaker.map(|given| promise::overridden(rules, given, today)));
    });
    Absorbed { qualified, secured_now, counted_elsewhere: counted_elsewhere(into, from, &moved) }
}

/// Returns where amounts of merged members are stored after those of the periods of `from` have `moved`, each from the
/// first day of its period to the day in `into`.
fn counted_elsewhere(into: &Account, from: &Account, moved: &[(Date, Date)]) -> Vec<CountedElsewhere> {
    let under = |day: Date| {
        let to = moved.iter().filter(|(first, _)| *first <= day).max_by_key(|(first, _)| *first);
        to.map_or(day, |(_, here)| *here)
    };
    let before = from.counted_elsewhere.iter();
    let before = before.map(|before| CountedElsewhere { under: under(before.under), ..before.clone() });
    // Amounts that had been moved before are moved again.
    let is_new = |ledger: &&MemberId| !from.counted_elsewhere.iter().any(|before| before.ledger == **ledger);
    let new = from.ledgers().filter(is_new).flat_map(|ledger| {
        moved.iter().map(|(first, here)| CountedElsewhere { ledger: ledger.clone(), from: *first, under: *here })
    });
    let mut all = into.counted_elsewhere.clone();
    for one in before.chain(new) {
        match all.iter_mut().find(|other| (&other.ledger, other.under) == (&one.ledger, one.under)) {
            Some(known) => known.from = known.from.min(one.from),
            None => all.push(one),
        }
    }
    all
}

/// Returns the day under which amounts are stored that were counted under `day` in `ledger`, which may be that of a
/// merged member.
pub(crate) fn kept_under(account: &Account, ledger: &MemberId, day: Date) -> Date {
    let of_ledger = account.counted_elsewhere.iter().filter(|elsewhere| elsewhere.ledger == *ledger);
    let newest = of_ledger.filter(|elsewhere| elsewhere.from <= day).max_by_key(|elsewhere| elsewhere.from);
    newest.map_or(day, |elsewhere| elsewhere.under)
}

/// Returns the higher of two overrides, or the longer of two equal ones.
pub(crate) fn stronger(
    rules: Rules<'_>,
    one: Option<&TierOverride>,
    other: Option<&TierOverride>,
) -> Option<TierOverride> {
    let rank = |given: &&TierOverride| (rules.tiers().and_then(|tiers| tiers.rank(&given.tier)), given.until);
    one.into_iter().chain(other).max_by_key(rank).cloned()
}

/// Returns the weaker of two overrides, if it lasts longer.
fn weaker<'a>(
    tiers: &Tiers,
    one: Option<&'a TierOverride>,
    other: Option<&'a TierOverride>,
) -> Option<&'a TierOverride> {
    let (one, other) = one.zip(other)?;
    let (higher, lower) = if tiers.rank(&one.tier) > tiers.rank(&other.tier) { (one, other) } else { (other, one) };
    Some(lower).filter(|lower| lower.until > higher.until && tiers.rank(&lower.tier) < tiers.rank(&higher.tier))
}
