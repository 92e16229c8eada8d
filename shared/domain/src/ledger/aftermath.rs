//! What became of an entry since it was written: kept beside it, because an entry itself never changes.

use jiff::civil::Date;
use serde::Serialize;

use crate::{
    ledger::chain::Sealed,
    values::{
        id::{EntryId, MemberId},
        points::Points,
    },
};

/// How a redemption ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its hold was captured, all of it or a part.
    Captured,
    /// Its hold was cancelled.
    Cancelled,
    /// It was captured, and undone afterwards.
    Reversed,
}

/// What became of an entry since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// How often something was done about it.
    pub changes: u64,
    /// Of a purchase: what has been refunded so far, in minor units. Of a redemption: what of the money that it stood for.
    pub refunded: i64,
    /// Of an accrual: the points that have been taken back so far.
    pub taken_back: Points,
    /// Of an accrual: whether all of it has been taken back.
    pub is_undone: bool,
    /// Of an accrual that waited for confirmation: the day on which it came.
    pub confirmed_on: Option<Date>,
    /// Of a redemption: how it ended, if it was held or undone.
    pub ending: Option<Ending>,
    /// Of a captured hold: the points captured.
    pub captured: Points,
    /// Of a redemption: the points that were given back of what it spent.
    pub given_back: Points,
}

/// An entry, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The member in whose ledger it stands.
    pub member: MemberId,
    /// The entry.
    pub sealed: Sealed,
    /// What became of it.
    pub aftermath: Aftermath,
}

/// A change of what became of an entry, committed only if nobody changed it meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The member in whose ledger the entry stands.
    pub member: MemberId,
    /// The entry.
    pub entry: EntryId,
    /// What became of it now. Its `changes` is one more than was read.
    pub aftermath: Aftermath,
}

impl Recorded {
    /// An entry that was written just now, of which nothing has become yet.
    #[must_use]
    pub fn new(member: &MemberId, sealed: Sealed) -> Self {
        Self { member: member.clone(), sealed, aftermath: Aftermath::default() }
    }

    /// The mark that something was done about this entry.
    pub(crate) fn mark(&self, change: impl FnOnce(&mut Aftermath)) -> Mark {
        let mut aftermath = self.aftermath;
        aftermath.changes = aftermath.changes.saturating_add(1);
        change(&mut aftermath);
        Mark { member: self.member.clone(), entry: self.sealed.entry.id.clone(), aftermath }
    }
}
