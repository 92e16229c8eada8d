//! The refusal for each rule, with its code, its detail and its members.

use regulars_domain::{
    account::Inactive,
    adjust::AdjustRefusal,
    amendment::AmendRefusal,
    code_use::CodeUseRefusal,
    confirm::ConfirmRefusal,
    earn::{EarnRefusal, Unfit},
    enroll::ChangeRefusal,
    entitlement::UseRefusal,
    erase::EraseRefusal,
    merge::MergeRefusal,
    names::NamesRefusal,
    plan::{PlanEndRefusal, PlanRefusal, PlanReverseRefusal},
    pointer,
    program::{AttributeRefused, Finding},
    qualifying::Qualifying,
    redeem::RedeemRefusal,
    redemption::RedemptionRefusal,
    reversal::ReverseRefusal,
    tier_override::OverrideRefusal,
    transfer::TransferRefusal,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Refusal, RefusalCode};
use crate::wording;

impl From<EarnRefusal> for Refusal {
    fn from(refusal: EarnRefusal) -> Self {
        let code = match &refusal {
            EarnRefusal::Inactive(inactive) => return inactive.clone().into(),
            EarnRefusal::Unfit(unfit) => code_of(unfit),
            EarnRefusal::OccurredAtOutOfRange { .. } => RefusalCode::OccurredAtOutOfRange,
            EarnRefusal::PointsOverflow => RefusalCode::PointsOverflow,
        };
        Refusal::new(code, sentence(&refusal))
    }
}

fn code_of(unfit: &Unfit) -> RefusalCode {
    match unfit {
        Unfit::CurrencyMismatch { .. } => RefusalCode::CurrencyMismatch,
        Unfit::LinesExceedTotal { .. } => RefusalCode::LinesExceedTotal,
    }
}

impl From<AmendRefusal> for Refusal {
    fn from(refusal: AmendRefusal) -> Self {
        let code = match &refusal {
            AmendRefusal::Inactive(inactive) => return inactive.clone().into(),
            AmendRefusal::NotAPurchase | AmendRefusal::OccurredAtDiffers => RefusalCode::CannotAmend,
            AmendRefusal::Unfit(unfit) => code_of(unfit),
            AmendRefusal::ChangesFull => RefusalCode::ChangesFull,
            AmendRefusal::PointsOverflow => RefusalCode::PointsOverflow,
        };
        Refusal::new(code, sentence(&refusal))
    }
}

impl From<NamesRefusal> for Refusal {
    fn from(refusal: NamesRefusal) -> Self {
        match &refusal {
            NamesRefusal::Inactive(inactive) => inactive.clone().into(),
            NamesRefusal::Full => Refusal::new(RefusalCode::AliasesFull, sentence(&refusal)),
        }
    }
}

impl From<EraseRefusal> for Refusal {
    fn from(refusal: EraseRefusal) -> Self {
        match &refusal {
            EraseRefusal::Inactive(inactive) => inactive.clone().into(),
            EraseRefusal::ReasonMissing => Refusal::new(RefusalCode::ReasonMissing, sentence(&refusal)),
        }
    }
}

