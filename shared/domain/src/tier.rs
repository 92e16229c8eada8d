//! The effective tier: derived from the account, the program and the day, and able to explain itself.

mod promise;
mod rolling;

use jiff::civil::Date;

pub(crate) use self::promise::keep_promises;
use self::rolling::{Lasting, Rolling};
use crate::{
    account::{Account, Qualifying, Secured, TierOverride},
    calendar::days_after,
    effects::{Qualified, SecuredNow},
    program::{BasisUnit, Downgrade, Level, Period, PeriodRule, Program, Tiers},
    versions::Rules,
};

/// What gives a member the effective tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// What counts in the current period reaches it.
    Qualified,
    /// An earlier period earned it, or earlier rules gave it.
    Secured,
    /// An operator gave it.
    Override,
    /// The member pays for a plan that has it as its floor.
    Plan,
}

impl Because {
    /// Its name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Qualified => "qualified",
            Self::Secured => "secured",
            Self::Override => "override",
            Self::Plan => "plan",
        }
    }
}

/// What is missing for a level, by kind of amount, and until when there is time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing<'p> {
    /// The level.
    pub level: &'p Level,
    /// How much of each kind. Whether one of them is enough, or all are needed, is the program's basis.
    pub amounts: Vec<(BasisUnit, i64)>,
    /// The last day on which it can be earned; `None` if there is no such day.
    pub by: Option<Date>,
}

/// Where a member stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing<'p> {
    /// The effective level; `None` if not even the lowest is reached.
    pub level: Option<&'p Level>,
    /// What gives it.
    pub because: Because,
    /// The last day that it is certain for, if nothing is taken back; `None` if it does not end by itself.
    pub until: Option<Date>,
    /// What is missing for the next level; `None` at the top.
    pub next: Option<Missing<'p>>,
    /// What is missing to keep this level when its time is over; `None` if nothing is.
    pub keep: Option<Missing<'p>>,
}

/// The level that `account` has on `today`, and why. `None` if the program has no tiers.
#[must_use]
pub(crate) fn standing<'p>(rules: Rules<'p>, account: &Account, today: Date) -> Option<Standing<'p>> {
    let tiers = rules.tiers()?;
    let period = current_period(rules.program, tiers, account, today);
    let qualifying = qualifying_of(account, period);
    let claim = effective(rules, account, today);
    let rank = claim.map(|claim| claim.rank);
    let next_rank = rank.map_or(0, |rank| rank.saturating_add(1));
    let level = rank.and_then(|rank| tiers.levels.get(rank));
    let counts_until = match rolling(rules) {
        Some(rolling) => rolling.whole_until(account, today),
        None => period.last,
    };
    let next = tiers.levels.get(next_rank).map(|next| Missing::of(next, &qualifying, counts_until));
    let keep = level.zip(claim).and_then(|(level, claim)| {
        let until = claim.until?;
        match (claim.because, rolling(rules)) {
            (Because::Secured, _) => {
                let by = period.last.map_or(until, |last| last.min(until));
                Some(Missing::of(level, &qualifying, Some(by)))
            }
            // What will count when what counts today no longer reaches it.
            (Because::Qualified, Some(rolling)) => {
                let then = days_after(days_after(until, tiers.grace_days.saturating_neg()), 1);
                Some(Missing::of(level, &rolling.window(account, then), Some(until)))
            }
            (Because::Qualified, None) | (Because::Override | Because::Plan, _) => None,
        }
    });
    Some(Standing {
        level,
        because: claim.map_or(Because::Qualified, |claim| claim.because),
        until: claim.and_then(|claim| claim.until),
        next,
        keep,
    })
}

impl<'p> Missing<'p> {
    fn of(level: &'p Level, qualifying: &Qualifying, by: Option<Date>) -> Self {
        Self { level, amounts: level.thresholds.missing(qualifying).collect(), by }
    }
}

/// A ground on which a member has a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) rank: usize,
    pub(crate) because: Because,
    pub(crate) until: Option<Date>,
}

