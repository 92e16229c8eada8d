//! The ledger: entries, what they record and change, the chain that they form, and what is committed with them.

pub mod aftermath;
mod apply;
pub mod breakdown;
pub mod chain;
pub mod condition_fault;
pub(crate) mod effects;
pub mod entry;
pub mod explanation;
pub mod facts;
pub mod posting;
pub(crate) mod record;
