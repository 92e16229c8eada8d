//! The time ahead of a tier: what a member is told of it, if nothing but time happens.

use jiff::{Timestamp, civil::Date};

use crate::{
    draft::Draft,
    rules::versions::Rules,
    state::{account::Account, extension::Extension, lots::Lots, pending::Pending},
    tier::{self, Standing},
    time::settle::{Settled, Versioned, happen, next_event},
    values::{calendar::days_after, id::LevelId},
};

/// How much that time does is looked through for the next change of tier: more than there can be, unless a program gives points
/// every birthday and lets them expire for the next hundred years.
const EVENTS_AHEAD_MAX: usize = 512;

impl<'p> Settled<'p> {
    /// Where the member stands.
    #[must_use]
    pub fn standing(&self) -> Option<Standing<'p>> {
        let (rules, account, today) = (self.0.rules, &self.0.account, self.today());
        tier::standing(rules, account, today, lasts_until(rules, account, today))
    }

    /// The next day on which the tier changes if nothing but time happens, and what it changes to; `None` if it stays.
    #[must_use]
    pub fn next_tier(&self) -> Option<(Date, Option<LevelId>)> {
        let account = &self.0.account;
        let mut draft = Draft::new(self.0.rules, account.clone(), None, self.0.now);
        for _ in 0..EVENTS_AHEAD_MAX {
            let event = next_event(draft.rules, &draft.account, Date::MAX, Timestamp::MAX, Versioned::Ignored)?;
            happen(&mut draft, event, Date::MAX);
            if draft.account.tier != account.tier {
                return Some((draft.today(), draft.account.tier));
            }
        }
        None
    }
}

/// Returns the last day of the level that `account` has on `today`; `None` if it does not end.
fn lasts_until(rules: Rules<'_>, account: &Account, today: Date) -> Option<Date> {
    let now = tier::effective(rules, account, today)?;
    let mut draft = Draft::new(rules, of_tier(account), None, account.settled_at);
    let mut ground = now;
    loop {
        // On the day after, the level may rest on another ground, or on less.
        let lapse = draft.account.pending.unconfirmed().keys().next().copied();
        let last = [ground.until, lapse].into_iter().flatten().min()?;
        let after = days_after(last, 1);
        live_through(&mut draft, after);
        match tier::effective(rules, &draft.account, after).filter(|ground| ground.rank >= now.rank) {
            Some(next) => ground = next,
            None => return Some(last),
        }
    }
}

/// The account with only what a tier follows from, so that time brings nothing else.
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

/// Lets time do to an account all that it does through `last`, under the rules of now.
fn live_through(draft: &mut Draft<'_>, last: Date) {
    while let Some(event) = next_event(draft.rules, &draft.account, last, Timestamp::MAX, Versioned::Ignored) {
        happen(draft, event, last);
    }
}
