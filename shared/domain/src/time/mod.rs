//! The effects of time on an account, with and without entries.

mod ahead;
mod forgetting;
pub(crate) mod notice;
pub(crate) mod quiet;
pub mod settle;