impl From<RedeemRefusal> for Refusal {
    fn from(refusal: RedeemRefusal) -> Self {
        let detail = sentence(&refusal);
        let code = match refusal {
            RedeemRefusal::Inactive(inactive) => return inactive.into(),
            RedeemRefusal::RewardNotFound(_) => RefusalCode::RewardNotFound,
            RedeemRefusal::NotHoldable => RefusalCode::RewardNotHoldable,
            RedeemRefusal::HoldTooLong { .. } => return Refusal::body_malformed("/hold/seconds", detail),
            RedeemRefusal::HoldsFull => RefusalCode::HoldsFull,
            RedeemRefusal::MoneyMissing | RedeemRefusal::MoneyUnexpected => {
                return Refusal::body_malformed("/money", detail);
            }
            RedeemRefusal::CurrencyMismatch { .. } => RefusalCode::CurrencyMismatch,
            RedeemRefusal::RewardNotActive => RefusalCode::RewardNotActive,
            RedeemRefusal::RewardNotForTier { tiers } => {
                let tiers: Vec<_> = tiers.iter().map(|tier| Value::from(tier.as_str())).collect();
                return Refusal::new(RefusalCode::RewardNotForTier, detail).with("tiers", tiers);
            }
            RedeemRefusal::RewardNotForMember { .. } => RefusalCode::RewardNotForMember,
            RedeemRefusal::RewardLimitReached => RefusalCode::RewardLimitReached,
            RedeemRefusal::RewardOutOfStock => RefusalCode::RewardOutOfStock,
            RedeemRefusal::PointsOverflow => RefusalCode::PointsOverflow,
            RedeemRefusal::InsufficientPoints { missing, .. } => {
                return Refusal::new(RefusalCode::InsufficientPoints, detail).with("missing", missing.get());
            }
        };
        Refusal::new(code, detail)
    }
}

impl From<ConfirmRefusal> for Refusal {
    fn from(refusal: ConfirmRefusal) -> Self {
        let code = match &refusal {
            ConfirmRefusal::Inactive(inactive) => return inactive.clone().into(),
            ConfirmRefusal::NotAnAccrual => RefusalCode::EntryNotFound,
            ConfirmRefusal::NotPending => RefusalCode::AccrualNotPending,
        };
        Refusal::new(code, sentence(&refusal))
    }
}

impl From<ReverseRefusal> for Refusal {
    fn from(refusal: ReverseRefusal) -> Self {
        let code = match &refusal {
            ReverseRefusal::Inactive(inactive) => return inactive.clone().into(),
            ReverseRefusal::NotAnAccrual => RefusalCode::EntryNotFound,
            ReverseRefusal::CurrencyMismatch { .. } => RefusalCode::CurrencyMismatch,
            ReverseRefusal::LineNotFound { .. } => RefusalCode::LineNotFound,
            ReverseRefusal::ExceedsLine { .. } | ReverseRefusal::ExceedsAccrual { .. } => {
                RefusalCode::ReversalExceedsAccrual
            }
            ReverseRefusal::FactsErased => RefusalCode::FactsErased,
            ReverseRefusal::ChangesFull => RefusalCode::ChangesFull,
            ReverseRefusal::PointsOverflow => RefusalCode::PointsOverflow,
        };
        Refusal::new(code, sentence(&refusal))
    }
}

impl From<RedemptionRefusal> for Refusal {
    fn from(refusal: RedemptionRefusal) -> Self {
        let code = match &refusal {
            RedemptionRefusal::Inactive(inactive) => return inactive.clone().into(),
            RedemptionRefusal::NotARedemption => RefusalCode::EntryNotFound,
            RedemptionRefusal::HoldExpired => RefusalCode::HoldExpired,
            RedemptionRefusal::NotHeld { state } => {
                return Refusal::new(RefusalCode::RedemptionNotHeld, sentence(&refusal)).with("state", *state);
            }
            RedemptionRefusal::CodeUsed => RefusalCode::CodeUsed,
            RedemptionRefusal::MoreThanHeld { .. } | RedemptionRefusal::MoreThanSpent { .. } => {
                return Refusal::body_malformed("/points", sentence(&refusal));
            }
            RedemptionRefusal::OtherMoney { .. } => return Refusal::body_malformed("/money", sentence(&refusal)),
        };
        Refusal::new(code, sentence(&refusal))
    }
}

