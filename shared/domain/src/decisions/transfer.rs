//! Transferring: points of one member that become another's, with their dates, both accounts in one posting or neither.

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

/// Why nothing was transferred, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferRefusal {
    /// The account does not spend.
    Inactive(Inactive),
    /// The other account does not earn.
    OtherInactive(Inactive),
    /// The other account would hold more than [`Points::MAX`].
    PointsOverflow,
    /// The account has too few points.
    InsufficientPoints {
        /// How many are missing.
        missing: Points,
    },
}

impl fmt::Display for TransferRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::OtherInactive(inactive) => write!(f, "of the other member: {inactive}"),
            Self::PointsOverflow => write!(f, "the other account would hold more than {} points", Points::MAX),
            Self::InsufficientPoints { missing } => write!(f, "{missing} points are missing"),
        }
    }
}

/// Makes `points` (more than none) of `from` spendable points of `to`: those that expire soonest. They keep their dates, so passing
/// them there and back does not make them last longer. Where points expire with inactivity, the next activity of the other member
/// extends them like all the others. In the other account they first pay what is owed. They do not count toward a tier.
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
    // What is owed is paid by the points that expire soonest.
    entry.effects.give_dated(&to.account, &out.effects.lots, points);
    to.post_command(entry);
    from.post_command(out);
    from.along(to.finish());
    Ok(from.finish())
}

/// The entry of `to` by which something of `from` comes in, nothing so far.
pub(crate) fn incoming(to: &Draft<'_>, from: &Draft<'_>, request: &KeyedRequest, record: Record) -> Entry {
    let id = EntryId::engine(&[&"transfer", &from.account.member, &request.entry]);
    Entry { actor: request.actor.clone(), ..to.entry(id, record, request.by, from.now) }
}
