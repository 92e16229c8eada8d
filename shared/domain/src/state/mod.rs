//! Stored state: the account of a member, and totals over many members.

pub mod account;
pub mod cap_use;
pub mod counter;
pub mod extension;
pub mod hold;
pub mod lots;
pub mod pending;
pub mod plan_term;
pub mod qualifying;
pub mod steps;
pub mod unconfirmed;
mod weight;
