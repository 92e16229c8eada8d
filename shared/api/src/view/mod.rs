//! The views: accounts, entries, tiers and rewards as JSON, with the field names of the API.

mod account;
mod answer;
mod code;
mod entitlement;
mod entry;
mod purchase;
mod redemption;
mod reward;
mod tier;
mod warning;

pub use account::AccountView;
pub use answer::{Accrued, CodeUsed, Posted, Redeemed, Reversed};
pub use code::CodeView;
pub use entitlement::{EntitlementView, Used};
pub use entry::{BreakdownView, EntryDetail, EntryView, RedemptionView, TierChangeView};
pub use purchase::{AccrualView, PurchaseView};
pub use redemption::Redemption;
pub use reward::RewardView;
pub use tier::{StandingView, TierView};
pub use warning::WarningView;
