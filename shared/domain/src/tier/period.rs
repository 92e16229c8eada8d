//! The tier periods of a member, and the amounts in them.

use jiff::civil::Date;

use crate::{
    rules::program::{Period, Program, Tiers},
    state::{account::Account, qualifying::Qualifying},
    values::calendar::days_after,
};

/// Returns the period of `date` for this member.
pub(crate) fn current_period(program: &Program, tiers: &Tiers, account: &Account, date: Date) -> Period {
    tiers.period.period(date, program.date(account.enrolled_at))
}

/// Returns the day under which amounts of `date` are stored for this member.
pub(crate) fn bucket(program: &Program, tiers: &Tiers, account: &Account, date: Date) -> Date {
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