/// The strongest ground: the highest of the level that this period reaches, what earlier periods secured or earlier rules
/// gave, an override, and the floor of a plan. Of equals, what lasts longer counts, because the level is certain for so long;
/// then the first.
pub(crate) fn effective(rules: Rules<'_>, account: &Account, today: Date) -> Option<Claim> {
    let tiers = rules.tiers()?;
    let by_strength = |lasting: &Lasting| (lasting.rank, lasting.until.unwrap_or(Date::MAX));
    let secured = match rolling(rules) {
        Some(rolling) => rolling.secured(account, today).max_by_key(by_strength),
        None => secured(tiers, account, today).max_by_key(by_strength),
    };
    let promised = promise::standing(tiers, account, today).max_by_key(by_strength);
    let secured = secured.into_iter().chain(promised);
    let secured = secured.map(|Lasting { rank, until }| Claim { rank, because: Because::Secured, until });
    let overridden = account.tier_override.iter().filter_map(|given| {
        let rank = tiers.rank(&given.tier).filter(|_| given.until >= today)?;
        Some(Claim { rank, because: Because::Override, until: Some(given.until) })
    });
    let planned = account.plan.iter().filter_map(|term| {
        let rank = tiers.rank(&rules.floor(term)?).filter(|_| term.through >= today)?;
        Some(Claim { rank, because: Because::Plan, until: Some(term.through) })
    });
    let claims = qualified(rules, account, today).into_iter().chain(secured).chain(overridden).chain(planned);
    let strength = |claim: &Claim| (claim.rank, claim.until.unwrap_or(Date::MAX));
    claims.reduce(|best, claim| if strength(&claim) > strength(&best) { claim } else { best })
}

/// The level that what counts in the period of `day` reaches, and until when that lasts if nothing is added.
fn qualified(rules: Rules<'_>, account: &Account, day: Date) -> Option<Claim> {
    let tiers = rules.tiers()?;
    let period = current_period(rules.program, tiers, account, day);
    let rank = reached_rank(tiers, &qualifying_of(account, period))?;
    let falls = Some(rank) != free_rank(tiers) && !tiers.is_kept(rank);
    let until = match rolling(rules).filter(|_| falls) {
        Some(rolling) => Some(rolling.lasts_until(account, day, rank)),
        None => end_of_next(rules.program, tiers, account, period).filter(|_| falls),
    };
    Some(Claim { rank, because: Because::Qualified, until })
}

/// The levels that earlier periods secured and that still hold.
fn secured(tiers: &Tiers, account: &Account, today: Date) -> impl Iterator<Item = Lasting> {
    account.secured.iter().filter_map(move |secured| {
        let until = days_after(secured.through, tiers.grace_days);
        let rank = tiers.rank(&secured.tier).filter(|_| until >= today)?;
        Some(Lasting { rank, until: Some(until).filter(|_| !tiers.is_kept(rank)) })
    })
}

