//! The effective tier: derived from the account, the program and the day, with an explanation.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    rules::{
        program::{Level, Period, Tiers},
        versions::Rules,
    },
    state::account::Account,
    tier::{
        keeping::{self, Missing},
        period::{current_period, end_of_next, qualifying_of},
        promised,
        rank::{Lasting, free_rank, reached_rank},
        rolling::Rolling,
    },
    values::calendar::days_after,
};

/// The reason for the effective tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// The amounts of the current period reach the level.
    Qualified,
    /// An earlier period earned the level, or an earlier version of the program gave it.
    Secured,
    /// An operator granted the level.
    Override,
    /// The plan of the member includes the level.
    Plan,
}

/// The tier of a member, and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing<'p> {
    /// The effective level; `None` if not even the lowest is reached.
    pub level: Option<&'p Level>,
    /// What gives it.
    pub because: Because,
    /// The last day on which the member has this level or a higher one if only time passes and unconfirmed purchases lapse; `None` if
    /// it does not end by itself. Points of future birthdays are not included.
    pub until: Option<Date>,
    /// What is missing for the next level; `None` at the top.
    pub next: Option<Missing<'p>>,
    /// What is missing to keep this level beyond its end, or to earn it if an override or a plan gives it; `None` if
    /// nothing is missing.
    pub keep: Option<Missing<'p>>,
}

/// Returns the level of `account` on `today`, and why. `until` is the last day of the level if only time passes. `None` if the program
/// has no tiers.
#[must_use]
pub(crate) fn standing<'p>(
    rules: Rules<'p>,
    account: &Account,
    today: Date,
    until: Option<Date>,
) -> Option<Standing<'p>> {
    let tiers = rules.tiers()?;
    let period = current_period(rules.program, tiers, account, today);
    let qualifying = qualifying_of(account, period);
    let ground = effective(rules, account, today);
    let rank = ground.map(|ground| ground.rank);
    let next_rank = rank.map_or(0, |rank| rank.saturating_add(1));
    let level = rank.and_then(|rank| tiers.levels.get(rank));
    let counts_until = match Rolling::of(rules) {
        Some(rolling) => rolling.whole_until(account, today),
        None => period.last,
    };
    let counts_until = [counts_until, first_lapse(account, period)].into_iter().flatten().min();
    let next = tiers.levels.get(next_rank).map(|next| {
        let amounts = next.thresholds.missing(&qualifying).collect();
        Missing { level: next, basis: &tiers.basis, amounts, from: today, by: counts_until }
    });
    let keep = level.zip(ground).and_then(|(level, ground)| {
        let until = until?;
        // What this period reached holds through the next one, so nothing is missing yet, unless the level ends sooner by a lapse.
        let holds_on = Rolling::of(rules).is_none() && ground.until.is_some_and(|end| end <= until);
        match ground.because {
            Because::Qualified if holds_on => None,
            Because::Qualified | Because::Secured | Because::Override | Because::Plan => {
                Some(keeping::missing(rules, tiers, account, today, level, until))
            }
        }
    });
    Some(Standing { level, because: ground.map_or(Because::Qualified, |ground| ground.because), until, next, keep })
}

/// Returns the last day before some of the amounts in `period` lapse if they are not confirmed; `None` if all are certain.
fn first_lapse(account: &Account, period: Period) -> Option<Date> {
    let days = period.first..=period.last.unwrap_or(Date::MAX);
    let mut lapses = account.pending.unconfirmed().iter();
    lapses.find(|(_, counted)| counted.qualifying.keys().any(|day| days.contains(day))).map(|(last, _)| *last)
}

/// A reason for which a member has a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ground {
    pub(crate) rank: usize,
    pub(crate) because: Because,
    pub(crate) until: Option<Date>,
}

/// Returns the strongest ground: the highest of what this period reaches, what earlier periods secured or earlier rules
/// promised, an override, and the floor of a plan. Of equal levels, the one that lasts longest counts, because the
/// level is certain for that time; then the first.
pub(crate) fn effective(rules: Rules<'_>, account: &Account, today: Date) -> Option<Ground> {
    let tiers = rules.tiers()?;
    let by_strength = |lasting: &Lasting| (lasting.rank, lasting.until.unwrap_or(Date::MAX));
    let secured = match Rolling::of(rules) {
        Some(rolling) => rolling.secured(account, today).max_by_key(by_strength),
        None => secured(tiers, account, today).max_by_key(by_strength),
    };
    let promised = promised::standing(tiers, account, today).max_by_key(by_strength);
    let secured = secured.into_iter().chain(promised);
    let secured = secured.map(|Lasting { rank, until }| Ground { rank, because: Because::Secured, until });
    let overridden = account.tier_override.iter().filter_map(|given| {
        let rank = tiers.rank(&given.tier).filter(|_| given.until >= today)?;
        Some(Ground { rank, because: Because::Override, until: Some(given.until) })
    });
    let grounds = qualified(rules, account, today)
        .into_iter()
        .chain(secured)
        .chain(overridden)
        .chain(planned(rules, account, today));
    let strength = |ground: &Ground| (ground.rank, ground.until.unwrap_or(Date::MAX));
    grounds.reduce(|best, ground| if strength(&ground) > strength(&best) { ground } else { best })
}

/// Returns the floor of the plan that runs, until the end of the consecutive terms with at least that floor.
fn planned(rules: Rules<'_>, account: &Account, today: Date) -> Option<Ground> {
    let running = rules.running(&account.plans, today)?;
    let rank = rules.floor_rank(running)?;
    let following = account.plans.iter().skip_while(|term| *term != running);
    let last = following.take_while(|term| rules.floor_rank(term) >= Some(rank)).last()?;
    Some(Ground { rank, because: Because::Plan, until: Some(rules.runs_until(last)) })
}

/// Returns the level that the period of `day` reaches, and until when it lasts without additions.
pub(super) fn qualified(rules: Rules<'_>, account: &Account, day: Date) -> Option<Ground> {
    let tiers = rules.tiers()?;
    let period = current_period(rules.program, tiers, account, day);
    let rank = reached_rank(tiers, &qualifying_of(account, period))?;
    let falls = Some(rank) != free_rank(tiers) && !tiers.is_kept(rank);
    let until = match Rolling::of(rules).filter(|_| falls) {
        Some(rolling) => Some(rolling.lasts_until(account, day, rank)),
        None => end_of_next(rules.program, tiers, account, period).filter(|_| falls),
    };
    Some(Ground { rank, because: Because::Qualified, until })
}

/// Returns the levels that earlier periods secured and that still hold.
fn secured(tiers: &Tiers, account: &Account, today: Date) -> impl Iterator<Item = Lasting> {
    account.secured.iter().filter_map(move |secured| {
        let until = days_after(secured.through, tiers.grace_days);
        let rank = tiers.rank(&secured.tier).filter(|_| until >= today)?;
        Some(Lasting { rank, until: Some(until).filter(|_| !tiers.is_kept(rank)) })
    })
}
