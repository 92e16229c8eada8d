//! Proof: an account made from its ledger, and a ledger compared with its account.

pub mod rebuild;
pub mod verify;
