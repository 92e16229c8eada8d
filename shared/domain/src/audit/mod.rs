//! Audit: rebuilds an account from its ledger, and compares a ledger with its account.

pub mod rebuild;
pub mod verify;
