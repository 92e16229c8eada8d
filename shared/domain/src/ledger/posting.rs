//! What a decision wants committed: accounts as it leaves them, with their entries, all of it or nothing.

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

/// One account as a posting leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The version that the account must still have; `None` if there must be no account yet.
    pub expected_version: Option<u64>,
    /// The account afterwards.
    pub account: Account,
    /// Its new entries, in the order of their `seq`.
    pub entries: Vec<Sealed>,
}

/// Another name that a member gets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The name.
    pub alias: Alias,
    /// Who gets it.
    pub member: MemberId,
    /// The member whose it may have been so far; `None` if it must have been nobody's.
    pub from: Option<MemberId>,
}

/// Another name that a member gives up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The name.
    pub alias: Alias,
    /// The member who had it.
    pub member: MemberId,
    /// The day on which it became free, in the program's time zone.
    pub on: Date,
    /// When it can be forgotten that it was taken.
    pub forgotten_at: Timestamp,
}

/// A receipt: stores give numbers of their own, and begin anew every day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptId {
    /// The store, if it is known.
    pub store: Option<Label>,
    /// The day of the purchase, in the program's time zone.
    pub on: Date,
    /// The number.
    pub receipt: Receipt,
}

/// A receipt that is made good for a purchase, or is free again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptChange {
    /// The receipt.
    pub receipt: ReceiptId,
    /// The purchase.
    pub purchase: Place,
    /// Whether it is made good for it.
    pub is_taken: bool,
}

/// Why a decision makes no posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unposted<R> {
    /// The rules say no.
    Refused(R),
    /// More must be read of a counter first. The decision is then made again.
    Needs(CounterNeeded),
}

impl<R> From<R> for Unposted<R> {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal)
    }
}

/// What a decision wants committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The account that the command is about.
    pub own: Change,
    /// Other accounts of the program that it changes along with it.
    pub others: Vec<Change>,
    /// What is taken from totals over many members.
    pub takes: Vec<Take>,
    /// What became of entries that it acts on.
    pub marks: Vec<Mark>,
    /// Codes that members are given.
    pub codes: Vec<GivenCode>,
    /// Codes that were given before, as it leaves them: used, or void.
    pub changed_codes: Vec<KeptCode>,
    /// Other names that members get.
    pub claims: Vec<Claim>,
    /// Other names that members give up.
    pub releases: Vec<Release>,
    /// Receipts that are made good for purchases, or are free again.
    pub receipts: Vec<ReceiptChange>,
    /// Why rules that were asked gave nothing. It is told with the answer, and not committed.
    pub explanations: Vec<Explanation>,
}

impl Posting {
    /// Every account that it changes, its own first.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        std::iter::once(&self.own).chain(&self.others)
    }
}
