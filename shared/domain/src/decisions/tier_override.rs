//! Tier overrides: an operator guarantees a minimum tier until a date, or removes it.

use std::fmt;

use jiff::civil::Date;

use crate::{
    draft::Draft,
    ledger::{
        entry::{By, Overridden, Record},
        posting::Posting,
    },
    state::account::{Inactive, TierOverride},
    time::settle::Settled,
    values::{id::Actor, likeness::Unknown},
};

/// Why an override is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverrideRefusal {
    /// The account is closed, erased or merged.
    Inactive(Inactive),
    /// The program has no such tier.
    TierNotFound(Unknown),
    /// Its last day is in the past.
    UntilPast {
        /// Today, the earliest allowed day.
        today: Date,
    },
}

impl fmt::Display for OverrideRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::TierNotFound(unknown) => unknown.fmt(f),
            Self::UntilPast { today } => write!(f, "`until` must not be before today, {today}"),
        }
    }
}

/// Guarantees the member at least this tier, and replaces an earlier override. Returns `None` if nothing changes and
/// settling wrote nothing.
///
/// # Errors
///
/// Refusals are checked in the order of [`OverrideRefusal`].
pub fn give_tier(
    settled: Settled<'_>,
    given: &TierOverride,
    actor: Option<&Actor>,
) -> Result<Option<Posting>, OverrideRefusal> {
    let draft = settled.0;
    draft.account.check_open().map_err(OverrideRefusal::Inactive)?;
    if draft.rules.tiers().and_then(|tiers| tiers.level(&given.tier)).is_none() {
        let known = draft.rules.tiers().into_iter().flat_map(|tiers| &tiers.levels).map(|level| &level.id);
        return Err(OverrideRefusal::TierNotFound(Unknown::new("tier", &given.tier, known)));
    }
    let today = draft.today();
    if given.until < today {
        return Err(OverrideRefusal::UntilPast { today });
    }
    Ok(put(draft, Some(given), actor))
}

/// Removes the override, if there is one. Returns `None` if there is none and settling wrote nothing.
///
/// # Errors
///
/// The account is closed, erased or merged.
pub fn take_tier(settled: Settled<'_>, actor: Option<&Actor>) -> Result<Option<Posting>, Inactive> {
    let draft = settled.0;
    draft.account.check_open()?;
    Ok(put(draft, None, actor))
}

/// Replaces the override by `given`.
fn put(mut draft: Draft<'_>, given: Option<&TierOverride>, actor: Option<&Actor>) -> Option<Posting> {
    if draft.account.tier_override.as_ref() == given {
        return (!draft.entries.is_empty()).then(|| draft.finish());
    }
    let overridden = Overridden { given: given.cloned(), before: draft.account.tier_override.clone() };
    draft.post_command(draft.entry_by("override", Record::TierOverride(overridden), By::Operator, actor));
    Some(draft.finish())
}
