//! Notices: telling a member ahead of the points that will expire, once for each day on which some do.

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

/// The next day, after the one up to which `account` is settled, on whose beginning a notice is due; `None` if none will be.
///
/// Points that came in when their notice's day had begun are told of on the next day's beginning.
pub(crate) fn next_day(program: &Program, account: &Account) -> Option<Date> {
    let days = days_ahead(program, account)?;
    let tomorrow = days_after(account.settled_on, 1);
    let (on, _) = unnoticed(account).find(|(on, _)| *on >= tomorrow)?;
    Some(days_after(on, days.saturating_neg()).max(tomorrow))
}

/// Posts each notice that is due when `day` begins, in the settling of an account up to `today`.
///
/// Points that are over by `today` get none: the ledger tells of their expiry in the same breath, and whoever passes the
/// notice on would warn of what cannot be helped any more.
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

/// Drops the day up to which notices were due once it is over: whatever has points then expires later.
pub(crate) fn forget(account: &mut Account, today: Date) {
    account.noticed_through = account.noticed_through.filter(|through| *through >= today);
}

/// How many days ahead the member is told, if at all. To whoever has left for good there is nothing to tell; a suspended
/// member's points go on expiring.
fn days_ahead(program: &Program, account: &Account) -> Option<i32> {
    match account.status {
        Status::Active | Status::Suspended => program.points.expiry_notice_days,
        Status::Closed | Status::Erased | Status::Merged { .. } => None,
    }
}

/// Each day on which points will expire that no notice was due for yet, soonest first, and how many they are.
fn unnoticed(account: &Account) -> impl Iterator<Item = (Date, Points)> {
    account.lots.by_day().filter(|(on, _)| account.noticed_through.is_none_or(|through| *on > through))
}
