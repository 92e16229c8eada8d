//! The tier periods of a member, and the amounts in them.

use jiff::civil::Date;

use crate::{
    rules::{
        program::{Period, PeriodRule, Program, Tiers},
        versions::Rules,
    },
    state::{account::Account, qualifying::Qualifying},
    values::calendar::days_after,
};

/// Returns the period of `date` for this member.
pub(crate) fn current_period(program: &Program, tiers: &Tiers, account: &Account, date: Date) -> Period {
    tiers.period.period(date, program.date(account.enrolled_at))
}

/// Returns the day under which amounts of `date` are added for this member.
///
/// In a period of a year or a lifetime, it is the first day under which the account stores something. If there is none,
/// rules before may have dropped what was stored under the first day, and later returns and lapses of those purchases
/// must not deduct what is added now. So the amounts are stored under the month in which these tiers came into force.
pub(super) fn bucket(rules: Rules<'_>, tiers: &Tiers, account: &Account, date: Date) -> Date {
    let first_bucket = first_bucket(rules.program, tiers, account, date);
    if matches!(tiers.period, PeriodRule::RollingMonths(_)) {
        return first_bucket;
    }
    let last = current_period(rules.program, tiers, account, date).last.unwrap_or(Date::MAX);
    match account.qualifying.range(first_bucket..=last).next() {
        Some((stored, _)) => *stored,
        None => rules.tiers_since().min(last).first_of_month().max(first_bucket),
    }
}

/// Returns the first day under which amounts of `date` can be stored for this member.
pub(crate) fn first_bucket(program: &Program, tiers: &Tiers, account: &Account, date: Date) -> Date {
    tiers.period.bucket(date, program.date(account.enrolled_at))
}

/// Returns what counts in `period`: everything stored under one of its days, including amounts counted under an earlier
/// period rule.
pub(crate) fn qualifying_of(account: &Account, period: Period) -> Qualifying {
    let counted = account.qualifying.range(period.first..=period.last.unwrap_or(Date::MAX));
    counted.fold(Qualifying::default(), |sum, (_, amount)| sum.plus(*amount))
}

/// Returns the last day of what `period` secures: the end of the next period, plus days of grace.
pub(super) fn end_of_next(program: &Program, tiers: &Tiers, account: &Account, period: Period) -> Option<Date> {
    let next = current_period(program, tiers, account, days_after(period.last?, 1));
    Some(days_after(next.last?, tiers.grace_days))
}
