//! Accounts, entries and programs in one DynamoDB table. This is the only crate that knows attribute names and
//! conditions.
//!
//! One command is one strongly consistent read of an account and one transaction, run by [`Store::carry_out`]. Races
//! and repeated requests have named outcomes and are never errors. A [`StoreFault`] means that the table or this engine
//! failed.

mod account_item;
mod accounts;
mod act;
mod aftermath_item;
mod alias;
mod backoff;
mod calls;
mod codes;
mod commit;
mod counters;
mod details;
mod due;
mod entry_item;
mod fault;
mod held;
mod item;
#[cfg(test)]
mod item_size;
mod items;
mod ledger;
mod members;
mod meter;
mod needs;
mod permission;
mod program_heads;
mod programs;
mod segments;
mod shards;
mod store;
mod table;
mod transaction;
mod verdict;
mod written;

pub use act::{Decide, Outcome, RequestKey, Step};
pub use alias::{
    AliasKey, AliasKeyTooShort, AliasMalformed, EMAIL_PATTERN, KIND_PATTERN, PHONE_PATTERN, VALUE_PATTERN,
};
pub use calls::{Limit, Limits};
pub use codes::CodeCount;
pub use due::{CursorMalformed, DUE_SHARDS, Due, DueCursor, DuePage};
pub use fault::{Corrupt, PostingInvalid, StoreFault, is_transient};
pub use ledger::Page;
pub use members::{MembersPage, Walk};
pub use meter::{Meter, Snapshot, Usage, metered};
pub use needs::{Found, Needs};
pub use permission::{Action, Permission, in_the_name_of};
pub use program_heads::{ProgramHeads, VERSIONS_MAX};
pub use programs::{Publication, Publish, Start, Withdrawal};
pub use segments::{SegmentCursor, SegmentPage};
pub use store::Store;
pub use verdict::{Commit, Seen};
pub use written::{Written, WrittenPage};
