//! Commands carried out on accounts, whichever way they came in: over HTTP, from a queue, by the schedule.
//!
//! This crate knows no transport: what it refuses with has a code and a detail, and whoever called decides how to tell.

pub mod authority;
pub mod body;
pub mod caught;
pub mod clock;
pub mod codes;
pub mod command;
pub mod deadline;
pub mod engine;
pub mod event;
pub mod failure;
pub mod others;
pub mod programs;
pub mod referrals;
pub mod refusal;
pub mod settings;
pub mod subject;
