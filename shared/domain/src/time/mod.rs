//! Time: what it does to an account, in silence and with entries.

mod forgetting;
pub(crate) mod notice;
pub(crate) mod quiet;
pub mod settle;
