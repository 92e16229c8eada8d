//! The future of a tier if only time passes, as answers show it.

use jiff::{Timestamp, civil::Date};

use crate::{
    draft::Draft,
    tier::{self, Standing},
    time::{
        level_end::end_of_level,
        settle::{Settled, Versioned, happen, next_event},
    },
    values::id::LevelId,
};

/// Maximum number of events to look ahead for the next change of tier: more than there can be, unless a program gives
/// points every birthday and lets them expire for the next hundred years.
const EVENTS_AHEAD_MAX: usize = 512;

impl<'p> Settled<'p> {
    /// Returns the member's tier and its explanation.
    #[must_use]
    pub fn standing(&self) -> Option<Standing<'p>> {
        let (rules, account, today) = (self.0.rules, &self.0.account, self.today());
        tier::standing(rules, account, today, end_of_level(rules, account, today).map(|end| end.last))
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
