//! The effects of time on an account, with and without entries.

mod ahead;
mod forgetting;
mod level_end;
pub(crate) mod notice;
pub(crate) mod quiet;
pub mod settle;
mod tier_notice;
mod waits;
