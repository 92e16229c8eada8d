//! Adjusting: points given or taken by an operator, with a reason.

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

/// A wish to adjust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjust {
    /// Points to give, or if negative to take.
    pub points: Points,
    /// The last day of points given; without it, they live as long as any earned today.
    pub expires_on: Option<Date>,
    /// What counts toward a tier, or if negative counts no longer, in the current period.
    pub qualifying: Qualifying,
    /// Why, in the operator's own code.
    pub reason: Label,
    /// What else is to be said of it, for people.
    pub note: Option<Note>,
}

/// Why nothing was adjusted, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdjustRefusal {
    /// The account is closed, or another's.
    Inactive(Inactive),
    /// The last day of the points is over.
    ExpiresOnPast {
        /// Today, the first day that can be their last.
        today: Date,
    },
    /// Something is to count toward a tier, and the program has none.
    NoTiers,
    /// The account would hold more than [`Points::MAX`].
    PointsOverflow,
    /// More is to be taken than can be spent.
    InsufficientPoints {
        /// How many points are missing.
        missing: Points,
    },
    /// More is to be taken from what counts toward a tier than counts in the current period.
    InsufficientQualifying {
        /// How much is missing.
        missing: Qualifying,
    },
}

impl fmt::Display for AdjustRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::ExpiresOnPast { today } => write!(f, "expires_on must not be before today, which is {today}"),
            Self::NoTiers => f.write_str("the program has no tiers, so nothing counts toward one"),
            Self::PointsOverflow => write!(f, "the account would hold more than {} points", Points::MAX),
            Self::InsufficientPoints { missing } => write!(f, "{missing} points are missing"),
            Self::InsufficientQualifying { missing: Qualifying { points, spend, visits } } => write!(
                f,
                "the current tier period counts less than is taken: {points} points, {spend} of spend and {visits} visits are missing"
            ),
        }
    }
}

/// Gives or takes points. Points given are new ones, and live until the day that the operator names, or as long as any earned today;
/// points taken are those that expire soonest. Neither counts toward a tier, except for what the operator says.
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
