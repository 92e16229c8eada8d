//! Holds: points reserved by a redemption that is not captured yet.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

use crate::{
    state::lots::LotChange,
    values::{
        id::{EntryId, RewardId},
        points::Points,
    },
};

/// Maximum number of open holds of an account: a member pays at one till at a time, and each hold takes some sixty
/// bytes of the account.
pub const HOLDS_MAX: usize = 20;

/// Maximum number of lots that all open holds of an account take points from, counted once for each hold.
pub const HOLD_LOTS_MAX: usize = 80;

/// Points reserved by a redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The redemption.
    pub redemption: EntryId,
    /// The reward.
    pub reward: RewardId,
    /// The day on which it was made, in the program's time zone. The reward's limit counts it there.
    pub held_on: Date,
    /// The instant at which it ends by itself.
    pub expires_at: Timestamp,
    /// The points taken from each lot, negative as in the redemption's entry.
    pub lots: Vec<LotChange>,
    /// The version of the program that decided the redemption. It also decides how points are returned.
    pub program_version: u64,
}

impl Hold {
    /// Moves the points that it took from lots that expire before `date` to that day.
    pub(crate) fn extend_to(&mut self, date: Date) {
        let mut lots = BTreeMap::new();
        for LotChange(expiry, points) in &self.lots {
            *lots.entry(expiry.extended_to(date)).or_insert(Points::ZERO) += *points;
        }
        self.lots = lots.into_iter().map(|(expiry, points)| LotChange(expiry, points)).collect();
    }

    /// The points that it holds.
    #[must_use]
    pub fn points(&self) -> Points {
        -self.lots.iter().map(|LotChange(_, points)| *points).sum::<Points>()
    }
}

/// Returns what each lot gets (positive) if `back` of the points that were `taken` (negative changes, soonest first)
/// are returned. If only a part is returned, the points that expire last return first: the member spends what would
/// expire first.
pub(crate) fn put_back(taken: &[LotChange], back: Points) -> Vec<LotChange> {
    let mut left = back;
    let mut changes = Vec::new();
    for LotChange(expiry, points) in taken.iter().rev() {
        let part = left.min(-*points);
        if part > Points::ZERO {
            left -= part;
            changes.push(LotChange(*expiry, part));
        }
    }
    changes
}
