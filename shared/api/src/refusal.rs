//! What the rules and the store say no with, as problems: the one place where a refusal meets HTTP.

use regulars_domain::{
    account::Inactive,
    adjust::AdjustRefusal,
    confirm::ConfirmRefusal,
    earn::EarnRefusal,
    enroll::AmendRefusal,
    entitlement::UseRefusal,
    merge::MergeRefusal,
    plan::PlanRefusal,
    program::{AttributeRefused, Problem as Fault},
    redeem::RedeemRefusal,
    redemption::RedemptionRefusal,
    reversal::ReverseRefusal,
    tier_override::OverrideRefusal,
    transfer::TransferRefusal,
};
use regulars_store::StoreFault;
use serde_json::{Value, json};

use crate::{
    http::{Code, Problem},
    programs::ProgramBroken,
};

impl From<EarnRefusal> for Problem {
    fn from(refusal: EarnRefusal) -> Self {
        let code = match &refusal {
            EarnRefusal::Inactive(inactive) => return inactive.clone().into(),
            EarnRefusal::CurrencyMismatch { .. } => Code::CurrencyMismatch,
            EarnRefusal::OccurredAtOutOfRange { .. } => Code::OccurredAtOutOfRange,
            EarnRefusal::PointsOverflow => Code::PointsOverflow,
        };
        Problem::new(code, sentence(&refusal))
    }
}

impl From<RedeemRefusal> for Problem {
    fn from(refusal: RedeemRefusal) -> Self {
        let detail = sentence(&refusal);
        let code = match refusal {
            RedeemRefusal::Inactive(inactive) => return inactive.into(),
            RedeemRefusal::RewardNotFound => Code::RewardNotFound,
            RedeemRefusal::HoldTooLong { .. } => return Problem::body_malformed("/hold/seconds", detail),
            RedeemRefusal::HoldsFull => Code::HoldsFull,
            RedeemRefusal::MoneyMissing | RedeemRefusal::MoneyUnexpected => {
                return Problem::body_malformed("/money", detail);
            }
            RedeemRefusal::CurrencyMismatch { .. } => Code::CurrencyMismatch,
            RedeemRefusal::RewardNotActive => Code::RewardNotActive,
            RedeemRefusal::RewardNotForTier { tiers } => {
                let tiers: Vec<_> = tiers.iter().map(|tier| Value::from(tier.as_str())).collect();
                return Problem::new(Code::RewardNotForTier, detail).with("tiers", tiers);
            }
            RedeemRefusal::RewardNotForMember { .. } => Code::RewardNotForMember,
            RedeemRefusal::RewardLimitReached => Code::RewardLimitReached,
            RedeemRefusal::RewardOutOfStock => Code::RewardOutOfStock,
            RedeemRefusal::PointsOverflow => Code::PointsOverflow,
            RedeemRefusal::InsufficientPoints { missing, .. } => {
                return Problem::new(Code::InsufficientPoints, detail).with("missing", missing.get());
            }
        };
        Problem::new(code, detail)
    }
}

impl From<ConfirmRefusal> for Problem {
    fn from(refusal: ConfirmRefusal) -> Self {
        let code = match &refusal {
            ConfirmRefusal::Inactive(inactive) => return inactive.clone().into(),
            ConfirmRefusal::NotAnAccrual => Code::EntryNotFound,
            ConfirmRefusal::NotPending => Code::AccrualNotPending,
        };
        Problem::new(code, sentence(&refusal))
    }
}

impl From<ReverseRefusal> for Problem {
    fn from(refusal: ReverseRefusal) -> Self {
        let code = match &refusal {
            ReverseRefusal::Inactive(inactive) => return inactive.clone().into(),
            ReverseRefusal::NotAnAccrual => Code::EntryNotFound,
            ReverseRefusal::CurrencyMismatch { .. } => Code::CurrencyMismatch,
            ReverseRefusal::ExceedsAccrual { .. } => Code::ReversalExceedsAccrual,
        };
        Problem::new(code, sentence(&refusal))
    }
}

impl From<RedemptionRefusal> for Problem {
    fn from(refusal: RedemptionRefusal) -> Self {
        let code = match &refusal {
            RedemptionRefusal::Inactive(inactive) => return inactive.clone().into(),
            RedemptionRefusal::NotARedemption => Code::EntryNotFound,
            RedemptionRefusal::HoldExpired => Code::HoldExpired,
            RedemptionRefusal::NotHeld { state } => {
                return Problem::new(Code::RedemptionNotHeld, sentence(&refusal)).with("state", *state);
            }
            RedemptionRefusal::MoreThanHeld { .. } => return Problem::body_malformed("/points", sentence(&refusal)),
        };
        Problem::new(code, sentence(&refusal))
    }
}

