//! Commands on accounts, independent of how they arrive: over HTTP, from a queue, by the schedule.
//!
//! This crate is independent of the transport: a refusal has a code and a detail, and the caller decides how to show them.

pub mod alias_key;
pub mod authority;
pub mod body;
pub mod call;
pub mod caught;
pub mod clock;
pub mod codes;
pub mod command;
pub mod deadline;
pub mod engine;
mod erasure;
pub mod event;
pub mod failure;
pub mod others;
pub mod programs;
pub mod referrals;
pub mod refusal;
pub mod returns;
pub mod settings;
pub mod subject;
pub mod tally;
mod wording;
