//! What an entry records, by kind: each has a payload of its own, so that a missing case does not compile.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    ledger::breakdown::BreakdownLine,
    state::{
        account::{Bought, CountedElsewhere, Referral, ReferralDebt, Status, TierOverride},
        plan_term::PlanTerm,
    },
    values::{
        code::Code,
        id::{ActivityType, AttributeId, EntitlementId, MemberId, PlanId, RewardId},
        money::{Amount, Money},
        points::Points,
        purchase::{Quantity, Receipt},
        text::Label,
    },
};

/// What kind of thing an entry records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A member joined, and got the program's welcome.
    Enrollment,
    /// Points for a purchase, an activity or a birthday.
    Accrual,
    /// Points spent on a reward.
    Redemption,
    /// Points whose last day has passed.
    Expiry,
    /// Pending points that became spendable, because their day came or they were confirmed.
    Confirmation,
    /// Pending points that were not confirmed in time.
    Lapse,
    /// Something of what an accrual was given for came back.
    AccrualReversal,
    /// A held redemption completed.
    Capture,
    /// A held redemption given up, by request or because its time was over.
    Cancellation,
    /// A captured redemption undone.
    RedemptionReversal,
    /// Points given or taken by an operator.
    Adjustment,
    /// Points that became another member's.
    TransferOut,
    /// Points that were another member's.
    TransferIn,
    /// Everything of the account became another member's.
    MergeOut,
    /// Everything of another member's account became this one's.
    MergeIn,
    /// The effective tier is another.
    TierChange,
    /// A tier given by an operator, or taken back.
    TierOverride,
    /// A plan begun or renewed.
    Plan,
    /// A plan ended.
    PlanEnd,
    /// A payment of a plan was taken back.
    PlanReversal,
    /// A use of what a level or a plan gives without points.
    EntitlementUse,
    /// A code of the member's used, or a part of its balance.
    CodeUse,
    /// What was owed for a referral, paid to the member who referred the friend.
    ReferralPayment,
    /// Points will expire on a day that has come near. It changes nothing else.
    Notice,
    /// The status of the account, attributes or aliases changed.
    Change,
    /// A purchase is another now than it was told at first.
    Amendment,
    /// What was kept of the person is erased.
    Erasure,
}

/// Who asked for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A till, a shop or a person, acting for the program.
    Operator,
    /// The member.
    Member,
    /// Time, through this engine.
    Engine,
}

/// A member joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// Which attributes are kept of the member; never their values.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub attributes: BTreeSet<AttributeId>,
    /// How many aliases the member has.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub aliases: usize,
    /// The member who referred this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referred_by: Option<MemberId>,
    /// What each rule gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakdown: Vec<BreakdownLine>,
}

/// The reason for which points were given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A purchase, and what was paid for it, in minor units.
    Purchase(Amount),
    /// An activity of this type.
    Activity(ActivityType),
    /// A birthday.
    Birthday,
    /// The purchase of this member, whom this one referred.
    Referral(MemberId),
}

/// What became of the member's referral.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferralChange {
    /// The purchase paid this member for it, and it pays no more.
    Paid(MemberId),
    /// The purchase pays this member for it later, because others kept changing that account, and it pays no more.
    Owed(MemberId),
    /// There is no account to pay, and it pays no more.
    Void,
    /// The purchase that paid was taken back, and the next one pays again.
    Reopened,
    /// The purchase of this member that was to pay later was taken back: nothing is owed for it, and the next one pays.
    Cancelled(MemberId),
}

/// Points were given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accrued {
    /// For what.
    pub source: Source,
    /// What each rule gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakdown: Vec<BreakdownLine>,
    /// What became of the member's referral with this purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralChange>,
}

/// What a return or an amendment makes of an accrual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reassessed {
    /// The change of what was paid for the purchase, in minor units.
    #[serde(default, skip_serializing_if = "is_no_number")]
    pub paid: i64,
    /// The change of the number of purchases: -1 where nothing is left of it, 1 where it comes back to life.
    #[serde(default, skip_serializing_if = "is_no_number")]
    pub purchases: i64,
    /// What each line gives now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakdown: Vec<BreakdownLine>,
    /// By how much each line gives more or less than before, where it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub difference: Vec<(String, Points)>,
    /// What became of the member's referral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralChange>,
    /// Whether the accrual had lapsed before: what was paid for it and its points counted no more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_lapsed: bool,
}

/// Accruals lapsed that were not confirmed in time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lapsed {
    /// The change of what the member has paid in all, in minor units.
    #[serde(default, skip_serializing_if = "is_no_number")]
    pub paid: i64,
    /// The change of the number of purchases.
    #[serde(default, skip_serializing_if = "is_no_number")]
    pub purchases: i64,
    /// What became of the member's referral, if one of the purchases paid for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralChange>,
}

/// Something came back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameBack {
    /// What that makes of the accrual.
    #[serde(flatten)]
    pub accrual: Reassessed,
    /// What came back of each line that the return named: its name, the quantity, the amount in minor units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<(String, Quantity, i64)>,
    /// The number of the return's receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// Where it came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Label>,
    /// Why, in the operator's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
}

