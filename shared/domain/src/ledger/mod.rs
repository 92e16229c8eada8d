//! The ledger: entries, their payloads and effects, the chain, and what is committed with them.

pub mod aftermath;
mod apply;
pub mod breakdown;
pub mod chain;
pub mod condition_fault;
pub(crate) mod effects;
pub mod entry;
pub mod explanation;
pub mod facts;
pub mod flow;
pub(crate) mod missing;
pub mod posting;
pub(crate) mod record;
