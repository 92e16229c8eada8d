//! The decisions. Each checks its refusals in a fixed order and then makes the change.

pub mod adjust;
pub mod amendment;
pub mod code_use;
pub mod confirm;
pub mod earn;
pub mod enroll;
pub mod entitlement;
pub mod erase;
pub mod merge;
pub mod names;
pub mod plan;
pub mod reassess;
pub mod redeem;
pub mod redemption;
pub mod referral;
pub mod reversal;
pub mod tier_override;
pub mod transfer;
