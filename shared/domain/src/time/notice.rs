//! Expiry notices: one entry before each day on which points expire.

use jiff::civil::Date;

use crate::{
    draft::Draft,
    ledger::entry::{By, Expiring, Record},
    rules::program::Program,
    state::account::{Account, Status},
    values::{
        calendar::{days_after, start_of},
        id::EntryId,
        points::Points,
    },
};

/// Returns the next day, after the one up to which `account` is settled, at whose beginning a notice is due; `None` if
/// there is none.
///
/// Points that were credited after their notice's day had begun get their notice at the beginning of the next day.
pub(crate) fn next_day(program: &Program, account: &Account) -> Option<Date> {
    let days = days_ahead(program, account)?;
    let tomorrow = days_after(account.settled_on, 1);
    let (on, _) = unnoticed(account).find(|(on, _)| *on >= tomorrow)?;
    Some(days_after(on, days.saturating_neg()).max(tomorrow))
}

/// Posts each notice that is due when `day` begins, while settling an account up to `today`.
///
/// Points that have expired by `today` get no notice: the same settling posts their expiry, and a warning would come
/// too late.
pub(crate) fn post_due(draft: &mut Draft<'_>, day: Date, today: Date) {
    let Some(days) = days_ahead(draft.rules.program, &draft.account) else { return };
    let near = days_after(day, days);
    let due: Vec<_> = unnoticed(&draft.account).filter(|(on, _)| *on <= near).collect();
    for (on, points) in due {
        if on >= today {
            let starts_at = start_of(&draft.rules.program.zone, day);
            let id = EntryId::engine(&[&"expiring", &on]);
            draft.post(draft.entry(id, Record::Notice(Expiring { on, points }), By::Engine, starts_at));
        } else {
            draft.account.noticed_through = Some(on);
        }
    }
}

/// Drops the day up to which notices were due once it has passed: remaining points expire later.
pub(crate) fn forget(account: &mut Account, today: Date) {
    account.noticed_through = account.noticed_through.filter(|through| *through >= today);
}

/// Returns how many days ahead the notice is written, if at all. Closed members get none; the points of suspended
/// members continue to expire.
fn days_ahead(program: &Program, account: &Account) -> Option<i32> {
    match account.status {
        Status::Active | Status::Suspended => program.points.expiry_notice_days,
        Status::Closed | Status::Erased | Status::Merged { .. } => None,
    }
}

/// Returns each day on which points will expire without a notice so far, soonest first, and how many.
fn unnoticed(account: &Account) -> impl Iterator<Item = (Date, Points)> {
    account.lots.by_day().filter(|(on, _)| account.noticed_through.is_none_or(|through| *on > through))
}
