//! Refusals: the rules, or the current state, reject a command, and the caller can read why.

mod rules;

use std::fmt;

use regulars_domain::id::MemberId;
use serde_json::{Map, Value};

pub use rules::{finding, program_invalid};

/// The maximum length of a detail, in characters: it may quote the caller's input.
const DETAIL_CHARACTERS_MAX: usize = 500;

/// The stable codes of refusals. They are part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// The body is not valid for the command; the member `at` points to the place.
    BodyMalformed,
    /// The body is too large.
    BodyTooLarge,
    /// No program has this id.
    ProgramNotFound,
    /// No member has this id or alias, or the caller may not see it.
    MemberNotFound,
    /// The program has no version with this number, or it was withdrawn.
    VersionNotFound,
    /// The member has no entry with this id.
    EntryNotFound,
    /// No member has the id of the referrer.
    ReferrerNotFound,
    /// The program has no reward with this id.
    RewardNotFound,
    /// The reward has no such code.
    CodeNotFound,
    /// The code was used before, or a redemption cannot be reversed because its code was used.
    CodeUsed,
    /// The code is void.
    CodeVoid,
    /// The last day of the code has passed; the member `expires_on` has that day.
    CodeExpired,
    /// The balance of the code is too small; the member `left` has the balance.
    CodeBalanceTooSmall,
    /// The program has no tier with this id.
    TierNotFound,
    /// The program has no plan with this id.
    PlanNotFound,
    /// Another plan runs; the member `running` has the plan, and the day through which it is paid.
    PlanRunning,
    /// Other paid plans wait behind the one to end, and the request has no key; the member `waiting` has their number.
    PlansWaiting,
    /// The payment of a plan was already reversed.
    PlanPaymentReversed,
    /// The plan of the payment to reverse has ended or was replaced.
    PlanOver,
    /// No level and no plan of the program grants an entitlement with this id.
    EntitlementNotFound,
    /// A member with this id was enrolled with different data.
    MemberExists,
    /// The alias belongs to another member.
    AliasTaken,
    /// The member has the maximum number of aliases.
    AliasesFull,
    /// The erasure of a suspended account needs a reason.
    ReasonMissing,
    /// The receipt was used for another purchase.
    ReceiptTaken,
    /// More than one of the merged ledgers has an entry of this id; the member `members` lists the members.
    EntryAmbiguous,
    /// The account is suspended.
    AccountSuspended,
    /// The account is closed, erased or merged.
    AccountClosed,
    /// The account has open holds, and cannot be merged.
    HoldsOpen,
    /// The two accounts together exceed a limit of one account.
    MergeTooLarge,
    /// The accrual does not wait for a confirmation.
    AccrualNotPending,
    /// The redemption is not on hold, so it can be neither captured nor cancelled.
    RedemptionNotHeld,
    /// The newest version is not the one that the caller changed.
    ProgramVersionStale,
    /// Another version is scheduled; the members `version` and `in_force_from` identify it.
    VersionScheduled,
    /// The version is in force, or comes into force too soon to be withdrawn.
    VersionInForce,
    /// The program has the maximum number of versions.
    VersionsFull,
    /// The key was used for another request.
    IdempotencyKeyReused,
    /// The account has too few points; the member `missing` has the number of missing points.
    InsufficientPoints,
    /// More would be deducted than counts toward a tier; the member `missing` has the missing amounts.
    InsufficientQualifying,
    /// No piece of this reward is left.
    RewardOutOfStock,
    /// The reward's codes do not come from a pool, so none can be added.
    RewardWithoutPool,
    /// The reward cannot be held, only redeemed at once.
    RewardNotHoldable,
    /// The reward is for other tiers.
    RewardNotForTier,
    /// The reward's condition is not met by this member.
    RewardNotForMember,
    /// The reward is not available now.
    RewardNotActive,
    /// The limit of the reward is reached.
    RewardLimitReached,
    /// The member's level and plan do not grant the entitlement.
    EntitlementNotHeld,
    /// All uses of the entitlement are spent; the member `resets_on` says when it can be used again.
    EntitlementUsedUp,
    /// The hold has ended and its points were returned.
    HoldExpired,
    /// The account has the maximum number of open holds.
    HoldsFull,
    /// More would be reversed than was given.
    ReversalExceedsAccrual,
    /// The purchase has no line with this id.
    LineNotFound,
    /// The purchase cannot be amended in this way.
    CannotAmend,
    /// The facts of the purchase were erased, so it can be returned only completely.
    FactsErased,
    /// The purchase has the maximum number of returns and amendments.
    ChangesFull,
    /// The amounts of the lines add up to more than the total.
    LinesExceedTotal,
    /// The purchase or activity is too far in the past, or in the future.
    OccurredAtOutOfRange,
    /// The money is not in the program's currency.
    CurrencyMismatch,
    /// The program document has errors; the member `problems` lists all of them.
    ProgramInvalid,
    /// The points would exceed the range of the engine.
    PointsOverflow,
    /// The clock of the local server does not move back.
    ClockMovedBack,
}

