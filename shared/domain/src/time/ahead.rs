//! The future of a tier if only time passes, as members are told it.

use jiff::{Timestamp, civil::Date};

use crate::{
    draft::Draft,
    rules::versions::Rules,
    state::{account::Account, extension::Extension, lots::Lots, pending::Pending},
    tier::{self, Standing},
    time::settle::{Settled, Versioned, happen, next_event},
    values::{calendar::days_after, id::LevelId},
};

/// Maximum number of events to look ahead for the next change of tier: more than there can be, unless a program gives
/// points every birthday and lets them expire for the next hundred years.
const EVENTS_AHEAD_MAX: usize = 512;

impl<'p> Settled<'p> {
    /// Returns the member's tier and its explanation.
    #[must_use]
    pub fn standing(&self) -> Option<Standing<'p>> {
        let (rules, account, today) = (self.0.rules, &self.0.account, self.today());
        tier::standing(rules, account, today, lasts_until(rules, account, today))
    }

    /// Returns the next day on which the tier changes because of time alone, and the new tier; `None` if it stays.
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
        // From the day after, another ground may give the level, or a lower one.
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

/// Applies all effects of time through `last`, under the current rules.
fn live_through(draft: &mut Draft<'_>, last: Date) {
    while let Some(event) = next_event(draft.rules, &draft.account, last, Timestamp::MAX, Versioned::Ignored) {
        happen(draft, event, last);
    }
}
