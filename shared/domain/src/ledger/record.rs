//! The payload of an entry. Each kind has its own type, so that a missing case does not compile.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ledger::{breakdown::BreakdownLine, missing::MissingAmounts},
    state::{
        account::{Bought, CountedElsewhere, Referral, ReferralDebt, Status, TierOverride},
        plan_term::PlanTerm,
    },
    values::{
        code::Code,
        id::{ActivityType, AttributeId, EntitlementId, LevelId, MemberId, PlanId, RewardId},
        money::{Amount, Money},
        points::Points,
        purchase::{Quantity, Receipt},
        text::Label,
    },
};

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A member joined and got the program's welcome points.
    Enrollment,
    /// Points for a purchase, an activity or a birthday.
    Accrual,
    /// Points spent on a reward.
    Redemption,
    /// Points expired.
    Expiry,
    /// Pending points became spendable: they matured or were confirmed.
    Confirmation,
    /// Pending points were not confirmed in time.
    Lapse,
    /// A purchase was returned, in full or in part.
    AccrualReversal,
    /// A held redemption was completed.
    Capture,
    /// A held redemption was cancelled or its hold expired.
    Cancellation,
    /// A captured redemption was reversed, in full or in part.
    RedemptionReversal,
    /// An operator gave or deducted points.
    Adjustment,
    /// Points were transferred to another member.
    TransferOut,
    /// Points were transferred from another member.
    TransferIn,
    /// The account was merged into another one.
    MergeOut,
    /// Another account was merged into this one.
    MergeIn,
    /// The effective tier changed.
    TierChange,
    /// An operator granted a tier or withdrew it.
    TierOverride,
    /// A plan was begun or renewed.
    Plan,
    /// A plan ended.
    PlanEnd,
    /// The payment of a plan was reversed.
    PlanReversal,
    /// An entitlement of a level or a plan was used.
    EntitlementUse,
    /// A code of the member was used, in full or in part.
    CodeUse,
    /// An owed referral bonus was paid to the member who referred a friend.
    ReferralPayment,
    /// A notice that points will expire soon.
    Notice,
    /// A notice that a level will be lost soon.
    TierNotice,
    /// The status, attributes or aliases of the account changed.
    Change,
    /// A purchase was amended.
    Amendment,
    /// The personal data of the member was erased.
    Erasure,
}

/// Who caused an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A system or a person that acts for the owner of the program.
    Operator,
    /// The member.
    Member,
    /// The engine, because time has passed.
    Engine,
}

/// A member joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The ids of the member's attributes; never their values.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub attributes: BTreeSet<AttributeId>,
    /// The number of the member's aliases.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub aliases: usize,
    /// The member who referred this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referred_by: Option<MemberId>,
    /// What each rule gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakdown: Vec<BreakdownLine>,
}

/// What points were given for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A purchase, and the amount paid for it, in minor units.
    Purchase(Amount),
    /// An activity of this type.
    Activity(ActivityType),
    /// A birthday.
    Birthday,
    /// The purchase of this member, whom this one referred.
    Referral(MemberId),
}

/// A change of the member's referral.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferralChange {
    /// The purchase paid this member. The referral pays no more.
    Paid(MemberId),
    /// The purchase pays this member later, because other requests kept changing that account. The referral pays no
    /// more.
    Owed(MemberId),
    /// There is no account to pay. The referral pays no more.
    Void,
    /// The purchase that paid was returned, and the next one pays again.
    Reopened,
    /// The purchase that was to pay this member later was returned: nothing is owed for it, and the next one pays.
    Cancelled(MemberId),
}

/// Points were given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accrued {
    /// What they were given for.
    pub source: Source,
    /// What each rule gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakdown: Vec<BreakdownLine>,
    /// The change of the member's referral by this purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralChange>,
}

/// The change of an accrual by a return or an amendment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reassessed {
    /// The change of the amount paid, in minor units.
    #[serde(default, skip_serializing_if = "is_no_number")]
    pub paid: i64,
    /// The change of the number of purchases: -1 if the purchase is returned completely, 1 if it is restored.
    #[serde(default, skip_serializing_if = "is_no_number")]
    pub purchases: i64,
    /// What each line gives now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakdown: Vec<BreakdownLine>,
    /// The change of each line, where there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub difference: Vec<(String, Points)>,
    /// The change of the member's referral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralChange>,
    /// Whether the accrual had lapsed before: the amount paid and its points no longer counted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_lapsed: bool,
}

