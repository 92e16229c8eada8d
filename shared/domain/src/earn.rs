//! Earning: points for a purchase or an activity.

use std::fmt;

use jiff::{Timestamp, ToSpan, civil::Date};

use crate::{
    account::Inactive, counter::Counters, draft::Request, earning::Occasion, entry::Kind, money::Currency,
    points::Points, posting::Posting, referral, settle::Settled,
};

/// How far a till's clock may run ahead, in minutes.
const CLOCK_AHEAD_MINUTES_MAX: i64 = 5;

/// Why nothing was earned, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EarnRefusal {
    /// The account does not earn.
    Inactive(Inactive),
    /// The purchase is in another currency than the program.
    CurrencyMismatch {
        /// The program's currency.
        expected: Currency,
        /// The purchase's.
        found: Currency,
    },
    /// It lies too far back, or in the future.
    OccurredAtOutOfRange {
        /// The first day that can still be posted, in the program's time zone.
        earliest: Date,
        /// The last moment that can be.
        latest: Timestamp,
    },
    /// The account would hold more than [`Points::MAX`].
    PointsOverflow,
}

impl fmt::Display for EarnRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::CurrencyMismatch { expected, found } => {
                write!(f, "the program counts in {expected}, and the purchase is in {found}")
            }
            Self::OccurredAtOutOfRange { earliest, latest } => {
                write!(f, "occurred_at must lie between the beginning of {earliest} and {latest}")
            }
            Self::PointsOverflow => write!(f, "the account would hold more than {} points", Points::MAX),
        }
    }
}

/// Gives `settled` what `occasion` earns. Where that is the purchase that pays for a referral ([`Settled::referrer`]),
/// `referrer` is the account of whoever brought the member, if there is one, and both are paid.
///
/// # Errors
///
/// Refusals are looked for in the order of [`EarnRefusal`]; the first that applies wins.
pub fn earn<'p>(
    settled: Settled<'p>,
    request: &Request,
    occasion: &Occasion,
    counters: &Counters,
    referrer: Option<Settled<'p>>,
) -> Result<Posting, EarnRefusal> {
    let pays_referral = settled.referrer(occasion).is_some();
    let mut draft = settled.0;
    draft.account.check_active().map_err(EarnRefusal::Inactive)?;
    if let Occasion::Purchase(purchase) = occasion
        && purchase.total.currency != draft.program.currency
    {
        let (expected, found) = (draft.program.currency, purchase.total.currency);
        return Err(EarnRefusal::CurrencyMismatch { expected, found });
    }
    let occurred_at = occasion.occurred_at();
    let earliest = draft.earliest();
    let latest = draft.now.checked_add(CLOCK_AHEAD_MINUTES_MAX.minutes()).unwrap_or(Timestamp::MAX);
    if draft.program.date(occurred_at) < earliest || occurred_at > latest {
        return Err(EarnRefusal::OccurredAtOutOfRange { earliest, latest });
    }
    let mut entry = draft.entry_for(request, Kind::Accrual, occurred_at);
    let referrer = if pays_referral { referral::settle_with(&mut draft, referrer) } else { None };
    let Some(referrer) = referrer else {
        draft.accrue(entry, occasion, counters).map_err(|_| EarnRefusal::PointsOverflow)?;
        return Ok(draft.finish());
    };
    entry.counterparty = Some(referrer.account.member.clone());
    let line = referral::friends_line(&draft);
    draft.accrue_with(entry, occasion, counters, line).map_err(|_| EarnRefusal::PointsOverflow)?;
    referral::pay(&mut draft, &referrer, &request.entry, occurred_at, counters);
    Ok(draft.finish())
}
