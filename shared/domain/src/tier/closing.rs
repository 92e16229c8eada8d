//! The end of a period: what it reached becomes secured, and what no longer matters is forgotten.

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

/// The days on which a tier may change because time passes, overrides aside.
pub(crate) fn changes(rules: Rules<'_>, account: &Account) -> Vec<Date> {
    let Some(tiers) = rules.tiers() else { return Vec::new() };
    let after = |date: Date| days_after(date, 1);
    let promised = account.promised.iter().flat_map(promised::ends);
    if let Some(rolling) = Rolling::of(rules) {
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
    if let Some(rolling) = Rolling::of(rules) {
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
            Some(version) => promised::prolong(tiers, account, kept, version, days_after(through, tiers.grace_days)),
            None => secure(tiers, account, kept, through),
        }
    }
}

/// Drops what is too old to matter to the tier of a day to come.
pub(crate) fn forget(rules: Rules<'_>, account: &mut Account) {
    if let Some(rolling) = Rolling::of(rules) {
        promise::drop_amounts(rules, account, rolling.counts_from(account));
        rolling.forget(account);
    }
    let today = account.settled_on;
    account.promised.retain(|promise| promise.until.is_none_or(|until| until >= today));
}