impl From<CodeUseRefusal> for Refusal {
    fn from(refusal: CodeUseRefusal) -> Self {
        let detail = sentence(&refusal);
        let code = match refusal {
            CodeUseRefusal::Inactive(inactive) => return inactive.into(),
            CodeUseRefusal::NotGiven => RefusalCode::CodeNotFound,
            CodeUseRefusal::Void => RefusalCode::CodeVoid,
            CodeUseRefusal::Used => RefusalCode::CodeUsed,
            CodeUseRefusal::Expired { on } => {
                return Refusal::new(RefusalCode::CodeExpired, detail).with("expires_on", json!(on));
            }
            CodeUseRefusal::MoneyMissing { .. } | CodeUseRefusal::MoneyUnexpected => {
                return Refusal::body_malformed("/money", detail);
            }
            CodeUseRefusal::CurrencyMismatch { .. } => RefusalCode::CurrencyMismatch,
            CodeUseRefusal::BalanceTooSmall { left } => {
                return Refusal::new(RefusalCode::CodeBalanceTooSmall, detail).with("left", json!(left));
            }
        };
        Refusal::new(code, detail)
    }
}

impl From<AdjustRefusal> for Refusal {
    fn from(refusal: AdjustRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            AdjustRefusal::Inactive(inactive) => inactive.into(),
            AdjustRefusal::ExpiresOnPast { .. } => Refusal::body_malformed("/expires_on", detail),
            AdjustRefusal::NoTiers => Refusal::body_malformed("/qualifying", detail),
            AdjustRefusal::PointsOverflow => Refusal::new(RefusalCode::PointsOverflow, detail),
            AdjustRefusal::InsufficientPoints { missing } => {
                Refusal::new(RefusalCode::InsufficientPoints, detail).with("missing", missing.get())
            }
            AdjustRefusal::InsufficientQualifying { missing } => {
                let Qualifying { points, spend, visits } = missing;
                let missing = json!({ "points": points, "spend": spend, "visits": visits });
                Refusal::new(RefusalCode::InsufficientQualifying, detail).with("missing", missing)
            }
        }
    }
}

impl From<TransferRefusal> for Refusal {
    fn from(refusal: TransferRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            TransferRefusal::Inactive(inactive) => inactive.into(),
            TransferRefusal::OtherInactive(inactive) => other_inactive(inactive, detail),
            TransferRefusal::PointsOverflow => Refusal::new(RefusalCode::PointsOverflow, detail),
            TransferRefusal::InsufficientPoints { missing } => {
                Refusal::new(RefusalCode::InsufficientPoints, detail).with("missing", missing.get())
            }
        }
    }
}

impl From<OverrideRefusal> for Refusal {
    fn from(refusal: OverrideRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            OverrideRefusal::Inactive(inactive) => inactive.into(),
            OverrideRefusal::TierNotFound(_) => Refusal::new(RefusalCode::TierNotFound, detail),
            OverrideRefusal::UntilPast { .. } => Refusal::body_malformed("/until", detail),
        }
    }
}

impl From<PlanRefusal> for Refusal {
    fn from(refusal: PlanRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            PlanRefusal::Inactive(inactive) => inactive.into(),
            PlanRefusal::PlanNotFound(_) => Refusal::new(RefusalCode::PlanNotFound, detail),
            PlanRefusal::PlanRunning { plan, through } => {
                let running = json!({ "id": plan, "through": through });
                Refusal::new(RefusalCode::PlanRunning, detail).with("running", running)
            }
        }
    }
}

impl From<PlanEndRefusal> for Refusal {
    fn from(refusal: PlanEndRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            PlanEndRefusal::Inactive(inactive) => inactive.into(),
            PlanEndRefusal::NotRunning => Refusal::new(RefusalCode::PlanNotRunning, detail),
            PlanEndRefusal::PlansWaiting { plans } => {
                Refusal::new(RefusalCode::PlansWaiting, detail).with("waiting", plans)
            }
        }
    }
}

impl From<PlanReverseRefusal> for Refusal {
    fn from(refusal: PlanReverseRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            PlanReverseRefusal::Inactive(inactive) => inactive.into(),
            PlanReverseRefusal::NotAPayment => Refusal::new(RefusalCode::EntryNotFound, detail),
            PlanReverseRefusal::PaymentReversed => Refusal::new(RefusalCode::PlanPaymentReversed, detail),
            PlanReverseRefusal::PlanOver => Refusal::new(RefusalCode::PlanOver, detail),
        }
    }
}

