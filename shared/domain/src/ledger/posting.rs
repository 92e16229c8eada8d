//! A posting: what a decision wants to commit. Accounts with their new entries, all or nothing.

use jiff::{Timestamp, civil::Date};

use crate::{
    ledger::{
        aftermath::{Mark, Place},
        chain::Sealed,
        explanation::Explanation,
    },
    state::{
        account::{Account, Alias},
        counter::{CounterNeeded, Take},
    },
    values::{
        code::{GivenCode, KeptCode},
        id::MemberId,
        purchase::Receipt,
        text::Label,
    },
};

/// One account as changed by a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The version that the account must still have; `None` if the account must not exist.
    pub expected_version: Option<u64>,
    /// The account after the change.
    pub account: Account,
    /// Its new entries, in the order of their `seq`.
    pub entries: Vec<Sealed>,
}

/// An alias that a member gets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The alias.
    pub alias: Alias,
    /// The member who gets it.
    pub member: MemberId,
    /// The member who may have it so far; `None` if it must be free.
    pub from: Option<MemberId>,
}

/// An alias that a member gives up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The alias.
    pub alias: Alias,
    /// The member who had it.
    pub member: MemberId,
    /// The day on which it became free, in the program's time zone.
    pub on: Date,
    /// When the tombstone can be deleted.
    pub forgotten_at: Timestamp,
}

/// A receipt. Stores number their receipts independently and start again every day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptId {
    /// The store, if it is known.
    pub store: Option<Label>,
    /// The day of the purchase, in the program's time zone.
    pub on: Date,
    /// The number.
    pub receipt: Receipt,
}

/// A receipt that is taken by a purchase, or freed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptChange {
    /// The receipt.
    pub receipt: ReceiptId,
    /// The purchase.
    pub purchase: Place,
    /// Whether the purchase takes it.
    pub is_taken: bool,
}

/// Why a decision returns no posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unposted<R> {
    /// The rules reject the command.
    Refused(R),
    /// The decision needs more data of a counter and must be made again.
    Needs(CounterNeeded),
}

impl<R> From<R> for Unposted<R> {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal)
    }
}

/// What a decision wants to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The account of the command.
    pub own: Change,
    /// Other accounts of the program that change in the same transaction.
    pub others: Vec<Change>,
    /// Changes of totals over many members.
    pub takes: Vec<Take>,
    /// Changes of the aftermath of earlier entries.
    pub marks: Vec<Mark>,
    /// Codes that are given to members.
    pub codes: Vec<GivenCode>,
    /// Codes that were given before and are now used or void.
    pub changed_codes: Vec<KeptCode>,
    /// Aliases that members get.
    pub claims: Vec<Claim>,
    /// Aliases that members give up.
    pub releases: Vec<Release>,
    /// Receipts that purchases take or free.
    pub receipts: Vec<ReceiptChange>,
    /// Why rules gave nothing. This is part of the answer and not committed.
    pub explanations: Vec<Explanation>,
}

impl Posting {
    /// Returns every account that it changes, the command's own first.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        std::iter::once(&self.own).chain(&self.others)
    }
}
