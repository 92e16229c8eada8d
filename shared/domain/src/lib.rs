//! The rules of loyalty: program, account and command in, posting or refusal out.
//!
//! No async, no SDK, no clock, no randomness, no floats, no HTTP: whatever a decision needs, time included, is an
//! argument. Start reading at [`account::Account`] (the state), [`settle`] (time), [`earn`] and [`redeem`] (decisions).

pub mod account;
pub mod adjust;
pub mod aftermath;
pub mod breakdown;
pub mod calendar;
pub mod cap;
pub mod chain;
pub mod code;
pub mod confirm;
pub mod counter;
mod draft;
pub mod earn;
pub mod earning;
mod effects;
pub mod enroll;
pub mod entitlement;
pub mod entry;
pub mod fingerprint;
pub mod hold;
pub mod id;
pub mod lots;
pub mod merge;
pub mod money;
mod notice;
pub mod pending;
pub mod plan;
pub mod points;
pub mod posting;
pub mod program;
pub mod rebuild;
mod record;
pub mod redeem;
pub mod redemption;
pub mod referral;
pub mod reversal;
pub mod settle;
pub mod steps;
pub mod text;
pub mod tier;
pub mod tier_override;
pub mod transfer;
pub mod verify;
pub mod versions;

pub use draft::Request;
