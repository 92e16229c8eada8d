//! The effective tier: derived from the account, the program and the day, and able to explain itself.

mod rolling;

use jiff::civil::Date;

use self::rolling::{Lasting, Rolling};
use crate::{
    account::{Account, Qualifying, Secured, TierOverride},
    calendar::days_after,
    program::{BasisUnit, Downgrade, Level, Period, PeriodRule, Program, Tiers},
};

/// What gives a member the effective tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// What counts in the current period reaches it.
    Qualified,
    /// An earlier period earned it.
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
pub fn standing<'p>(program: &'p Program, account: &Account, today: Date) -> Option<Standing<'p>> {
    let tiers = program.tiers.as_ref()?;
    let period = current_period(program, tiers, account, today);
    let qualifying = qualifying_of(account, period);
    let claim = effective(program, account, today);
    let rank = claim.map(|claim| claim.rank);
    let next_rank = rank.map_or(0, |rank| rank.saturating_add(1));
    let level = rank.and_then(|rank| tiers.levels.get(rank));
    let counts_until = match rolling(tiers) {
        Some(rolling) => rolling.whole_until(account, today),
        None => period.last,
    };
    let next = tiers.levels.get(next_rank).map(|next| Missing::of(next, &qualifying, counts_until));
    let keep = level.zip(claim).and_then(|(level, claim)| {
        let until = claim.until?;
        match (claim.because, rolling(tiers)) {
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
    until: Option<Date>,
}

/// The strongest ground: the highest of the level that this period reaches, what earlier periods secured, an override, and
/// the floor of a plan. Of equals, what lasts longer counts, because the level is certain for so long; then the first.
pub(crate) fn effective(program: &Program, account: &Account, today: Date) -> Option<Claim> {
    let tiers = program.tiers.as_ref()?;
    let period = current_period(program, tiers, account, today);
    let qualified = reached_rank(tiers, &qualifying_of(account, period)).map(|rank| {
        let falls = Some(rank) != free_rank(tiers) && !tiers.is_kept(rank);
        let until = match rolling(tiers).filter(|_| falls) {
            Some(rolling) => Some(rolling.lasts_until(account, today, rank)),
            None => end_of_next(program, tiers, account, period).filter(|_| falls),
        };
        Claim { rank, because: Because::Qualified, until }
    });
    let by_strength = |lasting: &Lasting| (lasting.rank, lasting.until.unwrap_or(Date::MAX));
    let secured = match rolling(tiers) {
        Some(rolling) => rolling.secured(account, today).max_by_key(by_strength),
        None => secured(program, tiers, account, today).max_by_key(by_strength),
    };
    let secured = secured.map(|Lasting { rank, until }| Claim { rank, because: Because::Secured, until });
    let overridden = account.tier_override.iter().filter_map(|given| {
        let rank = tiers.rank(&given.tier).filter(|_| given.until >= today)?;
        Some(Claim { rank, because: Because::Override, until: Some(given.until) })
    });
    let planned = account.plan.iter().filter_map(|term| {
        let floor = program.plan(&term.plan)?.tier_floor.as_ref();
        let rank = tiers.rank(floor?).filter(|_| term.through >= today)?;
        Some(Claim { rank, because: Because::Plan, until: Some(term.through) })
    });
    let claims = qualified.into_iter().chain(secured).chain(overridden).chain(planned);
    let strength = |claim: &Claim| (claim.rank, claim.until.unwrap_or(Date::MAX));
    claims.reduce(|best, claim| if strength(&claim) > strength(&best) { claim } else { best })
}

/// The levels that earlier periods secured and that still hold.
fn secured(program: &Program, tiers: &Tiers, account: &Account, today: Date) -> impl Iterator<Item = Lasting> {
    account.secured.iter().filter_map(move |secured| {
        let until = days_after(secured.through, tiers.grace_days);
        let rank = secured_rank(program, tiers, account, secured).filter(|_| until >= today)?;
        Some(Lasting { rank, until: Some(until).filter(|_| !tiers.is_kept(rank)) })
    })
}

/// The place of a secured level. Where the program has no such level any more, it is that of the highest one left that the
/// period reached which secured it, as long as what counted in that is known.
fn secured_rank(program: &Program, tiers: &Tiers, account: &Account, secured: &Secured) -> Option<usize> {
    tiers.rank(&secured.tier).or_else(|| {
        let for_period = current_period(program, tiers, account, secured.through);
        let before = current_period(program, tiers, account, days_after(for_period.first, -1));
        reached_rank(tiers, &qualifying_of(account, before))
    })
}

/// The window, if the program's periods are one that moves on with each month.
fn rolling(tiers: &Tiers) -> Option<Rolling<'_>> {
    match tiers.period {
        PeriodRule::RollingMonths(months) => Some(Rolling { tiers, months }),
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

/// What counts in `period`: all that is kept under one of its days, be it that the program had other periods by then.
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

/// Counts `amount` toward the period in which `date` lies. A period that is over may thereby reach a higher level, which
/// is then secured for the current one.
pub(crate) fn count(program: &Program, account: &mut Account, amount: Qualifying, date: Date) {
    let Some(tiers) = &program.tiers else { return };
    if amount.is_zero() {
        return;
    }
    let bucket = bucket(program, tiers, account, date);
    let counted = account.qualifying.entry(bucket).or_default();
    *counted = counted.plus(amount);
    if let Some(rolling) = rolling(tiers) {
        return rolling.raise(account, bucket);
    }
    let period = current_period(program, tiers, account, date);
    let current = current_period(program, tiers, account, account.settled_on);
    if let (true, Some(through)) = (period.first < current.first, current.last) {
        let reached = reached_rank(tiers, &qualifying_of(account, period));
        secure(tiers, account, reached, through);
    }
}

/// Takes back `amount` from what is kept under `bucket`. If its period is over, and reaches a lower level without it, what it
/// secured for the current period is worked out anew.
pub(crate) fn discount(program: &Program, account: &mut Account, amount: Qualifying, bucket: Date) {
    let Some(tiers) = &program.tiers else { return };
    let Some(counted) = account.qualifying.get(&bucket).copied().filter(|_| !amount.is_zero()) else { return };
    let period = current_period(program, tiers, account, bucket);
    let before = reached_rank(tiers, &qualifying_of(account, period));
    let left = counted.less(amount);
    if left.is_zero() {
        account.qualifying.remove(&bucket);
    } else {
        account.qualifying.insert(bucket, left);
    }
    if let Some(rolling) = rolling(tiers) {
        return rolling.lower(account, bucket);
    }
    let after = reached_rank(tiers, &qualifying_of(account, period));
    let current = current_period(program, tiers, account, account.settled_on);
    let (Some(through), true) = (current.last, period.first < current.first) else { return };
    if after < before {
        account.secured.retain(|secured| secured.through != through);
        let kept = softened(program, tiers, account, after, days_after(current.first, -1));
        secure(tiers, account, kept, through);
    }
}

/// The level that is kept after a period that ended on `last` and reached `reached`.
fn softened(program: &Program, tiers: &Tiers, account: &Account, reached: Option<usize>, last: Date) -> Option<usize> {
    let secured = account.secured.iter().filter(|secured| secured.through == last);
    let held = secured.filter_map(|secured| secured_rank(program, tiers, account, secured)).max().max(reached);
    let softened = match tiers.downgrade {
        Downgrade::ToQualified => reached,
        Downgrade::OneLevel => reached.max(held.and_then(|rank| rank.checked_sub(1))),
        Downgrade::Never => held,
    };
    softened.max(held.and_then(|rank| tiers.kept_rank(rank)))
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
pub(crate) fn changes(program: &Program, account: &Account) -> Vec<Date> {
    let Some(tiers) = &program.tiers else { return Vec::new() };
    if let Some(rolling) = rolling(tiers) {
        return rolling.changes(account).collect();
    }
    let after = |date: Date| days_after(date, 1);
    // A period in which nothing counts, after one that left nothing, ends without a trace.
    let is_counted = !account.qualifying.is_empty() || !account.secured.is_empty();
    let period = current_period(program, tiers, account, account.settled_on).last.filter(|_| is_counted);
    let secured = account.secured.iter().map(|secured| after(days_after(secured.through, tiers.grace_days)));
    secured.chain(period.map(after)).collect()
}

/// Closes the period that is over when `day` begins, if one is: the level reached becomes secured for the next one,
/// softened as the program says.
pub(crate) fn close(program: &Program, account: &mut Account, day: Date) {
    let Some(tiers) = &program.tiers else { return };
    let period = current_period(program, tiers, account, account.settled_on);
    let Some(last) = period.last.filter(|last| *last < day) else { return };
    if let Some(rolling) = rolling(tiers) {
        // In the months between nothing left the window, so each reached what the last one did.
        return rolling.close(account, days_after(day.first_of_month(), -1));
    }
    let reached = reached_rank(tiers, &qualifying_of(account, period));
    let kept = softened(program, tiers, account, reached, last);
    // What a purchase that comes late may still change are this period and the one now beginning.
    account.secured.retain(|secured| secured.through >= last);
    account.qualifying.retain(|first, _| *first >= period.first);
    if let Some(through) = current_period(program, tiers, account, days_after(last, 1)).last {
        secure(tiers, account, kept, through);
    }
}

/// Makes everything that counts toward `from`'s tier count toward `into`'s: what each reached in a period, both together;
/// what earlier periods secured; of two overrides the higher one.
pub(crate) fn absorb(program: &Program, into: &mut Account, from: &mut Account) {
    let qualifying = std::mem::take(&mut from.qualifying);
    let secured = std::mem::take(&mut from.secured);
    let given = from.tier_override.take();
    let Some(tiers) = &program.tiers else { return };
    let today = into.settled_on;
    for (first, amount) in qualifying {
        // Where periods begin on the day of joining, those of two members differ. What counts now, counts now.
        let last = current_period(program, tiers, from, first).last.map_or(today, |last| last.min(today));
        count(program, into, amount, last);
    }
    for Secured { tier, through } in secured {
        secure(tiers, into, tiers.rank(&tier), through);
    }
    let rank = |given: &TierOverride| (tiers.rank(&given.tier), given.until);
    into.tier_override = into.tier_override.take().into_iter().chain(given).max_by_key(rank);
}

/// Drops what is too old to matter to the tier of a day to come.
pub(crate) fn forget(program: &Program, account: &mut Account) {
    if let Some(rolling) = program.tiers.as_ref().and_then(rolling) {
        rolling.forget(account);
    }
}
