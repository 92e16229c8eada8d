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

/// Most open holds of an account: a member pays at one till at a time, and each hold is some sixty bytes of the account.
pub const HOLDS_MAX: usize = 20;

/// Most lots that all open holds of an account take points from, counted once for each hold.
pub const HOLD_LOTS_MAX: usize = 80;

/// Points reserved by a redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The redemption.
    pub redemption: EntryId,
    /// The reward that it is for.
    pub reward: RewardId,
    /// The day on which it was made, in the program's time zone: where the reward's limit counts it.
    pub held_on: Date,
    /// The moment at which it ends by itself.
    pub expires_at: Timestamp,
    /// What it took from each lot, negative as in the redemption's entry.
    pub lots: Vec<LotChange>,
    /// The version of the program that decided the redemption, and decides what giving it back means.
    pub program_version: u64,
}

impl Hold {
    /// Moves what it took from lots that expire before `date` to that day.
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

/// Of points that were `taken` from lots (negative changes, soonest first), what each lot gets when `back` of them go back
/// (positive). Of points that go back only in part, those that expire last do: the member spends what would expire first.
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