/// Accruals that lapsed because they were not confirmed in time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lapsed {
    /// The change of the member's lifetime spend, in minor units.
    #[serde(default, skip_serializing_if = "is_no_number")]
    pub paid: i64,
    /// The change of the number of purchases.
    #[serde(default, skip_serializing_if = "is_no_number")]
    pub purchases: i64,
    /// The change of the member's referral, if one of the purchases paid for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralChange>,
}

/// A return.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameBack {
    /// The change of the accrual.
    #[serde(flatten)]
    pub accrual: Reassessed,
    /// The returned lines: id, quantity, amount in minor units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<(String, Quantity, i64)>,
    /// The receipt of the return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// The store of the return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Label>,
    /// The reason, as a code of the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
}

/// A reward was redeemed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeemed {
    /// The reward.
    pub reward: RewardId,
    /// The money that the points are worth, if the reward costs points per money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// The code that was given, if the reward has codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The last day on which the code can be used, if it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_expires_on: Option<Date>,
    /// The money that the code is worth, if it has a balance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_value: Option<Money>,
    /// For a hold: the instant at which it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_expires_at: Option<Timestamp>,
    /// The day to which activity had extended the account's points, if points were taken that expire before it:
    /// transferred ones, which keep their dates until the member is active again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_to: Option<Date>,
}

/// A code was used. The redemption that it was given for is the entry that this one refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CodeUseRecord")]
pub struct CodeUsed {
    /// The reward to which the code belongs.
    pub reward: RewardId,
    /// The amount that was used, if the code has a balance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// The balance that is left, if the code has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Money>,
}

/// Points that a notice says will expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expiring {
    /// The last day on which the points can be spent.
    pub on: Date,
    /// The number of points at the beginning of the day of the notice.
    pub points: Points,
}

/// A level that a notice says will be lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AtRisk {
    /// The level.
    pub level: LevelId,
    /// The level after it if nothing more is bought; left out if the member will have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<LevelId>,
    /// The last day of the level.
    pub until: Date,
    /// The amount that was missing to keep the level at the beginning of the day of the notice.
    pub missing: MissingAmounts,
    /// The last day on which purchases count for it; left out if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Date>,
}

/// A status that an operator can give an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewStatus {
    /// The account earns and spends.
    Active,
    /// The account does not earn or spend for now.
    Suspended,
    /// The account never earns or spends again.
    Closed,
}

/// Changes of an account other than points.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// The new status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<NewStatus>,
    /// The attributes with new values. The values themselves are not recorded.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub set: BTreeSet<AttributeId>,
    /// The attributes that were removed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<AttributeId>,
    /// The number of aliases added.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub aliases_added: usize,
    /// The number of aliases removed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub aliases_removed: usize,
}

/// What was erased; never its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The reason, as a code of the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
    /// The ids of the attributes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub attributes: BTreeSet<AttributeId>,
    /// The number of aliases.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub aliases: usize,
}

/// An operator set or removed a minimum tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overridden {
    /// The override in force now, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<TierOverride>,
    /// The override before, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<TierOverride>,
}

/// A referral payment that was owed and is now paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralPayment {
    /// The friend whose purchase paid.
    pub friend: MemberId,
    /// The member who was paid; `None` if there is no account left to pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<MemberId>,
}

/// What an account got by a merge besides points. Where only one of two values can remain, this is the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOver {
    /// The member whose account was merged.
    pub from: MemberId,
    /// The members who had been merged into that one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged_from: Vec<MemberId>,
    /// The minimum tier set by an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_override: Option<TierOverride>,
    /// The plans of both members, in the order in which they run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanTerm>,
    /// The days under which amounts of merged members are stored, where they were stored under others before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted_elsewhere: Vec<CountedElsewhere>,
    /// How the member was referred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<Referral>,
    /// Referral payments that are owed to others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referral_debts: Vec<ReferralDebt>,
    /// The last birthday for which points were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birthday_on: Option<Date>,
    /// The lifetime purchases of both members.
    #[serde(default)]
    pub bought: Bought,
}

/// A payment of a plan for one interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPaid {
    /// The whole term, including this interval.
    #[serde(flatten)]
    pub term: PlanTerm,
    /// The price of the interval, in minor units of the program's currency; `None` in entries of releases that did not
    /// record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<i64>,
    /// The length of the interval in months; 0 in entries of releases that did not record it.
    #[serde(default, skip_serializing_if = "is_no_month")]
    pub months: i32,
    /// The plan that ran, was paid, and ended because of this payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<PlanId>,
    /// All terms as they run now, if there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanTerm>,
}

