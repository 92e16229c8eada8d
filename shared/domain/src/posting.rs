//! What a decision wants committed: the new account and its entries, all of it or nothing.

use crate::{
    account::{Account, Alias},
    aftermath::Mark,
    chain::Sealed,
    counter::Take,
};

/// What a decision wants committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The version that the account must still have; `None` if there must be no account yet.
    pub expected_version: Option<u64>,
    /// The account afterwards.
    pub account: Account,
    /// The new entries, in the order of their `seq`.
    pub entries: Vec<Sealed>,
    /// What is taken from totals over many members.
    pub takes: Vec<Take>,
    /// What became of entries that it acts on.
    pub marks: Vec<Mark>,
    /// Aliases that must belong to nobody yet, and will belong to this member.
    pub claims: Vec<Alias>,
}

/// What to do with an account next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Time has done more to the account than one transaction can hold: commit this part of it, load and decide again.
    CatchUp(Posting),
    /// Commit this, and the command is carried out.
    Commit(Posting),
}
