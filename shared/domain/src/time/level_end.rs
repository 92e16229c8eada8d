//! The end of a level if only time passes.

use jiff::civil::Date;

use crate::{
    draft::Draft,
    rules::versions::Rules,
    state::{account::Account, extension::Extension, lots::Lots, pending::Pending},
    tier::{self, Because},
    time::{
        quiet::{begin_quietly, next_day},
        waits::end_wait,
    },
    values::calendar::days_after,
};

/// The end of a level if only time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LevelEnd {
    /// The last day on which the member has this level or a higher one.
    pub(super) last: Date,
    /// What gives it on that day.
    pub(super) because: Because,
    /// The place of the level on the day after; `None` if there is none.
    pub(super) next: Option<usize>,
}

/// Returns the end of the level that `account` has on `today`; `None` if it does not end.
pub(super) fn end_of_level(rules: Rules<'_>, account: &Account, today: Date) -> Option<LevelEnd> {
    let now = tier::effective(rules, account, today)?;
    let mut draft = Draft::new(rules, of_tier(account), None, account.settled_at);
    let mut ground = now;
    loop {
        // From the day after, another ground may give the level, or a lower one.
        let lapse = draft.account.pending.unconfirmed().keys().next().copied();
        let last = [ground.until, lapse].into_iter().flatten().min()?;
        // The calendar has no day after its last one, 9999-12-31, so what lasts until then does not end.
        let after = Some(days_after(last, 1)).filter(|after| *after > last)?;
        live_through(&mut draft, after);
        match tier::effective(rules, &draft.account, after) {
            Some(next) if next.rank >= now.rank => ground = next,
            next => return Some(LevelEnd { last, because: ground.because, next: next.map(|next| next.rank) }),
        }
    }
}

/// Returns the account with only the fields that determine a tier, so that time has no other effects.
fn of_tier(account: &Account) -> Account {
    Account {
        lots: Lots::default(),
        pending: Pending::default().with_unconfirmed(account.pending.unconfirmed().clone()),
        holds: Vec::new(),
        attributes: [].into(),
        extended_to: None,
        extension: Extension::default(),
        ..account.clone()
    }
}

/// Applies all effects of time on a tier through `last`, under the current rules.
fn live_through(draft: &mut Draft<'_>, last: Date) {
    while let Some(day) = next_day(draft.rules, &draft.account).filter(|day| *day <= last) {
        begin_quietly(draft.rules, &mut draft.account, day);
        while let Some(awaits) = draft.account.pending.ended(day) {
            end_wait(draft, awaits);
        }
    }
}
