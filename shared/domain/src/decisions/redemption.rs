//! What can be done about a redemption: capture or cancel its hold, or undo it.

use std::fmt;

use crate::{
    draft::KeyedRequest,
    ledger::{
        aftermath::{Ending, Recorded},
        entry::{Entry, Record},
        posting::Posting,
    },
    state::{
        account::{Account, Inactive},
        hold::Hold,
        lots::LotChange,
    },
    time::settle::Settled,
    values::points::Points,
};

/// Why nothing was done about a redemption, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedemptionRefusal {
    /// The account is closed, or another's.
    Inactive(Inactive),
    /// The entry is no redemption.
    NotARedemption,
    /// The hold's time was over, and its points went back.
    HoldExpired,
    /// It is not held: it was captured, cancelled or undone.
    NotHeld {
        /// What it is instead.
        state: &'static str,
    },
    /// More is to be captured than is held.
    MoreThanHeld {
        /// What is held.
        held: Points,
    },
}

impl fmt::Display for RedemptionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::NotARedemption => f.write_str("the entry is no redemption"),
            Self::HoldExpired => f.write_str("the hold has expired, and its points went back"),
            Self::NotHeld { state } => write!(f, "the redemption is {state}"),
            Self::MoreThanHeld { held } => write!(f, "1 to {held} points can be captured"),
        }
    }
}

/// What has become of a redemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedemptionState {
    /// Its points are reserved.
    Held,
    /// Its points are spent.
    Captured,
    /// Its hold was given up.
    Cancelled,
    /// Its hold ended by itself.
    Expired,
    /// It was undone.
    Reversed,
}

impl RedemptionState {
    /// Its name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Captured => "captured",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Reversed => "reversed",
        }
    }

    /// What has become of `redemption`, given the holds that are open now.
    #[must_use]
    pub fn of(redemption: &Recorded, holds: &[Hold]) -> Self {
        let entry = &redemption.sealed.entry;
        match redemption.aftermath.ending {
            Some(Ending::Captured) => Self::Captured,
            Some(Ending::Cancelled) => Self::Cancelled,
            Some(Ending::Reversed) => Self::Reversed,
            None if entry.redeemed().is_none_or(|redeemed| redeemed.hold_expires_at.is_none()) => Self::Captured,
            None if holds.iter().any(|hold| hold.redemption == entry.id) => Self::Held,
            None => Self::Expired,
        }
    }
}

/// Spends what a redemption holds: all of it, or so many `points`, and the rest goes back to its lots.
///
/// # Errors
///
/// Refusals are looked for in the order of [`RedemptionRefusal`].
pub fn capture(
    settled: Settled<'_>,
    request: &KeyedRequest,
    redemption: &Recorded,
    points: Option<Points>,
) -> Result<Posting, RedemptionRefusal> {
    let mut draft = settled.0;
    check(&draft.account, &redemption.sealed.entry)?;
    let hold = find_hold(&draft.account.holds, redemption)?;
    let captured = points.unwrap_or(hold.points());
    if captured <= Points::ZERO || captured > hold.points() {
        return Err(RedemptionRefusal::MoreThanHeld { held: hold.points() });
    }
    let entry = draft.entry_for(request, Record::Capture, draft.now);
    draft.release(entry, &hold, captured);
    draft.mark(redemption.mark(|aftermath| {
        aftermath.ending = Some(Ending::Captured);
        aftermath.captured = captured;
    }));
    Ok(draft.finish())
}

/// Gives up what a redemption holds: its points go back to the lots that they came from, with their dates.
///
/// # Errors
///
/// Refusals are looked for in the order of [`RedemptionRefusal`].
pub fn cancel(
    settled: Settled<'_>,
    request: &KeyedRequest,
    redemption: &Recorded,
) -> Result<Posting, RedemptionRefusal> {
    let mut draft = settled.0;
    check(&draft.account, &redemption.sealed.entry)?;
    let hold = find_hold(&draft.account.holds, redemption)?;
    let entry = draft.entry_for(request, Record::Cancellation, draft.now);
    draft.release(entry, &hold, Points::ZERO);
    draft.mark(redemption.mark(|aftermath| aftermath.ending = Some(Ending::Cancelled)));
    Ok(draft.finish())
}

/// Undoes a captured redemption: its points go back to the lots that they came from, its use back under the reward's limit,
/// and the piece into its stock, if it `is_returned`. Only a whole redemption can be undone.
///
/// # Errors
///
/// Refusals are looked for in the order of [`RedemptionRefusal`].
pub fn reverse(
    settled: Settled<'_>,
    request: &KeyedRequest,
    redemption: &Recorded,
    is_returned: bool,
) -> Result<Posting, RedemptionRefusal> {
    let mut draft = settled.0;
    let undone = &redemption.sealed.entry;
    check(&draft.account, undone)?;
    let state = RedemptionState::of(redemption, &draft.account.holds);
    if state != RedemptionState::Captured {
        return Err(RedemptionRefusal::NotHeld { state: state.name() });
    }
    let Some(redeemed) = undone.redeemed() else { return Err(RedemptionRefusal::NotARedemption) };
    let is_hold = redeemed.hold_expires_at.is_some();
    let captured = if is_hold { redemption.aftermath.captured } else { -undone.points() };
    let then = draft.then(undone.program_version);
    let mut entry = draft.entry_for(request, Record::RedemptionReversal, draft.now);
    entry.refers_to = Some(undone.id.clone());
    entry.program_version = then.version;
    // What a partial capture left went back already, from the lots that expire last; these are the others.
    entry.effects.give_back(&draft.account, &spent_lots(undone, captured), captured);
    let had_on = then.date(undone.occurred_at);
    draft.return_use(&mut entry, then, &redeemed.reward, captured, true, had_on);
    if is_returned {
        draft.return_piece(then, &redeemed.reward);
    }
    draft.post_command(entry);
    draft.mark(redemption.mark(|aftermath| aftermath.ending = Some(Ending::Reversed)));
    Ok(draft.finish())
}

fn check(account: &Account, entry: &Entry) -> Result<(), RedemptionRefusal> {
    account.check_open().map_err(RedemptionRefusal::Inactive)?;
    if entry.redeemed().is_none() {
        return Err(RedemptionRefusal::NotARedemption);
    }
    Ok(())
}

fn find_hold(holds: &[Hold], redemption: &Recorded) -> Result<Hold, RedemptionRefusal> {
    let state = RedemptionState::of(redemption, holds);
    let id = &redemption.sealed.entry.id;
    match (state, holds.iter().find(|hold| hold.redemption == *id)) {
        (RedemptionState::Held, Some(hold)) => Ok(hold.clone()),
        (RedemptionState::Expired, _) => Err(RedemptionRefusal::HoldExpired),
        (state, _) => Err(RedemptionRefusal::NotHeld { state: state.name() }),
    }
}

/// Of the lots that a redemption took from, soonest first, those that so many captured points came from.
fn spent_lots(redemption: &Entry, captured: Points) -> Vec<LotChange> {
    let mut left = captured;
    redemption
        .taken()
        .map(|LotChange(expiry, points)| {
            let part = left.min(-points).max(Points::ZERO);
            left -= part;
            LotChange(expiry, -part)
        })
        .collect()
}
