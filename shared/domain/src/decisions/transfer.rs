//! Transfers: points of one member move to another, with their dates, in one posting for both accounts.

use std::fmt;

use crate::{
    draft::{Draft, KeyedRequest},
    ledger::{
        entry::{Entry, Record},
        posting::Posting,
    },
    state::account::Inactive,
    time::settle::Settled,
    values::{id::EntryId, points::Points},
};

/// Why a transfer is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferRefusal {
    /// The account does not spend.
    Inactive(Inactive),
    /// The other account does not earn.
    OtherInactive(Inactive),
    /// The other account would have more than [`Points::MAX`].
    PointsOverflow,
    /// The account has too few points.
    InsufficientPoints {
        /// The number of missing points.
        missing: Points,
    },
}

impl fmt::Display for TransferRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::OtherInactive(inactive) => write!(f, "of the other member: {inactive}"),
            Self::PointsOverflow => write!(f, "the other account would hold more than {} points", Points::MAX),
            Self::InsufficientPoints { missing } => write!(f, "the account has {missing} spendable points too few"),
        }
    }
}

/// Moves `points` (more than 0) from `from` to `to`, those that expire soonest. They keep their dates, so transferring
/// them back and forth does not extend them. Under `inactivity_months`, the next activity of the other member extends
/// them like all others. In the other account they pay what is owed first. They do not count toward a tier.
///
/// # Errors
///
/// Refusals are checked in the order of [`TransferRefusal`].
pub fn transfer(
    from: Settled<'_>,
    to: Settled<'_>,
    request: &KeyedRequest,
    points: Points,
) -> Result<Posting, TransferRefusal> {
    let (mut from, mut to) = (from.0, to.0);
    from.account.check_active().map_err(TransferRefusal::Inactive)?;
    to.account.check_active().map_err(TransferRefusal::OtherInactive)?;
    if to.account.total() + points > Points::MAX {
        return Err(TransferRefusal::PointsOverflow);
    }
    let spendable = from.account.lots.total();
    if spendable < points {
        return Err(TransferRefusal::InsufficientPoints { missing: points - spendable });
    }
    let mut out = from.entry_for(request, Record::TransferOut(to.account.member.clone()), from.now);
    out.effects.take(&from.account, points);
    let mut entry = incoming(&to, &from, request, Record::TransferIn(from.account.member.clone()));
    // The points that expire soonest pay what is owed.
    entry.effects.give_dated(&to.account, &out.effects.lots, points);
    to.post_command(entry);
    from.post_command(out);
    from.along(to.finish());
    Ok(from.finish())
}

/// Returns the entry of `to` for what comes from `from`, without effects so far.
pub(crate) fn incoming(to: &Draft<'_>, from: &Draft<'_>, request: &KeyedRequest, record: Record) -> Entry {
    let id = EntryId::engine(&[&"transfer", &from.account.member, &request.entry]);
    Entry { actor: request.actor.clone(), ..to.entry(id, record, request.by, from.now) }
}
