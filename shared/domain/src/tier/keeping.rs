//! What is missing for a level, and what keeps it beyond its end.

use jiff::civil::Date;

use crate::{
    ledger::missing::{MissingAll, MissingAmounts, MissingAny},
    rules::{
        program::{Basis, BasisUnit, Level, Tiers},
        versions::Rules,
    },
    state::{account::Account, qualifying::Qualifying},
    tier::{
        period::{current_period, qualifying_of},
        rolling::Rolling,
    },
    values::calendar::days_after,
};

/// What is missing for a level, by kind of amount, and by when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing<'p> {
    /// The level.
    pub level: &'p Level,
    /// Whether one of the amounts is enough, or all are needed.
    pub basis: &'p Basis,
    /// The missing amount of each kind.
    pub amounts: Vec<(BasisUnit, i64)>,
    /// The first day on which purchases count for it.
    pub from: Date,
    /// The last day to reach it; `None` if there is none.
    pub by: Option<Date>,
}

impl Missing<'_> {
    /// Returns the missing amount, or the amount of each kind where several kinds count.
    #[must_use]
    pub fn amount(&self) -> MissingAmounts {
        let each = || self.amounts.iter().map(|(unit, amount)| (unit.name().to_owned(), *amount)).collect();
        match self.basis {
            Basis::One(_) => MissingAmounts::One(self.amounts.first().map_or(0, |(_, amount)| *amount)),
            Basis::Any(_) => MissingAmounts::Any(MissingAny { any: each() }),
            Basis::All(_) => MissingAmounts::All(MissingAll { all: each() }),
        }
    }
}

/// Amounts that count together, and the days on which purchases count with them.
struct Chance {
    counted: Qualifying,
    from: Date,
    by: Option<Date>,
}

/// Returns what is missing for `level` to hold on the day after `until`, on which it would end. The amount is enough on
/// any day from the first to the last.
pub(super) fn missing<'p>(
    rules: Rules<'_>,
    tiers: &'p Tiers,
    account: &Account,
    today: Date,
    level: &'p Level,
    until: Date,
) -> Missing<'p> {
    let account = &unless_confirmed(account, until);
    let Chance { counted, from, by } = match Rolling::of(rules) {
        Some(rolling) => in_window(rolling, account, today, until),
        None => in_period(rules, tiers, account, today, until),
    };
    // A purchase after the level has ended gives it again and does not keep it.
    let by = by.map_or(until, |by| by.min(until));
    let amounts = level.thresholds.missing(&counted).collect();
    Missing { level, basis: &tiers.basis, amounts, from: from.max(today), by: Some(by) }
}

/// Returns the account without the unconfirmed amounts that have lapsed on the day after `until`.
fn unless_confirmed(account: &Account, until: Date) -> Account {
    let mut account = account.clone();
    let lapsed: Vec<_> = account.pending.unconfirmed().range(..=until).map(|(_, counted)| counted.clone()).collect();
    for (bucket, amount) in lapsed.iter().flat_map(|counted| &counted.qualifying) {
        if let Some(kept) = account.qualifying.get_mut(bucket) {
            *kept = kept.less(amount.at_most(*kept));
        }
    }
    account
}

/// Returns the window of the first month that, with its days of grace, reaches beyond `until`. Later ones contain less
/// of what is counted.
fn in_window(rolling: Rolling<'_>, account: &Account, today: Date, until: Date) -> Chance {
    let month = days_after(days_after(until, rolling.tiers.grace_days.saturating_neg()), 1).max(today);
    let (first, last) = rolling.span(month);
    Chance { counted: rolling.window(account, month), from: first, by: Some(last) }
}

/// Returns the first period that gives its level beyond `until`: the one before that in which the level, without grace,
/// would end.
fn in_period(rules: Rules<'_>, tiers: &Tiers, account: &Account, today: Date, until: Date) -> Chance {
    let of = |date| current_period(rules.program, tiers, account, date);
    let end = of(days_after(days_after(until, tiers.grace_days.saturating_neg()), 1));
    let (current, before) = (of(today), of(days_after(end.first, -1)));
    let period = if before.first > current.first { before } else { current };
    Chance { counted: qualifying_of(account, period), from: period.first, by: period.last }
}