impl From<AdjustRefusal> for Problem {
    fn from(refusal: AdjustRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            AdjustRefusal::Inactive(inactive) => inactive.into(),
            AdjustRefusal::PointsOverflow => Problem::new(Code::PointsOverflow, detail),
            AdjustRefusal::InsufficientPoints { missing } => {
                Problem::new(Code::InsufficientPoints, detail).with("missing", missing.get())
            }
        }
    }
}

impl From<TransferRefusal> for Problem {
    fn from(refusal: TransferRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            TransferRefusal::Inactive(inactive) => inactive.into(),
            TransferRefusal::OtherInactive(inactive) => other_inactive(inactive, detail),
            TransferRefusal::PointsOverflow => Problem::new(Code::PointsOverflow, detail),
            TransferRefusal::InsufficientPoints { missing } => {
                Problem::new(Code::InsufficientPoints, detail).with("missing", missing.get())
            }
        }
    }
}

impl From<OverrideRefusal> for Problem {
    fn from(refusal: OverrideRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            OverrideRefusal::Inactive(inactive) => inactive.into(),
            OverrideRefusal::TierNotFound => Problem::new(Code::TierNotFound, detail),
            OverrideRefusal::UntilPast { .. } => Problem::body_malformed("/until", detail),
        }
    }
}

impl From<PlanRefusal> for Problem {
    fn from(refusal: PlanRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            PlanRefusal::Inactive(inactive) => inactive.into(),
            PlanRefusal::PlanNotFound => Problem::new(Code::PlanNotFound, detail),
        }
    }
}

impl From<UseRefusal> for Problem {
    fn from(refusal: UseRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            UseRefusal::Inactive(inactive) => inactive.into(),
            UseRefusal::EntitlementNotFound => Problem::new(Code::EntitlementNotFound, detail),
            UseRefusal::EntitlementNotHeld => Problem::new(Code::EntitlementNotHeld, detail),
            UseRefusal::EntitlementUsedUp { resets_on, .. } => {
                Problem::new(Code::EntitlementUsedUp, detail).with("resets_on", json!(resets_on))
            }
        }
    }
}

impl From<MergeRefusal> for Problem {
    fn from(refusal: MergeRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            MergeRefusal::Inactive(inactive) => inactive.into(),
            MergeRefusal::OtherInactive(inactive) => other_inactive(inactive, detail),
            MergeRefusal::HoldsOpen { .. } => Problem::new(Code::HoldsOpen, detail),
            MergeRefusal::TooManyMerges | MergeRefusal::TooManyAliases => Problem::new(Code::MergeTooLarge, detail),
            MergeRefusal::PointsOverflow => Problem::new(Code::PointsOverflow, detail),
        }
    }
}

/// The problem that not the account of the path, but the other one, takes no part.
fn other_inactive(inactive: Inactive, detail: String) -> Problem {
    Problem::from(inactive).detailed(detail)
}

impl From<Inactive> for Problem {
    fn from(inactive: Inactive) -> Self {
        let detail = sentence(&inactive);
        match inactive {
            Inactive::Suspended => Problem::new(Code::AccountSuspended, detail),
            Inactive::Closed => Problem::new(Code::AccountClosed, detail),
            Inactive::Merged { into } => Problem::new(Code::AccountClosed, detail).with("merged_into", into.as_str()),
        }
    }
}

impl From<AmendRefusal> for Problem {
    fn from(refusal: AmendRefusal) -> Self {
        match refusal {
            AmendRefusal::Inactive(inactive) => inactive.into(),
            AmendRefusal::AttributesTooLarge(refused) => refused.into(),
        }
    }
}

impl From<AttributeRefused> for Problem {
    fn from(refused: AttributeRefused) -> Self {
        let pointer = refused.name.replace('~', "~0").replace('/', "~1");
        Problem::body_malformed(format!("/attributes/{pointer}"), format!("{} {}.", refused.name, refused.reason))
    }
}

impl From<StoreFault> for Problem {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Unavailable(_) => Problem::store_unavailable(fault),
            StoreFault::Broken(_) => Problem::fault(fault),
        }
    }
}

impl From<ProgramBroken> for Problem {
    fn from(broken: ProgramBroken) -> Self {
        match broken {
            ProgramBroken::Store(fault) => fault.into(),
            ProgramBroken::Document(what) => Problem::fault(what),
        }
    }
}

/// Every fault of a program document.
#[must_use]
pub fn program_invalid(faults: &[Fault]) -> Problem {
    let detail = format!("The program document has {} faults; nothing was published.", faults.len());
    Problem::new(Code::ProgramInvalid, detail).with("problems", faults.iter().map(finding).collect::<Vec<_>>())
}

/// A fault of a program document, or a warning, as JSON.
#[must_use]
pub fn finding(fault: &Fault) -> Value {
    json!({ "at": fault.at, "code": fault.code, "message": fault.message })
}

/// What a refusal says, as a sentence.
fn sentence(refusal: &impl ToString) -> String {
    let text = refusal.to_string();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).chain(['.']).collect()).unwrap_or_default()
}