/// The end of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEnded {
    /// The plan.
    pub plan: PlanId,
    /// The terms that were waiting. The first of them starts now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanTerm>,
}

/// A plan after one of its payments was reversed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReversed {
    /// The plan.
    pub plan: PlanId,
    /// The rest of its term; `None` if this ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<PlanTerm>,
    /// All terms as they run now, if there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanTerm>,
}

/// The payload of an entry, by kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "record", rename_all = "snake_case")]
pub enum Record {
    /// A member joined.
    Enrollment(Enrolled),
    /// Points were given.
    Accrual(Accrued),
    /// Points were spent, or held, for a reward.
    Redemption(Redeemed),
    /// Points expired.
    Expiry,
    /// Pending points became spendable.
    Confirmation,
    /// Pending points lapsed, with what else their accruals counted.
    Lapse(Lapsed),
    /// A purchase or an activity was returned, completely or in part.
    AccrualReversal(Box<CameBack>),
    /// A hold was captured.
    Capture,
    /// A hold ended.
    Cancellation,
    /// A redemption was reversed.
    RedemptionReversal,
    /// Points were given or deducted, with the operator's reason code.
    Adjustment(Label),
    /// Points went to this member.
    TransferOut(MemberId),
    /// Points came from this member.
    TransferIn(MemberId),
    /// The account was merged into that of this member.
    MergeOut(MemberId),
    /// Another account was merged into this one.
    MergeIn(Box<TakenOver>),
    /// The effective tier changed.
    TierChange,
    /// An operator set or removed a minimum tier.
    TierOverride(Overridden),
    /// A plan was paid for: the term up to the new last day, and the payment.
    Plan(PlanPaid),
    /// A plan ended: by itself on the day after its last, or at once by an operator.
    PlanEnd(PlanEnded),
    /// A payment of a plan was reversed, with the days that it paid for.
    PlanReversal(PlanReversed),
    /// An entitlement was used.
    EntitlementUse(EntitlementId),
    /// A code was used.
    CodeUse(CodeUsed),
    /// An owed referral payment was paid.
    ReferralPayment(ReferralPayment),
    /// Points will expire.
    Notice(Expiring),
    /// A level will be lost.
    TierNotice(AtRisk),
    /// The status, attributes or aliases changed.
    Change(Changed),
    /// A purchase was amended.
    Amendment(Box<Reassessed>),
    /// The personal data was erased.
    Erasure(Erased),
}

impl Record {
    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Enrollment(_) => Kind::Enrollment,
            Self::Accrual(_) => Kind::Accrual,
            Self::Redemption(_) => Kind::Redemption,
            Self::Expiry => Kind::Expiry,
            Self::Confirmation => Kind::Confirmation,
            Self::Lapse(_) => Kind::Lapse,
            Self::AccrualReversal(_) => Kind::AccrualReversal,
            Self::Capture => Kind::Capture,
            Self::Cancellation => Kind::Cancellation,
            Self::RedemptionReversal => Kind::RedemptionReversal,
            Self::Adjustment(_) => Kind::Adjustment,
            Self::TransferOut(_) => Kind::TransferOut,
            Self::TransferIn(_) => Kind::TransferIn,
            Self::MergeOut(_) => Kind::MergeOut,
            Self::MergeIn(_) => Kind::MergeIn,
            Self::TierChange => Kind::TierChange,
            Self::TierOverride(_) => Kind::TierOverride,
            Self::Plan(_) => Kind::Plan,
            Self::PlanEnd(_) => Kind::PlanEnd,
            Self::PlanReversal(_) => Kind::PlanReversal,
            Self::EntitlementUse(_) => Kind::EntitlementUse,
            Self::CodeUse(_) => Kind::CodeUse,
            Self::ReferralPayment(_) => Kind::ReferralPayment,
            Self::Notice(_) => Kind::Notice,
            Self::TierNotice(_) => Kind::TierNotice,
            Self::Change(_) => Kind::Change,
            Self::Amendment(_) => Kind::Amendment,
            Self::Erasure(_) => Kind::Erasure,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_no_number(number: &i64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_no_month(months: &i32) -> bool {
    *months == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl From<NewStatus> for Status {
    fn from(status: NewStatus) -> Self {
        match status {
            NewStatus::Active => Self::Active,
            NewStatus::Suspended => Self::Suspended,
            NewStatus::Closed => Self::Closed,
        }
    }
}
