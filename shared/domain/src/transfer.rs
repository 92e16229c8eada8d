//! Transferring: points of one member that become another's, with their dates, both accounts in one posting or neither.

use std::fmt;

use crate::{
    account::Inactive,
    draft::{Draft, Request},
    entry::{By, Entry, Kind},
    id::EntryId,
    points::Points,
    posting::Posting,
    settle::Settled,
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

/// Makes `points` (more than none) of `from` spendable points of `to`: those that expire soonest, and they keep their
/// dates, so that passing them on is no way to make them last; only where points expire with inactivity, they live as long
/// as the other member's, and extend nothing. In the other account they first pay what is owed. They count toward nobody's
/// tier.
///
/// # Errors
///
/// Refusals are looked for in the order of [`TransferRefusal`].
pub fn transfer(
    from: Settled<'_>,
    to: Settled<'_>,
    request: &Request,
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
    let mut out = from.entry_for(request, Kind::TransferOut, from.now);
    out.counterparty = Some(to.account.member.clone());
    out.points = -points;
    out.spendable = -points;
    out.lots = from.account.lots.take(points);
    let mut entry = incoming(&to, &from, request);
    entry.points = points;
    // What is owed is paid by the points that expire soonest.
    to.give_back(&mut entry, &out.lots, points);
    to.post(entry);
    from.post(out);
    from.along(to);
    Ok(from.finish())
}

/// The entry of `to` by which points of `from` come in, none so far.
pub(crate) fn incoming(to: &Draft<'_>, from: &Draft<'_>, request: &Request) -> Entry {
    let id = EntryId::engine(&[&"transfer", &from.account.member, &request.entry]);
    let mut entry = to.entry(id, Kind::TransferIn, By::Engine, from.now);
    entry.by = request.by;
    entry.counterparty = Some(from.account.member.clone());
    entry
}
