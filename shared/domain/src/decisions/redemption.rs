//! Changes of a redemption: capture, cancellation and reversal.

use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

use crate::{
    draft::KeyedRequest,
    ledger::{
        aftermath::{Ending, Recorded},
        entry::{Entry, Record},
        posting::Posting,
    },
    rules::program::ActivityKind,
    state::{
        account::{Account, Inactive},
        hold::Hold,
        lots::LotChange,
    },
    time::settle::Settled,
    values::{
        code::{CodeEnd, KeptCode},
        money::Money,
        points::{Points, Rounding},
    },
};

/// Why a change of a redemption is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedemptionRefusal {
    /// The account is closed, erased or merged.
    Inactive(Inactive),
    /// The entry is not a redemption.
    NotARedemption,
    /// The hold has ended, by the clock of this command or of another one that took what it reserved.
    HoldExpired,
    /// It is not on hold: it was captured, cancelled or reversed.
    NotHeld {
        /// Its current state.
        state: &'static str,
    },
    /// Its code was used, so it cannot be reversed.
    CodeUsed,
    /// More is to be captured than is held.
    MoreThanHeld {
        /// What is held.
        held: Points,
    },
    /// The reversal exceeds what is left of the points spent, or is zero.
    MoreThanSpent {
        /// What is left.
        left: Points,
    },
    /// The part is given in money, and the redemption has none, less than with earlier reversals, or another currency.
    OtherMoney {
        /// The money of the redemption.
        stood_for: Option<Money>,
    },
}

impl fmt::Display for RedemptionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::NotARedemption => f.write_str("the entry is not a redemption"),
            Self::HoldExpired => f.write_str("the hold has expired, and its points return to the member"),
            Self::NotHeld { state } => write!(
                f,
                "only an open hold can be captured or cancelled, and only a captured redemption can be reversed; this one is {}",
                state.replace('_', " ")
            ),
            Self::CodeUsed => f.write_str("the redemption's code was used, so the redemption cannot be reversed"),
            Self::MoreThanHeld { held } => write!(f, "`points` must be 1 to {held}, the points on hold"),
            Self::MoreThanSpent { left } if *left <= Points::ZERO => f.write_str("no points are left to return"),
            Self::MoreThanSpent { left } => {
                write!(f, "`points` must be 1 to {left}, the points that are left of the redemption")
            }
            Self::OtherMoney { stood_for: None } => {
                f.write_str("the redemption was not for an amount of money; send `points` instead of `money`")
            }
            Self::OtherMoney { stood_for: Some(Money { amount, currency }) } => {
                let whole = amount.get();
                write!(f, "the redemption was for {whole} minor units of {currency}; the reversals cannot exceed that")
            }
        }
    }
}

/// The state of a redemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RedemptionState {
    /// The points are reserved.
    Held,
    /// The points are spent.
    Captured,
    /// A part of the points was returned.
    PartlyReversed,
    /// The hold was cancelled.
    Cancelled,
    /// The hold expired.
    Expired,
    /// All points were returned.
    Reversed,
}

impl RedemptionState {
    /// Returns the name used in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Captured => "captured",
            Self::PartlyReversed => "partly_reversed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Reversed => "reversed",
        }
    }

    /// Returns the state of `redemption`, given the open holds.
    #[must_use]
    pub fn of(redemption: &Recorded, holds: &[Hold]) -> Self {
        let entry = &redemption.sealed.entry;
        match redemption.aftermath.ending {
            Some(Ending::Captured) | None if redemption.aftermath.given_back > Points::ZERO => Self::PartlyReversed,
            Some(Ending::Captured) => Self::Captured,
            Some(Ending::Cancelled) => Self::Cancelled,
            Some(Ending::Reversed) => Self::Reversed,
            None if entry.redeemed().is_none_or(|redeemed| redeemed.hold_expires_at.is_none()) => Self::Captured,
            None if holds.iter().any(|hold| hold.redemption == entry.id) => Self::Held,
            None => Self::Expired,
        }
    }
}

/// Spends what a redemption holds: everything, or `points` of it, and the rest returns to its lots.
///
/// # Errors
///
/// Refusals are checked in the order of [`RedemptionRefusal`].
pub fn capture(
    settled: Settled<'_>,
    request: &KeyedRequest,
    redemption: &Recorded,
    points: Option<Points>,
) -> Result<Posting, RedemptionRefusal> {
    let mut draft = settled.0;
    draft.account.check_active().map_err(RedemptionRefusal::Inactive)?;
    check(&draft.account, &redemption.sealed.entry)?;
    let hold = find_hold(&draft.account.holds, redemption)?;
    let captured = points.unwrap_or(hold.points());
    if captured <= Points::ZERO || captured > hold.points() {
        return Err(RedemptionRefusal::MoreThanHeld { held: hold.points() });
    }
    let mut entry = draft.entry_for(request, Record::Capture, draft.now);
    // The member was active on the day of the hold, under the rules of that day.
    let then = draft.then(hold.program_version);
    draft.extend(&mut entry, then, (ActivityKind::Redemption, hold.held_on), None);
    draft.release(entry, &hold, captured);
    draft.mark(redemption.mark(|aftermath| {
        aftermath.ending = Some(Ending::Captured);
        aftermath.captured = captured;
    }));
    Ok(draft.finish())
}

/// Cancels a hold: its points return to the lots that they came from, with their dates.
///
/// # Errors
///
/// Refusals are checked in the order of [`RedemptionRefusal`].
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

/// The part of a redemption to reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything that was not reversed before.
    Rest,
    /// A number of its points.
    Points(Points),
    /// The points for an amount of its money.
    Money(Money),
}

