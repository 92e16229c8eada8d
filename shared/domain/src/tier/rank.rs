//! Ranks: the position of a level in the program, from the lowest.

use jiff::civil::Date;

use crate::{rules::program::Tiers, state::qualifying::Qualifying};

pub(super) fn reached_rank(tiers: &Tiers, qualifying: &Qualifying) -> Option<usize> {
    tiers.reached(qualifying).and_then(|level| tiers.rank(&level.id))
}

/// Returns the rank of the level without a threshold.
pub(super) fn free_rank(tiers: &Tiers) -> Option<usize> {
    reached_rank(tiers, &Qualifying::default())
}

/// A level that a month gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lasting {
    pub(crate) rank: usize,
    /// The last day on which it counts, including grace; `None` if it is never lost.
    pub(crate) until: Option<Date>,
}