/// The window, if the program's periods are one that moves on with each month.
fn rolling(rules: Rules<'_>) -> Option<Rolling<'_>> {
    let tiers = rules.tiers()?;
    match tiers.period {
        PeriodRule::RollingMonths(months) => Some(Rolling { tiers, months, since: rules.tiers_since() }),
        PeriodRule::CalendarYear | PeriodRule::MembershipYear | PeriodRule::Lifetime => None,
    }
}

/// The period that counts on `date` for this member.
pub(crate) fn current_period(program: &Program, tiers: &Tiers, account: &Account, date: Date) -> Period {
    tiers.period.period(date, program.date(account.enrolled_at))
}

/// Under which day amounts of `date` are kept for this member.
pub(crate) fn bucket(program: &Program, tiers: &Tiers, account: &Account, date: Date) -> Date {
    tiers.period.bucket(date, program.date(account.enrolled_at))
}

/// What counts in `period`: all that is kept under one of its days, including amounts counted under an earlier period rule.
pub(crate) fn qualifying_of(account: &Account, period: Period) -> Qualifying {
    let counted = account.qualifying.range(period.first..=period.last.unwrap_or(Date::MAX));
    counted.fold(Qualifying::default(), |sum, (_, amount)| sum.plus(*amount))
}

fn reached_rank(tiers: &Tiers, qualifying: &Qualifying) -> Option<usize> {
    tiers.reached(qualifying).and_then(|level| tiers.rank(&level.id))
}

/// The level that everybody has.
fn free_rank(tiers: &Tiers) -> Option<usize> {
    reached_rank(tiers, &Qualifying::default())
}

/// The last day of what `period` earns: the end of the next period, and days of grace.
fn end_of_next(program: &Program, tiers: &Tiers, account: &Account, period: Period) -> Option<Date> {
    let next = current_period(program, tiers, account, days_after(period.last?, 1));
    Some(days_after(next.last?, tiers.grace_days))
}

/// What it changes that `amount` counts toward the period in which `date` lies. A period that is over may thereby reach a
/// higher level, which is then secured for the current one.
pub(crate) fn counted(
    rules: Rules<'_>,
    account: &Account,
    amount: Qualifying,
    date: Date,
) -> (Option<Qualified>, Option<SecuredNow>) {
    let Some(tiers) = rules.tiers().filter(|_| !amount.is_zero()) else { return (None, None) };
    let bucket = bucket(rules.program, tiers, account, date);
    let change = Qualified { period: bucket, amount };
    let current = self::bucket(rules.program, tiers, account, account.settled_on);
    let secured_now = (bucket < current).then(|| secured_after(account, |after| count(rules, after, amount, date)));
    (Some(change), secured_now.flatten())
}

/// What it changes that `amount` of what is kept under `bucket` does not count after all.
pub(crate) fn discounted(
    rules: Rules<'_>,
    account: &Account,
    amount: Qualifying,
    bucket: Date,
) -> (Option<Qualified>, Option<SecuredNow>) {
    let counts = rules.tiers().is_some() && account.qualifying.contains_key(&bucket) && !amount.is_zero();
    if !counts {
        return (None, None);
    }
    let change = Qualified { period: bucket, amount: Qualifying::default().less(amount) };
    (Some(change), secured_after(account, |after| discount(rules, after, amount, bucket)))
}

/// What is secured after `change`, if that is something else than before.
fn secured_after(account: &Account, change: impl FnOnce(&mut Account)) -> Option<SecuredNow> {
    let mut after = account.clone();
    change(&mut after);
    let is_other = after.secured != account.secured || after.promised != account.promised;
    is_other.then_some(SecuredNow { secured: after.secured, promised: after.promised })
}

fn count(rules: Rules<'_>, account: &mut Account, amount: Qualifying, date: Date) {
    let Some(tiers) = rules.tiers() else { return };
    let bucket = bucket(rules.program, tiers, account, date);
    let counted = account.qualifying.entry(bucket).or_default();
    *counted = counted.plus(amount);
    if let Some(rolling) = rolling(rules) {
        return rolling.raise(account, bucket);
    }
    let period = current_period(rules.program, tiers, account, date);
    let current = current_period(rules.program, tiers, account, account.settled_on);
    if let (true, Some(through)) = (period.first < current.first, current.last) {
        let reached = reached_rank(tiers, &qualifying_of(account, period));
        secure(tiers, account, reached, through);
    }
}

/// Takes back `amount` from what is kept under `bucket`. If its period is over, and reaches a lower level without it, what it
/// secured for the current period is worked out anew; and earlier rules judge again what they gave for it.
fn discount(rules: Rules<'_>, account: &mut Account, amount: Qualifying, bucket: Date) {
    let Some(tiers) = rules.tiers() else { return };
    let Some(counted) = account.qualifying.get(&bucket).copied() else { return };
    let period = current_period(rules.program, tiers, account, bucket);
    let before = reached_rank(tiers, &qualifying_of(account, period));
    account.qualifying.insert(bucket, counted.less(amount));
    promise::judge_again(rules, account, bucket);
    if let Some(rolling) = rolling(rules) {
        return rolling.lower(account, bucket);
    }
    let after = reached_rank(tiers, &qualifying_of(account, period));
    let current = current_period(rules.program, tiers, account, account.settled_on);
    let (Some(through), true) = (current.last, period.first < current.first) else { return };
    // Other rules closed a period that was over before these began; what they gave for it has been judged above.
    let is_ours =
        period.last >= Some(rules.tiers_since()) || account.secured.iter().any(|secured| secured.through == through);
    if after < before && is_ours {
        account.secured.retain(|secured| secured.through != through);
        let kept = softened(tiers, account, after, days_after(current.first, -1)).0;
        secure(tiers, account, kept, through);
    }
}

/// The level that is kept after a period that ended on `last` and reached `reached`, and the version that promised it if it
/// is kept for a promise alone.
fn softened(tiers: &Tiers, account: &Account, reached: Option<usize>, last: Date) -> (Option<usize>, Option<u64>) {
    let secured = account.secured.iter().filter(|secured| secured.through == last);
    let own = secured.filter_map(|secured| tiers.rank(&secured.tier)).max().max(reached);
    let promised = promise::held(tiers, account, last).filter(|(rank, _)| Some(*rank) > own);
    let soften = |held: Option<usize>| {
        let softened = match tiers.downgrade {
            Downgrade::ToQualified => reached,
            Downgrade::OneLevel => reached.max(held.and_then(|rank| rank.checked_sub(1))),
            Downgrade::Never => held,
        };
        softened.max(held.and_then(|rank| tiers.kept_rank(rank)))
    };
    let kept = soften(own);
    match promised {
        Some((rank, version)) if soften(Some(rank)) > kept => (soften(Some(rank)), Some(version)),
        Some(_) | None => (kept, None),
    }
}

/// Secures the level of `rank` through the period that ends on `through`, unless as high a one is secured already.
fn secure(tiers: &Tiers, account: &mut Account, rank: Option<usize>, through: Date) {
    if rank <= free_rank(tiers) {
        return;
    }
    let Some(level) = rank.and_then(|rank| tiers.levels.get(rank)) else { return };
    let already = account.secured.iter().filter(|secured| secured.through == through);
    if already.filter_map(|secured| tiers.rank(&secured.tier)).max() >= rank {
        return;
    }
    account.secured.retain(|secured| secured.through != through);
    account.secured.push(Secured { tier: level.id.clone(), through });
}

/// The days on which a tier may change because time passes, overrides aside.
pub(crate) fn changes(rules: Rules<'_>, account: &Account) -> Vec<Date> {
    let Some(tiers) = rules.tiers() else { return Vec::new() };
    let after = |date: Date| days_after(date, 1);
    let promised = account.promised.iter().flat_map(promise::ends);
    if let Some(rolling) = rolling(rules) {
        return rolling.changes(account).chain(promised).collect();
    }
    // A period in which nothing counts, after one that left nothing, ends without a trace.
    let is_counted = !account.qualifying.is_empty() || !account.secured.is_empty() || !account.promised.is_empty();
    let period = current_period(rules.program, tiers, account, account.settled_on).last.filter(|_| is_counted);
    let secured = account.secured.iter().map(|secured| after(days_after(secured.through, tiers.grace_days)));
    secured.chain(promised).chain(period.map(after)).collect()
}

/// Closes the period that is over when `day` begins, if one is: the level reached becomes secured for the next one,
/// softened as the program says.
pub(crate) fn close(rules: Rules<'_>, account: &mut Account, day: Date) {
    let Some(tiers) = rules.tiers() else { return };
    let period = current_period(rules.program, tiers, account, account.settled_on);
    let Some(last) = period.last.filter(|last| *last < day) else { return };
    if let Some(rolling) = rolling(rules) {
        // In the months between nothing left the window, so each reached what the last one did.
        return rolling.close(account, days_after(day.first_of_month(), -1));
    }
    let reached = reached_rank(tiers, &qualifying_of(account, period));
    let (kept, promised_by) = softened(tiers, account, reached, last);
    // What a purchase that comes late may still change are this period and the one now beginning.
    account.secured.retain(|secured| secured.through >= last);
    promise::drop_amounts(rules, account, period.first);
    if let Some(through) = current_period(rules.program, tiers, account, days_after(last, 1)).last {
        match promised_by {
            Some(version) => promise::prolong(tiers, account, kept, version, days_after(through, tiers.grace_days)),
            None => secure(tiers, account, kept, through),
        }
    }
}

/// What counts toward `from`'s tier, as it counts toward `into`'s: what each reached in a period, both together; what
/// earlier periods secured and earlier rules gave.
pub(crate) fn absorbed(rules: Rules<'_>, into: &Account, from: &Account) -> (Vec<Qualified>, Option<SecuredNow>) {
    let Some(tiers) = rules.tiers() else { return (Vec::new(), None) };
    let today = into.settled_on;
    let mut qualified = Vec::new();
    let secured = secured_after(into, |after| {
        for (first, amount) in &from.qualifying {
            // Where periods begin on the day of joining, those of two members differ. What counts now, counts now.
            let last = current_period(rules.program, tiers, from, *first).last.map_or(today, |last| last.min(today));
            qualified.push(Qualified { period: bucket(rules.program, tiers, after, last), amount: *amount });
            count(rules, after, *amount, last);
        }
        for Secured { tier, through } in &from.secured {
            secure(tiers, after, tiers.rank(tier), *through);
        }
        promise::add(tiers, after, from.promised.iter().cloned());
    });
    (qualified, secured)
}

/// Of two overrides the higher one.
pub(crate) fn stronger(
    rules: Rules<'_>,
    one: Option<&TierOverride>,
    other: Option<&TierOverride>,
) -> Option<TierOverride> {
    let rank = |given: &&TierOverride| (rules.tiers().and_then(|tiers| tiers.rank(&given.tier)), given.until);
    one.into_iter().chain(other).max_by_key(rank).cloned()
}

/// Drops what is too old to matter to the tier of a day to come.
pub(crate) fn forget(rules: Rules<'_>, account: &mut Account) {
    if let Some(rolling) = rolling(rules) {
        promise::drop_amounts(rules, account, rolling.counts_from(account));
        rolling.forget(account);
    }
    let today = account.settled_on;
    account.promised.retain(|promise| promise.until.is_none_or(|until| until >= today));
}
