//! Refusals: the rules, or the current state, reject a command, and the caller can read why.

mod rules;

use std::fmt;

use regulars_domain::id::MemberId;
use serde_json::{Map, Value};

pub use rules::{FindingView, program_invalid};

/// The maximum length of a detail, in characters: it may quote the caller's input.
const DETAIL_CHARACTERS_MAX: usize = 500;

/// Defines the codes of refusals once: the variant, its name in the API, and what it means.
macro_rules! refusal_codes {
    ($($(#[doc = $meaning:literal])+ $variant:ident = $name:literal,)+) => {
        /// Why a command was refused, by its stable name. The names are part of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RefusalCode {
            $($(#[doc = $meaning])+ $variant,)+
        }

        impl RefusalCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name, such as `insufficient_points`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What the code means, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($meaning),+).trim_ascii(),)+
                }
            }
        }
    };
}

refusal_codes! {
    /// The body is not the JSON that the command takes; the member `at` points to the place.
    BodyMalformed = "body_malformed",
    /// The body is larger than the command takes.
    BodyTooLarge = "body_too_large",
    /// No program has this id.
    ProgramNotFound = "program_not_found",
    /// No member has this id or alias, or the caller may not see the member.
    MemberNotFound = "member_not_found",
    /// The program has no version with this number, or it was withdrawn.
    VersionNotFound = "version_not_found",
    /// The member has no entry with this id.
    EntryNotFound = "entry_not_found",
    /// No member has the id of the referrer.
    ReferrerNotFound = "referrer_not_found",
    /// The program has no reward with this id.
    RewardNotFound = "reward_not_found",
    /// The reward has no such code.
    CodeNotFound = "code_not_found",
    /// The code was already used, or the redemption cannot be reversed because its code was used.
    CodeUsed = "code_used",
    /// The code is void.
    CodeVoid = "code_void",
    /// The code has expired; the member `expires_on` says on which day.
    CodeExpired = "code_expired",
    /// The balance of the code is too small; the member `left` says how much is left.
    CodeBalanceTooSmall = "code_balance_too_small",
    /// The program has no tier with this id.
    TierNotFound = "tier_not_found",
    /// The program has no plan with this id.
    PlanNotFound = "plan_not_found",
    /// Another plan runs; the member `running` says which, and through which day it is paid.
    PlanRunning = "plan_running",
    /// No plan runs that the request could end.
    PlanNotRunning = "plan_not_running",
    /// Other paid plans wait behind the plan to be ended, and the request has no key; the member `waiting` says how
    /// many.
    PlansWaiting = "plans_waiting",
    /// The payment of the plan was already reversed.
    PlanPaymentReversed = "plan_payment_reversed",
    /// The plan of the payment has ended or was replaced.
    PlanOver = "plan_over",
    /// No level and no plan of the program grants an entitlement with this id.
    EntitlementNotFound = "entitlement_not_found",
    /// A member with this id was enrolled with different data.
    MemberExists = "member_exists",
    /// The alias belongs to another member.
    AliasTaken = "alias_taken",
    /// The member has the maximum number of aliases.
    AliasesFull = "aliases_full",
    /// The erasure of a suspended account needs a reason.
    ReasonMissing = "reason_missing",
    /// The receipt was already used for another purchase.
    ReceiptTaken = "receipt_taken",
    /// More than one of the merged ledgers has an entry with this id; the member `members` lists the owners.
    EntryAmbiguous = "entry_ambiguous",
    /// The account is suspended.
    AccountSuspended = "account_suspended",
    /// The account is closed, erased or merged.
    AccountClosed = "account_closed",
    /// The account has open holds and cannot be merged.
    HoldsOpen = "holds_open",
    /// The merged account would exceed a limit of an account.
    MergeTooLarge = "merge_too_large",
    /// The accrual does not wait for a confirmation.
    AccrualNotPending = "accrual_not_pending",
    /// The redemption is not held, so it can be neither captured nor cancelled.
    RedemptionNotHeld = "redemption_not_held",
    /// The request does not name the newest version of the program; the member `current` does.
    ProgramVersionStale = "program_version_stale",
    /// Another version is scheduled; the members `version` and `in_force_from` name it and say when it comes into force.
    VersionScheduled = "version_scheduled",
    /// The version is in force, or begins too soon to be withdrawn.
    VersionInForce = "version_in_force",
    /// The program has the maximum number of versions.
    VersionsFull = "versions_full",
    /// The `Idempotency-Key` was used for another request.
    IdempotencyKeyReused = "idempotency_key_reused",
    /// The account has too few points; the member `missing` says how many are missing.
    InsufficientPoints = "insufficient_points",
    /// The amounts that count toward a tier are smaller than the amounts to deduct; the member `missing` says by how
    /// much.
    InsufficientQualifying = "insufficient_qualifying",
    /// The reward is out of stock.
    RewardOutOfStock = "reward_out_of_stock",
    /// The reward's codes do not come from a pool, so none can be added.
    RewardWithoutPool = "reward_without_pool",
    /// The reward cannot be held, only redeemed at once.
    RewardNotHoldable = "reward_not_holdable",
    /// The reward is for other tiers.
    RewardNotForTier = "reward_not_for_tier",
    /// The reward's own condition does not hold for this member.
    RewardNotForMember = "reward_not_for_member",
    /// The reward is not on offer now.
    RewardNotActive = "reward_not_active",
    /// The limit of the reward is reached.
    RewardLimitReached = "reward_limit_reached",
    /// The tier and the plan of the member do not give the entitlement.
    EntitlementNotHeld = "entitlement_not_held",
    /// All uses of the entitlement in this interval are spent; the member `resets_on` says when it can be used again.
    EntitlementUsedUp = "entitlement_used_up",
    /// The hold has expired and its points were returned.
    HoldExpired = "hold_expired",
    /// The account has the maximum number of open holds.
    HoldsFull = "holds_full",
    /// The reversal is larger than what is left of the purchase.
    ReversalExceedsAccrual = "reversal_exceeds_accrual",
    /// The purchase has no line with this id.
    LineNotFound = "line_not_found",
    /// The amendment changes `occurred_at`, or the entry is not a purchase.
    CannotAmend = "cannot_amend",
    /// The details of the purchase were erased, so it can only be returned in full.
    FactsErased = "facts_erased",
    /// The purchase has reached its maximum number of returns and amendments.
    ChangesFull = "changes_full",
    /// The amounts of the lines add up to more than the total.
    LinesExceedTotal = "lines_exceed_total",
    /// The purchase or activity is too old, or in the future.
    OccurredAtOutOfRange = "occurred_at_out_of_range",
    /// The money is not in the program's currency.
    CurrencyMismatch = "currency_mismatch",
    /// The program document has errors; the member `problems` lists all of them.
    ProgramInvalid = "program_invalid",
    /// The number of points would be out of range.
    PointsOverflow = "points_overflow",
    /// The clock of the local server does not move back.
    ClockMovedBack = "clock_moved_back",
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
            Err(malformed) => format!("The program has no such member. The id of a member {malformed}."),
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
