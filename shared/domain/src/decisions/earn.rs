//! Earning: points for a purchase or an activity.

use std::fmt;

use jiff::{Timestamp, ToSpan, civil::Date};

use crate::{
    decisions::referral::{self, Paying, Referrer},
    draft::KeyedRequest,
    ledger::{
        entry::{Accrued, Record, ReferralChange, Source},
        posting::{Posting, Unposted},
    },
    rules::{assessment::NotAssessed, program::Program},
    state::{account::Inactive, counter::Counters},
    time::settle::Settled,
    values::{calendar::days_after, money::Currency, occasion::Occasion, points::Points, purchase::Purchase},
};

/// How far a till's clock may be ahead, in minutes.
const CLOCK_AHEAD_MINUTES_MAX: i64 = 5;

/// Why a purchase cannot be assessed, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is in another currency than the program.
    CurrencyMismatch {
        /// The program's currency.
        expected: Currency,
        /// The purchase's currency.
        found: Currency,
    },
    /// The lines add up to more than the total.
    LinesExceedTotal {
        /// The sum of the lines, in minor units.
        lines: i64,
        /// The total, in minor units.
        total: i64,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CurrencyMismatch { expected, found } => {
                write!(f, "the program's currency is {expected}, and the purchase is in {found}")
            }
            Self::LinesExceedTotal { lines, total } => {
                write!(
                    f,
                    "the amounts of the lines add up to {lines}, more than the total, {total}; the `amount` of a line is for the whole line, not for a piece"
                )
            }
        }
    }
}

/// Checks that `purchase` can be assessed under `then`.
///
/// # Errors
///
/// [`Unfit`]
pub(crate) fn check_purchase(purchase: &Purchase, then: &Program) -> Result<(), Unfit> {
    let (expected, found) = (then.currency, purchase.total.currency);
    if expected != found {
        return Err(Unfit::CurrencyMismatch { expected, found });
    }
    let (lines, total) = (purchase.lines_total(), purchase.total.amount.get());
    if lines > total { Err(Unfit::LinesExceedTotal { lines, total }) } else { Ok(()) }
}

/// Why an accrual is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EarnRefusal {
    /// The account does not earn.
    Inactive(Inactive),
    /// The purchase does not fit the program, or is inconsistent.
    Unfit(Unfit),
    /// It is too far in the past, or in the future.
    OccurredAtOutOfRange {
        /// The first day that can still be posted, in the program's time zone.
        earliest: Date,
        /// The latest instant that can be posted.
        latest: Timestamp,
    },
    /// The account would have more than [`Points::MAX`].
    PointsOverflow,
}

impl fmt::Display for EarnRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::Unfit(unfit) => unfit.fmt(f),
            Self::OccurredAtOutOfRange { earliest, latest } => {
                write!(
                    f,
                    "`occurred_at` must be from {earliest} on, which `points.backdating_days_max` of the program sets, and not after {latest}"
                )
            }
            Self::PointsOverflow => write!(f, "the account would hold more than {} points", Points::MAX),
        }
    }
}

/// Gives `settled` what `occasion` earns under the rules of `then`, which were in force when it happened
/// ([`Settled::rules_at`]). If it is the purchase that pays for a referral ([`Settled::referrer`]), `referrer` is the
/// member who referred this one: both are paid, or the account stores what it owes.
///
/// # Errors
///
/// Refusals are checked in the order of [`EarnRefusal`]; the first that applies wins. Or more must be read of a counter
/// first.
pub fn earn<'p>(
    settled: Settled<'p>,
    request: &KeyedRequest,
    occasion: &Occasion,
    then: &'p Program,
    counters: &Counters,
    referrer: Referrer<'p>,
) -> Result<Posting, Unposted<EarnRefusal>> {
    let pays_referral = settled.referrer(occasion, then).is_some();
    let mut draft = settled.0;
    draft.account.check_active().map_err(EarnRefusal::Inactive)?;
    if let Occasion::Purchase(purchase) = occasion {
        check_purchase(purchase, then).map_err(EarnRefusal::Unfit)?;
    }
    let occurred_at = occasion.occurred_at();
    let earliest = days_after(draft.today(), then.points.backdating_days_max.saturating_neg());
    let latest = draft.now.checked_add(CLOCK_AHEAD_MINUTES_MAX.minutes()).unwrap_or(Timestamp::MAX);
    if then.date(occurred_at) < earliest || occurred_at > latest {
        return Err(EarnRefusal::OccurredAtOutOfRange { earliest, latest }.into());
    }
    let (referral, referrer) =
        if pays_referral { referral::settle_with(&draft, then.date(occurred_at), referrer) } else { (None, None) };
    let pays = match &referral {
        Some(ReferralChange::Paid(_) | ReferralChange::Owed(_)) => true,
        Some(ReferralChange::Void | ReferralChange::Reopened | ReferralChange::Cancelled(_)) | None => false,
    };
    let source = match occasion {
        Occasion::Purchase(purchase) => Source::Purchase(purchase.total.amount),
        Occasion::Activity(activity) => Source::Activity(activity.kind.clone()),
        Occasion::Birthday(_) | Occasion::Enrollment(_) => Source::Birthday,
        Occasion::Referral(_) => Source::Referral(draft.account.member.clone()),
    };
    let record = Record::Accrual(Accrued { source, breakdown: Vec::new(), referral });
    let entry = draft.entry_for(request, record, occurred_at);
    let line = pays.then(|| referral::friends_line(then)).flatten();
    draft.accrue(entry, occasion, then, counters, line).map_err(|not_assessed| match not_assessed {
        NotAssessed::Overflow => Unposted::Refused(EarnRefusal::PointsOverflow),
        NotAssessed::Needs(needed) => Unposted::Needs(needed),
    })?;
    if let Some(referrer) = referrer {
        let friend = draft.account.member.clone();
        let paying = Paying {
            friend: &friend,
            purchase: &request.entry,
            occurred_at,
            by: request.by,
            actor: request.actor.as_ref(),
        };
        if let Some(paid) = referral::pay(referrer, &paying, then, counters).map_err(Unposted::Needs)? {
            draft.along(paid);
        }
    }
    Ok(draft.finish())
}
