//! What is answered: accounts, entries, tiers and rewards as JSON, with the names that callers were promised.

mod account;
mod entry;
mod reward;
mod tier;

pub use account::AccountView;
pub use entry::{BreakdownView, EntryDetail, EntryView, RedemptionView, TierChangeView};
pub use reward::RewardView;
pub use tier::{StandingView, TierView};