/// A reward was redeemed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeemed {
    /// The reward.
    pub reward: RewardId,
    /// The money that the points stand for, where the reward costs points per money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// The code that was given, where the reward has codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The last day on which the code can be used, if it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_expires_on: Option<Date>,
    /// The money that the code is worth, if it has a balance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_value: Option<Money>,
    /// Where the points are only held: the moment at which the hold ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_expires_at: Option<Timestamp>,
    /// The day to which activity had extended the account's points, where it took points that expire before that: transferred ones,
    /// which keep their dates until the member is active again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_to: Option<Date>,
}

/// A code was used. The redemption that it was given for is the entry that this one refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeUsed {
    /// The reward whose code it is.
    pub reward: RewardId,
    /// The part of its balance that was used, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// The balance that is left, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Money>,
}

/// Points that a notice says will expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiring {
    /// The last day on which they can be spent.
    pub on: Date,
    /// How many they were when the notice's day began, whatever has been spent or earned since.
    pub points: Points,
}

/// A status that an operator can give an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewStatus {
    /// It earns and spends.
    Active,
    /// It neither earns nor spends for now.
    Suspended,
    /// It never earns or spends again.
    Closed,
}

/// What changed of an account that is not points.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Its status now, if that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<NewStatus>,
    /// Attributes that have another value now; never the values.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub set: BTreeSet<AttributeId>,
    /// Attributes that are kept no longer.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<AttributeId>,
    /// How many aliases came.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub aliases_added: usize,
    /// How many aliases went.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub aliases_removed: usize,
}

/// What was erased of a person; never what it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Why, in the operator's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
    /// Which attributes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub attributes: BTreeSet<AttributeId>,
    /// How many aliases.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub aliases: usize,
}

/// A tier was given by an operator, or taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overridden {
    /// The one that holds now; `None` if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<TierOverride>,
    /// The one that held before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<TierOverride>,
}

/// What was owed for a referral was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralPayment {
    /// The friend whose purchase paid.
    pub friend: MemberId,
    /// The member who was paid; `None` if there is no account any more that can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<MemberId>,
}

/// What came with another member's account beside its points, and how things stand afterwards where only one of two can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOver {
    /// Whose account it was.
    pub from: MemberId,
    /// The members who had been merged into that one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged_from: Vec<MemberId>,
    /// The tier given by an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_override: Option<TierOverride>,
    /// The plans of both members, in the order in which they run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanTerm>,
    /// Under which days amounts of merged members are kept that were kept under others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted_elsewhere: Vec<CountedElsewhere>,
    /// How the member was referred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<Referral>,
    /// What others are owed for referrals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referral_debts: Vec<ReferralDebt>,
    /// The last birthday for which points were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birthday_on: Option<Date>,
    /// What both members have bought in all.
    #[serde(default)]
    pub bought: Bought,
}

/// A plan was paid for an interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPaid {
    /// All of its time, with this interval.
    #[serde(flatten)]
    pub term: PlanTerm,
    /// What the interval costs, in minor units of the program's currency; `None` in entries of releases that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<i64>,
    /// How long the interval is, in months; 0 in entries of releases that did not record it.
    #[serde(default, skip_serializing_if = "is_no_month")]
    pub months: i32,
    /// All terms as they run now, if there are others than this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanTerm>,
}

/// A plan ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEnded {
    /// The plan.
    pub plan: PlanId,
    /// The terms that were waiting: the first of them begins now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanTerm>,
}

/// What a plan comes to after one of its payments was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReversed {
    /// The plan.
    pub plan: PlanId,
    /// What is left of its time; `None` if it ended with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<PlanTerm>,
    /// All terms as they run now, if there are others than this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanTerm>,
}

/// What an entry records, by kind.
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
    /// Pending points lapsed, and what else their accruals counted.
    Lapse(Lapsed),
    /// Something of what an accrual was given for came back.
    AccrualReversal(Box<CameBack>),
    /// A hold was captured.
    Capture,
    /// A hold ended.
    Cancellation,
    /// A redemption was undone.
    RedemptionReversal,
    /// Points were given or taken, for this reason in the operator's own code.
    Adjustment(Label),
    /// Points went to this member.
    TransferOut(MemberId),
    /// Points came from this member.
    TransferIn(MemberId),
    /// The account went into that of this member.
    MergeOut(MemberId),
    /// Another account went into this one.
    MergeIn(Box<TakenOver>),
    /// The effective tier changed.
    TierChange,
    /// An operator gave a tier, or took back the one given.
    TierOverride(Overridden),
    /// A plan was paid for: its time from the first day to the new last one, and the payment.
    Plan(PlanPaid),
    /// A plan ended: by itself on the day after its last, or at once by an operator.
    PlanEnd(PlanEnded),
    /// A payment of a plan was taken back, and the days that it paid.
    PlanReversal(PlanReversed),
    /// Something was used without points.
    EntitlementUse(EntitlementId),
    /// A code was used.
    CodeUse(CodeUsed),
    /// What was owed for a referral was paid.
    ReferralPayment(ReferralPayment),
    /// Points will expire.
    Notice(Expiring),
    /// Something else about the account changed.
    Change(Changed),
    /// A purchase was amended.
    Amendment(Box<Reassessed>),
    /// The person was erased.
    Erasure(Erased),
}

impl Record {
    /// Its kind.
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
