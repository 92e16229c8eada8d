//! Overriding: a tier that an operator gives a member until a day, and takes back.

use std::fmt;

use jiff::civil::Date;

use crate::{
    account::{Inactive, TierOverride},
    draft::Draft,
    entry::{By, Kind},
    id::EntryId,
    posting::Posting,
    settle::Settled,
};

/// Why no tier was given, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverrideRefusal {
    /// The account is closed, or another's.
    Inactive(Inactive),
    /// The program has no such tier.
    TierNotFound,
    /// Its last day is over.
    UntilPast {
        /// Today, the first day that it can end on.
        today: Date,
    },
}

impl fmt::Display for OverrideRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::TierNotFound => f.write_str("the program has no such tier"),
            Self::UntilPast { today } => write!(f, "until must not lie before today, which is {today}"),
        }
    }
}

/// Gives the member at least this tier, in place of any that was given before. Answers `None` if it is so already and
/// settling wrote nothing.
///
/// # Errors
///
/// Refusals are looked for in the order of [`OverrideRefusal`].
pub fn give_tier(settled: Settled<'_>, given: &TierOverride) -> Result<Option<Posting>, OverrideRefusal> {
    let draft = settled.0;
    draft.account.check_open().map_err(OverrideRefusal::Inactive)?;
    let tiers = draft.program.tiers.as_ref();
    if tiers.and_then(|tiers| tiers.level(&given.tier)).is_none() {
        return Err(OverrideRefusal::TierNotFound);
    }
    let today = draft.today();
    if given.until < today {
        return Err(OverrideRefusal::UntilPast { today });
    }
    Ok(put(draft, Some(given)))
}

/// Takes back the tier that an operator gave, if one did. Answers `None` if none did and settling wrote nothing.
///
/// # Errors
///
/// The account is closed, or another's.
pub fn take_tier(settled: Settled<'_>) -> Result<Option<Posting>, Inactive> {
    let draft = settled.0;
    draft.account.check_open()?;
    Ok(put(draft, None))
}

/// Puts `given` in the place of what was given before. Where that changes the effective tier, the ledger says so, and why.
fn put(mut draft: Draft<'_>, given: Option<&TierOverride>) -> Option<Posting> {
    if draft.account.tier_override.as_ref() == given {
        return (!draft.entries.is_empty()).then(|| draft.finish());
    }
    let before = draft.account.tier_override.take();
    draft.account.tier_override = given.cloned();
    if let Some(change) = draft.adopt_tier() {
        let id = EntryId::engine(&[&"tier", &"override", &draft.today(), &draft.account.seq]);
        let mut entry = draft.entry(id, Kind::TierChange, By::Operator, draft.now);
        entry.tier_change = Some(change);
        entry.reason = given.or(before.as_ref()).map(|given| given.reason.clone());
        draft.post(entry);
    }
    Some(draft.finish())
}
