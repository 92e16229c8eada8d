//! Adjusting: points given or taken by an operator, with a reason.

use std::fmt;

use crate::{
    draft::{Beside, KeyedRequest},
    ledger::{entry::Record, posting::Posting},
    state::account::Inactive,
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
    /// The account would hold more than [`Points::MAX`].
    PointsOverflow,
    /// More is to be taken than can be spent.
    InsufficientPoints {
        /// How many points are missing.
        missing: Points,
    },
}

impl fmt::Display for AdjustRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::PointsOverflow => write!(f, "the account would hold more than {} points", Points::MAX),
            Self::InsufficientPoints { missing } => write!(f, "{missing} points are missing"),
        }
    }
}

/// Gives or takes points. Points given are new ones, and live as long as any earned today; points taken are those that
/// expire soonest. Neither counts toward a tier.
///
/// # Errors
///
/// Refusals are looked for in the order of [`AdjustRefusal`].
pub fn adjust(settled: Settled<'_>, request: &KeyedRequest, wish: &Adjust) -> Result<Posting, AdjustRefusal> {
    let mut draft = settled.0;
    draft.account.check_open().map_err(AdjustRefusal::Inactive)?;
    if draft.account.total() + wish.points > Points::MAX {
        return Err(AdjustRefusal::PointsOverflow);
    }
    let spendable = draft.account.lots.total();
    if spendable + wish.points < Points::ZERO {
        return Err(AdjustRefusal::InsufficientPoints { missing: -(spendable + wish.points) });
    }
    let mut entry = draft.entry_for(request, Record::Adjustment(wish.reason.clone()), draft.now);
    if wish.points > Points::ZERO {
        let expiry = draft.rules.program.points.expiry.expiry(draft.today());
        entry.effects.give(&draft.account, wish.points, expiry);
    } else {
        entry.effects.take(&draft.account, -wish.points);
    }
    draft.post_command_with(entry, Beside { note: wish.note.clone(), ..Beside::default() });
    Ok(draft.finish())
}