impl RefusalCode {
    /// Returns the stable code, such as `insufficient_points`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BodyMalformed => "body_malformed",
            Self::BodyTooLarge => "body_too_large",
            Self::ProgramNotFound => "program_not_found",
            Self::MemberNotFound => "member_not_found",
            Self::VersionNotFound => "version_not_found",
            Self::EntryNotFound => "entry_not_found",
            Self::ReferrerNotFound => "referrer_not_found",
            Self::RewardNotFound => "reward_not_found",
            Self::CodeNotFound => "code_not_found",
            Self::CodeUsed => "code_used",
            Self::CodeVoid => "code_void",
            Self::CodeExpired => "code_expired",
            Self::CodeBalanceTooSmall => "code_balance_too_small",
            Self::TierNotFound => "tier_not_found",
            Self::PlanNotFound => "plan_not_found",
            Self::PlanRunning => "plan_running",
            Self::PlansWaiting => "plans_waiting",
            Self::PlanPaymentReversed => "plan_payment_reversed",
            Self::PlanOver => "plan_over",
            Self::EntitlementNotFound => "entitlement_not_found",
            Self::MemberExists => "member_exists",
            Self::AliasTaken => "alias_taken",
            Self::AliasesFull => "aliases_full",
            Self::ReasonMissing => "reason_missing",
            Self::ReceiptTaken => "receipt_taken",
            Self::EntryAmbiguous => "entry_ambiguous",
            Self::AccountSuspended => "account_suspended",
            Self::AccountClosed => "account_closed",
            Self::HoldsOpen => "holds_open",
            Self::MergeTooLarge => "merge_too_large",
            Self::AccrualNotPending => "accrual_not_pending",
            Self::RedemptionNotHeld => "redemption_not_held",
            Self::ProgramVersionStale => "program_version_stale",
            Self::VersionScheduled => "version_scheduled",
            Self::VersionInForce => "version_in_force",
            Self::VersionsFull => "versions_full",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::InsufficientPoints => "insufficient_points",
            Self::InsufficientQualifying => "insufficient_qualifying",
            Self::RewardOutOfStock => "reward_out_of_stock",
            Self::RewardWithoutPool => "reward_without_pool",
            Self::RewardNotHoldable => "reward_not_holdable",
            Self::RewardNotForTier => "reward_not_for_tier",
            Self::RewardNotForMember => "reward_not_for_member",
            Self::RewardNotActive => "reward_not_active",
            Self::RewardLimitReached => "reward_limit_reached",
            Self::EntitlementNotHeld => "entitlement_not_held",
            Self::EntitlementUsedUp => "entitlement_used_up",
            Self::HoldExpired => "hold_expired",
            Self::HoldsFull => "holds_full",
            Self::ReversalExceedsAccrual => "reversal_exceeds_accrual",
            Self::LineNotFound => "line_not_found",
            Self::CannotAmend => "cannot_amend",
            Self::FactsErased => "facts_erased",
            Self::ChangesFull => "changes_full",
            Self::LinesExceedTotal => "lines_exceed_total",
            Self::OccurredAtOutOfRange => "occurred_at_out_of_range",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::ProgramInvalid => "program_invalid",
            Self::PointsOverflow => "points_overflow",
            Self::ClockMovedBack => "clock_moved_back",
        }
    }
}

/// A refusal, with everything that the caller can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    code: RefusalCode,
    detail: String,
    members: Map<String, Value>,
}

impl Refusal {
    /// Returns a refusal. `detail` describes this case, with its numbers. A long detail is shortened.
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self { code, detail: shortened(detail.into()), members: Map::new() }
    }

    /// Returns the refusal that no member has this id, or that the caller may not see it: the same text, so that the
    /// two cannot be distinguished. An invalid id is not quoted, because it may be an e-mail address.
    #[must_use]
    pub fn member_not_found(member: &str) -> Self {
        let detail = match member.parse::<MemberId>() {
            Ok(member) => format!("The program has no member `{member}`."),
            Err(_) => "The program has no such member.".to_owned(),
        };
        Self::new(RefusalCode::MemberNotFound, detail)
    }

    /// Returns the refusal of a body. `at` is a JSON pointer (RFC 6901) to the place, empty for the whole body.
    pub fn body_malformed(at: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(RefusalCode::BodyMalformed, detail).with("at", at.into())
    }

    /// Returns the same for a body that is part of another, at the JSON pointer `within`.
    #[must_use]
    pub fn within(self, within: &str) -> Self {
        match self.at().map(|at| format!("{within}{at}")) {
            Some(at) => self.with("at", at),
            None => self,
        }
    }

    /// Adds a member for programs, such as `missing` or `resets_on`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> RefusalCode {
        self.code
    }

    /// Returns the description of this case.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the members that [`Refusal::with`] added.
    #[must_use]
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// Returns where a body is malformed, as a JSON pointer.
    #[must_use]
    pub fn at(&self) -> Option<&str> {
        self.members.get("at").and_then(Value::as_str)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

/// Returns `detail`, cut off after 500 characters.
#[must_use]
pub fn shortened(detail: String) -> String {
    if detail.chars().count() <= DETAIL_CHARACTERS_MAX {
        return detail;
    }
    let mut short: String = detail.chars().take(DETAIL_CHARACTERS_MAX).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_that_quotes_a_long_input_is_shortened() {
        let refusal = Refusal::new(RefusalCode::BodyMalformed, "é".repeat(10_000));
        assert_eq!(refusal.detail().chars().count(), DETAIL_CHARACTERS_MAX + 1);
    }
}
