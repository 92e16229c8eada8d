//! Adjustments: an operator gives or deducts points, with a reason.

use std::fmt;

use jiff::civil::Date;

use crate::{
    draft::{Beside, KeyedRequest},
    ledger::{entry::Record, posting::Posting},
    state::{account::Inactive, lots::Expiry, qualifying::Qualifying},
    tier,
    time::settle::Settled,
    values::{
        points::Points,
        text::{Label, Note},
    },
};

/// A request for an adjustment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjust {
    /// Points to give, or to deduct if negative.
    pub points: Points,
    /// The last day of points given; without it, the same as for points earned today.
    pub expires_on: Option<Date>,
    /// Amounts to add to the current tier period, or to deduct if negative.
    pub qualifying: Qualifying,
    /// The reason, as a code of the operator's own.
    pub reason: Label,
    /// A note for people.
    pub note: Option<Note>,
}

/// Why an adjustment is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdjustRefusal {
    /// The account is closed, erased or merged.
    Inactive(Inactive),
    /// The last day of the points is in the past.
    ExpiresOnPast {
        /// Today, the earliest allowed day.
        today: Date,
    },
    /// Amounts toward a tier are given, and the program has no tiers.
    NoTiers,
    /// The account would have more than [`Points::MAX`].
    PointsOverflow,
    /// More points are deducted than are spendable.
    InsufficientPoints {
        /// How many points are missing.
        missing: Points,
    },
    /// More is deducted from the amounts toward a tier than the current period has.
    InsufficientQualifying {
        /// How much is missing.
        missing: Qualifying,
    },
}

impl fmt::Display for AdjustRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::ExpiresOnPast { today } => write!(f, "`expires_on` must not be before today, {today}"),
            Self::NoTiers => f.write_str("the program has no tiers, so nothing counts toward one"),
            Self::PointsOverflow => write!(f, "the account would hold more than {} points", Points::MAX),
            Self::InsufficientPoints { missing } => write!(f, "the account has {missing} spendable points too few"),
            Self::InsufficientQualifying { missing: Qualifying { points, spend, visits } } => write!(
                f,
                "the current tier period has less than this deducts: {points} points, {spend} of spend and {visits} visits are missing"
            ),
        }
    }
}

/// Gives or deducts points. Given points are new and live until the day that the operator names, or as long as points
/// earned today. Deducted points are those that expire soonest. Neither counts toward a tier, except for `qualifying`.
///
/// # Errors
///
/// Refusals are checked in the order of [`AdjustRefusal`].
pub fn adjust(settled: Settled<'_>, request: &KeyedRequest, wish: &Adjust) -> Result<Posting, AdjustRefusal> {
    let mut draft = settled.0;
    draft.account.check_open().map_err(AdjustRefusal::Inactive)?;
    let today = draft.today();
    if wish.expires_on.is_some_and(|day| day < today) {
        return Err(AdjustRefusal::ExpiresOnPast { today });
    }
    if !wish.qualifying.is_zero() && draft.rules.tiers().is_none() {
        return Err(AdjustRefusal::NoTiers);
    }
    if draft.account.total() + wish.points > Points::MAX {
        return Err(AdjustRefusal::PointsOverflow);
    }
    let spendable = draft.account.lots.total();
    if spendable + wish.points < Points::ZERO {
        return Err(AdjustRefusal::InsufficientPoints { missing: -(spendable + wish.points) });
    }
    let (qualified, secured_now) = tier::adjusted(draft.rules, &draft.account, wish.qualifying)
        .map_err(|missing| AdjustRefusal::InsufficientQualifying { missing })?;
    let mut entry = draft.entry_for(request, Record::Adjustment(wish.reason.clone()), draft.now);
    if wish.points > Points::ZERO {
        let expiry = wish.expires_on.map_or_else(|| draft.rules.program.points.expiry.expiry(today), Expiry::On);
        entry.effects.give(&draft.account, wish.points, expiry);
    } else {
        entry.effects.take(&draft.account, -wish.points);
    }
    entry.effects.qualified = qualified;
    entry.effects.secured_now = secured_now;
    draft.post_command_with(entry, Beside { note: wish.note.clone(), ..Beside::default() });
    Ok(draft.finish())
}