impl From<UseRefusal> for Refusal {
    fn from(refusal: UseRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            UseRefusal::Inactive(inactive) => inactive.into(),
            UseRefusal::EntitlementNotFound(_) => Refusal::new(RefusalCode::EntitlementNotFound, detail),
            UseRefusal::EntitlementNotHeld => Refusal::new(RefusalCode::EntitlementNotHeld, detail),
            UseRefusal::EntitlementUsedUp { resets_on, .. } => {
                Refusal::new(RefusalCode::EntitlementUsedUp, detail).with("resets_on", json!(resets_on))
            }
        }
    }
}

impl From<MergeRefusal> for Refusal {
    fn from(refusal: MergeRefusal) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            MergeRefusal::Inactive(inactive) => inactive.into(),
            MergeRefusal::OtherInactive(inactive) => other_inactive(inactive, detail),
            MergeRefusal::HoldsOpen { .. } => Refusal::new(RefusalCode::HoldsOpen, detail),
            MergeRefusal::TooManyMerges
            | MergeRefusal::TooManyAliases
            | MergeRefusal::TooManyAttributes
            | MergeRefusal::TooManyPlans => Refusal::new(RefusalCode::MergeTooLarge, detail),
            MergeRefusal::PointsOverflow => Refusal::new(RefusalCode::PointsOverflow, detail),
        }
    }
}

/// Returns the refusal that the other account, not that of the command, is not active.
fn other_inactive(inactive: Inactive, detail: String) -> Refusal {
    Refusal { detail, ..Refusal::from(inactive) }
}

impl From<Inactive> for Refusal {
    fn from(inactive: Inactive) -> Self {
        let detail = sentence(&inactive);
        match inactive {
            Inactive::Suspended => Refusal::new(RefusalCode::AccountSuspended, detail),
            Inactive::Closed | Inactive::Erased => Refusal::new(RefusalCode::AccountClosed, detail),
            Inactive::Merged { into } => {
                Refusal::new(RefusalCode::AccountClosed, detail).with("merged_into", into.as_str())
            }
        }
    }
}

impl From<ChangeRefusal> for Refusal {
    fn from(refusal: ChangeRefusal) -> Self {
        match refusal {
            ChangeRefusal::Inactive(inactive) => inactive.into(),
            ChangeRefusal::AttributesTooLarge(refused) => refused.into(),
        }
    }
}

impl From<AttributeRefused> for Refusal {
    fn from(refused: AttributeRefused) -> Self {
        let at = format!("/attributes/{}", pointer::step(&refused.name));
        Refusal::body_malformed(at, wording::sentence(&format!("`{}` {}", refused.name, refused.reason)))
    }
}

/// Returns the refusal of a program document with all its errors.
#[must_use]
pub fn program_invalid(faults: &[Finding]) -> Refusal {
    let detail = match faults.len() {
        1 => "The program document has 1 error, and nothing was published.".to_owned(),
        errors => format!("The program document has {errors} errors, and nothing was published."),
    };
    Refusal::new(RefusalCode::ProgramInvalid, detail)
        .with("problems", json!(faults.iter().map(FindingView::from).collect::<Vec<_>>()))
}

/// An error in a program document, or a warning.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
pub struct FindingView {
    /// The place in the document, as a JSON pointer (RFC 6901).
    at: String,
    /// The kind of the finding: a stable code.
    code: &'static str,
    /// The finding in words.
    message: String,
}

impl From<&Finding> for FindingView {
    fn from(Finding { at, code, message }: &Finding) -> Self {
        Self { at: at.clone(), code, message: message.clone() }
    }
}

/// Returns a refusal as a sentence.
fn sentence(refusal: &impl ToString) -> String {
    wording::sentence(&refusal.to_string())
}
