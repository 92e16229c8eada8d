//! The effective tier: derived from the account, the program and the day, and able to explain itself.

use jiff::civil::Date;

use crate::{
    account::{Account, Qualifying, Secured, TierOverride},
    calendar::days_after,
    program::{BasisUnit, Downgrade, Level, Period, Program, Tiers},
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
}

impl Because {
    /// Its name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Qualified => "qualified",
            Self::Secured => "secured",
            Self::Override => "override",
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
    let missing =
        |level: &'p Level, by| Missing { level, amounts: level.thresholds.missing(&qualifying).collect(), by };
    let level = rank.and_then(|rank| tiers.levels.get(rank));
    Some(Standing {
        level,
        because: claim.map_or(Because::Qualified, |claim| claim.because),
        until: claim.and_then(|claim| claim.until),
        next: tiers.levels.get(next_rank).map(|next| missing(next, period.last)),
        keep: match (level, claim) {
            (Some(level), Some(Claim { because: Because::Secured, until: Some(until), .. })) => {
                let by = period.last.map_or(until, |last| last.min(until));
                Some(missing(level, Some(by)))
            }
            _ => None,
        },
    })
}

/// A ground on which a member has a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) rank: usize,
    pub(crate) because: Because,
    until: Option<Date>,
}

/// The strongest ground: the highest of the level that this period reaches, what earlier periods secured, and an
/// override. Of equals the first counts, and of what two periods secured alike, what lasts longer.
pub(crate) fn effective(program: &Program, account: &Account, today: Date) -> Option<Claim> {
    let tiers = program.tiers.as_ref()?;
    let period = current_period(program, tiers, account, today);
    let free = free_rank(tiers);
    let qualified = reached_rank(tiers, &qualifying_of(account, period)).map(|rank| Claim {
        rank,
        because: Because::Qualified,
        until: if Some(rank) == free { None } else { end_of_next(program, tiers, account, period) },
    });
    let secured = account.secured.iter().filter_map(|secured| {
        let until = days_after(secured.through, tiers.grace_days);
        let rank = tiers.rank(&secured.tier).filter(|_| until >= today)?;
        let falls = tiers.downgrade != Downgrade::Never;
        Some(Claim { rank, because: Because::Secured, until: falls.then_some(until) })
    });
    let secured = secured.max_by_key(|claim| (claim.rank, claim.until));
    let overridden = account.tier_override.iter().filter_map(|given| {
        let rank = tiers.rank(&given.tier).filter(|_| given.until >= today)?;
        Some(Claim { rank, because: Because::Override, until: Some(given.until) })
    });
    let claims = qualified.into_iter().chain(secured).chain(overridden);
    claims.reduce(|best, claim| if claim.rank > best.rank { claim } else { best })
}

/// The period in which `date` lies for this member.
pub(crate) fn current_period(program: &Program, tiers: &Tiers, account: &Account, date: Date) -> Period {
    tiers.period.period(date, program.date(account.enrolled_at))
}

fn qualifying_of(account: &Account, period: Period) -> Qualifying {
    account.qualifying.get(&period.first).copied().unwrap_or_default()
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
    if tiers.downgrade == Downgrade::Never {
        return None;
    }
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
    let period = current_period(program, tiers, account, date);
    let current = current_period(program, tiers, account, account.settled_on);
    let total = qualifying_of(account, period).plus(amount);
    account.qualifying.insert(period.first, total);
    if let (true, Some(through)) = (period.first < current.first, current.last) {
        secure(tiers, account, reached_rank(tiers, &total), through);
    }
}

/// Takes back `amount` from what counted in the period that began on `first`. If that is over, and reaches a lower level
/// without it, what it secured for the current period is worked out anew.
pub(crate) fn discount(program: &Program, account: &mut Account, amount: Qualifying, first: Date) {
    let Some(tiers) = &program.tiers else { return };
    let Some(before) = account.qualifying.get(&first).copied() else { return };
    let after = before.less(amount);
    if after.is_zero() {
        account.qualifying.remove(&first);
    } else {
        account.qualifying.insert(first, after);
    }
    let current = current_period(program, tiers, account, account.settled_on);
    let (Some(through), true) = (current.last, first < current.first) else { return };
    if reached_rank(tiers, &after) < reached_rank(tiers, &before) {
        account.secured.retain(|secured| secured.through != through);
        let kept = softened(tiers, account, reached_rank(tiers, &after), days_after(current.first, -1));
        secure(tiers, account, kept, through);
    }
}

/// The level that is kept after a period that ended on `last` and reached `reached`.
fn softened(tiers: &Tiers, account: &Account, reached: Option<usize>, last: Date) -> Option<usize> {
    let secured = account.secured.iter().filter(|secured| secured.through == last);
    let held = secured.filter_map(|secured| tiers.rank(&secured.tier)).max().max(reached);
    match tiers.downgrade {
        Downgrade::ToQualified => reached,
        Downgrade::OneLevel => reached.max(held.and_then(|rank| rank.checked_sub(1))),
        Downgrade::Never => held,
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

/// Closes `period`, on whose following day the account now stands: the level reached becomes secured for the next one,
/// softened as the program says.
pub(crate) fn close(program: &Program, account: &mut Account, period: Period) {
    let (Some(tiers), Some(last)) = (&program.tiers, period.last) else { return };
    let reached = reached_rank(tiers, &qualifying_of(account, period));
    let kept = softened(tiers, account, reached, last);
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