/// Reverses a captured redemption, or a `part` of it. Its points return to the lots that they came from, those that
/// expire last first. With the last of them, its use under the reward's limit is returned, and the piece returns to
/// stock if it `is_returned`.
///
/// When `back` of the redemption's money is returned, `floor(points * back / money)` of its points are returned in all.
///
/// `code` is the code that was given for it, if the reward has codes. It becomes void with the first part that is
/// reversed, because the member has seen it. If a part of the code's balance was used, at most `floor(points * balance
/// / value)` points return, and neither the use under the limit nor the piece.
///
/// # Errors
///
/// Refusals are checked in the order of [`RedemptionRefusal`].
pub fn reverse(
    settled: Settled<'_>,
    request: &KeyedRequest,
    redemption: &Recorded,
    code: Option<&KeptCode>,
    part: Part,
    is_returned: bool,
) -> Result<Posting, RedemptionRefusal> {
    let mut draft = settled.0;
    let undone = &redemption.sealed.entry;
    check(&draft.account, undone)?;
    let state = RedemptionState::of(redemption, &draft.account.holds);
    if !matches!(state, RedemptionState::Captured | RedemptionState::PartlyReversed) {
        return Err(RedemptionRefusal::NotHeld { state: state.name() });
    }
    let Some(redeemed) = undone.redeemed() else { return Err(RedemptionRefusal::NotARedemption) };
    let is_hold = redeemed.hold_expires_at.is_some();
    let captured = if is_hold { redemption.aftermath.captured } else { -undone.points() };
    if code.is_some_and(|code| code.end == Some(CodeEnd::Used)) {
        return Err(RedemptionRefusal::CodeUsed);
    }
    let spent = captured - redemption.aftermath.given_back;
    let left = returnable(captured, code) - redemption.aftermath.given_back;
    let (points, money_back) = points_of(part, redemption, left)?;
    let is_whole = points == spent;
    let then = draft.then(undone.program_version);
    let mut entry = draft.entry_for(request, Record::RedemptionReversal, draft.now);
    entry.refers_to = Some(undone.id.clone());
    entry.program_version = then.version;
    // A partial capture has already returned the lots that expire last; these are the others.
    let lots = spent_lots(undone, spent - points, spent);
    let extends = is_hold && then.points.extended_to(ActivityKind::Redemption, then.date(undone.occurred_at)).is_some();
    // Transferred points keep their dates if the member was not active since.
    let was_active = redeemed.extended_to.is_none_or(|day| extends || draft.account.extended_to > Some(day));
    if was_active {
        entry.effects.give_back(&draft.account, &lots, points);
    } else {
        entry.effects.give_dated(&draft.account, &lots, points);
    }
    let had_on = then.date(undone.occurred_at);
    draft.return_use(&mut entry, then, &redeemed.reward, points, is_whole, had_on);
    if is_whole && is_returned {
        draft.return_piece(then, &redeemed.reward);
    }
    draft.post_command(entry);
    if let Some(void) = code.and_then(KeptCode::after_void) {
        draft.change_code(void);
    }
    draft.mark(redemption.mark(|aftermath| {
        aftermath.given_back += points;
        aftermath.money_back = money_back;
        if is_whole {
            aftermath.ending = Some(Ending::Reversed);
        }
    }));
    Ok(draft.finish())
}

/// Returns how many of the captured points can be returned in all: those for the unused part of the code's value.
fn returnable(captured: Points, code: Option<&KeptCode>) -> Points {
    let Some((value, balance)) = code.and_then(|code| Some((code.terms.value?, code.balance()?))) else {
        return captured;
    };
    Points::ratio(captured.get(), balance.amount.get(), value.amount.get(), Rounding::Floor).unwrap_or_default()
}

/// Returns the points for `part` of a redemption of which `left` are not reversed, and the money that is then returned
/// in all.
fn points_of(part: Part, redemption: &Recorded, left: Points) -> Result<(Points, i64), RedemptionRefusal> {
    let (entry, before) = (&redemption.sealed.entry, redemption.aftermath.money_back);
    let points = match part {
        Part::Rest => left,
        Part::Points(points) => points,
        Part::Money(back) => {
            let stood_for = entry.redeemed().and_then(|redeemed| redeemed.money);
            let refused = || RedemptionRefusal::OtherMoney { stood_for };
            let whole = stood_for.filter(|whole| whole.currency == back.currency).ok_or_else(refused)?;
            let now = before.saturating_add(back.amount.get());
            if now > whole.amount.get() {
                return Err(refused());
            }
            let cost = (-entry.points()).get();
            let share = |money| Points::ratio(cost, money, whole.amount.get(), Rounding::Floor);
            let points = share(now).unwrap_or_default() - share(before).unwrap_or_default();
            return if points > left { Err(RedemptionRefusal::MoreThanSpent { left }) } else { Ok((points, now)) };
        }
    };
    if points <= Points::ZERO || points > left {
        return Err(RedemptionRefusal::MoreThanSpent { left });
    }
    Ok((points, before))
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

/// Returns the lots, of those that a redemption took from, soonest first, that hold its points after the first `from`
/// and up to the first `to`.
fn spent_lots(redemption: &Entry, from: Points, to: Points) -> Vec<LotChange> {
    let mut passed = Points::ZERO;
    redemption
        .taken()
        .map(|LotChange(expiry, points)| {
            let begin = passed.max(from);
            passed -= points;
            LotChange(expiry, -(passed.min(to) - begin).max(Points::ZERO))
        })
        .collect()
}
