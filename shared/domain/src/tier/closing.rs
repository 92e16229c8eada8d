//! The end of a period: what it reached becomes secured, and amounts that no longer matter are dropped.

use jiff::civil::Date;

use crate::{
    rules::versions::Rules,
    state::account::Account,
    tier::{
        downgrade::{secure, softened},
        period::{current_period, qualifying_of},
        promise, promised,
        rank::reached_rank,
        rolling::Rolling,
    },
    values::calendar::days_after,
};

/// Returns the days on which a tier may change because of time, without overrides.
pub(crate) fn changes(rules: Rules<'_>, account: &Account) -> Vec<Date> {
    let Some(tiers) = rules.tiers() else { return Vec::new() };
    let after = |date: Date| days_after(date, 1);
    let promised = account.promised.iter().flat_map(promised::ends);
    if let Some(rolling) = Rolling::of(rules) {
        return rolling.changes(account).chain(promised).collect();
    }
    // An empty period after one that secured nothing ends without a trace.
    let is_counted = !account.qualifying.is_empty() || !account.secured.is_empty() || !account.promised.is_empty();
    let period = current_period(rules.program, tiers, account, account.settled_on).last.filter(|_| is_counted);
    let secured = account.secured.iter().map(|secured| after(days_after(secured.through, tiers.grace_days)));
    secured.chain(promised).chain(period.map(after)).collect()
}

/// Closes the period that is over when `day` begins, if there is one. The level reached becomes secured for the next
/// period, softened as the program says.
pub(crate) fn close(rules: Rules<'_>, account: &mut Account, day: Date) {
    let Some(tiers) = rules.tiers() else { return };
    let period = current_period(rules.program, tiers, account, account.settled_on);
    let Some(last) = period.last.filter(|last| *last < day) else { return };
    if let Some(rolling) = Rolling::of(rules) {
        // Nothing left the window in the months between, so each reached what the last one did.
        return rolling.close(account, days_after(day.first_of_month(), -1));
    }
    let reached = reached_rank(tiers, &qualifying_of(account, period));
    let (kept, promised_by) = softened(tiers, account, reached, last);
    // Late purchases can still change this period and the one that begins now.
    account.secured.retain(|secured| secured.through >= last);
    promise::drop_amounts(rules, account, period.first);
    if let Some(through) = current_period(rules.program, tiers, account, days_after(last, 1)).last {
        match promised_by {
            Some(version) => promised::prolong(tiers, account, kept, version, days_after(through, tiers.grace_days)),
            None => secure(tiers, account, kept, through),
        }
    }
}

/// Drops amounts that are too old to matter to the tier of a future day.
pub(crate) fn forget(rules: Rules<'_>, account: &mut Account) {
    if let Some(rolling) = Rolling::of(rules) {
        promise::drop_amounts(rules, account, rolling.counts_from(account));
        rolling.forget(account);
    }
    let today = account.settled_on;
    account.promised.retain(|promise| promise.until.is_none_or(|until| until >= today));
}
