//! Tier notices: one entry before each day on which a member will lose a level because purchases are missing.

use jiff::civil::Date;

use crate::{
    draft::Draft,
    ledger::entry::{AtRisk, By, Record},
    rules::versions::Rules,
    state::account::{Account, Status},
    tier::{self, Because},
    time::level_end::end_of_level,
    values::{
        calendar::{days_after, start_of},
        id::EntryId,
    },
};

/// Returns the next day, after the one up to which `account` is settled, at whose beginning a notice is due; `None` if
/// there is none.
///
/// A level whose end becomes known after its notice's day has begun gets its notice at the beginning of the next day.
pub(crate) fn next_day(rules: Rules<'_>, account: &Account) -> Option<Date> {
    let tomorrow = days_after(account.settled_on, 1);
    let (at_risk, from) = unnoticed(rules, account, account.settled_on)?;
    (at_risk.until >= tomorrow).then(|| from.max(tomorrow))
}

/// Posts the notice that is due when `day` begins, if there is one, while settling an account up to `today`.
///
/// A level that has ended by `today` gets no notice: the same settling posts its loss, and a warning would come too
/// late.
pub(crate) fn post_due(draft: &mut Draft<'_>, day: Date, today: Date) {
    let Some((at_risk, from)) = unnoticed(draft.rules, &draft.account, day) else { return };
    if from > day {
        return;
    }
    if at_risk.until >= today {
        let starts_at = start_of(&draft.rules.program.zone, day);
        let id = EntryId::engine(&[&"at-risk", &at_risk.until]);
        draft.post(draft.entry(id, Record::TierNotice(at_risk), By::Engine, starts_at));
    } else {
        draft.account.tier_noticed_through = Some(at_risk.until);
    }
}

/// Returns the notice of the level that `account` has on `day`, if there is to be one and it was not written, and the
/// first day on which it is due.
///
/// The end of an override or of a plan has no notice, because purchases did not give the level. Closed members get no
/// notice.
fn unnoticed(rules: Rules<'_>, account: &Account, day: Date) -> Option<(AtRisk, Date)> {
    let tiers = rules.tiers()?;
    let days = tiers.notice_days?;
    match account.status {
        Status::Active | Status::Suspended => {}
        Status::Closed | Status::Erased | Status::Merged { .. } => return None,
    }
    let end = end_of_level(rules, account, day)?;
    let is_earned = match end.because {
        Because::Qualified | Because::Secured => true,
        Because::Override | Because::Plan => false,
    };
    let is_new = account.tier_noticed_through.is_none_or(|through| end.last > through);
    if !is_earned || !is_new {
        return None;
    }
    let standing = tier::standing(rules, account, day, Some(end.last))?;
    let (level, keep) = (standing.level?, standing.keep?);
    let to = end.next.and_then(|rank| tiers.levels.get(rank)).map(|level| level.id.clone());
    let at_risk = AtRisk { level: level.id.clone(), to, until: end.last, missing: keep.amount(), by: keep.by };
    Some((at_risk, days_after(end.last, days.saturating_neg())))
}
