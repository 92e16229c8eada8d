//! The operator's command line, as a library so that tests can start the whole system in their own process.

mod aws;
pub mod command;
pub mod events;
pub mod ledger;
pub mod local;
pub mod reason;
mod table;
pub mod token;
