//! One immutable line of the ledger.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    account::{PlanTerm, Qualifying},
    breakdown::BreakdownLine,
    code::Code,
    fingerprint::Fingerprint,
    id::{EntitlementId, EntryId, LevelId, MemberId, RewardId, RuleId},
    lots::LotChange,
    money::{Amount, Money},
    pending::{Awaits, PendingChange},
    points::Points,
    steps::StepsTaken,
    text::Label,
};

/// What an entry records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Pending points that became spendable, because their day came or somebody confirmed them.
    Confirmation,
    /// Pending points that nobody confirmed in time.
    Lapse,
    /// An accrual undone, all of it or a part.
    AccrualReversal,
    /// A held redemption completed.
    Capture,
    /// A held redemption given up, by somebody or because its time was over.
    Cancellation,
    /// A captured redemption undone.
    RedemptionReversal,
    /// Points given or taken by an operator.
    Adjustment,
    /// Points that became another member's.
    TransferOut,
    /// Points that were another member's.
    TransferIn,
    /// The effective tier is another.
    TierChange,
    /// A plan begun or renewed.
    Plan,
    /// A use of what a level or a plan gives without points.
    EntitlementUse,
    /// Points will expire on a day that has come near. It changes nothing.
    Notice,
}

/// Who asked for an entry. No more than this is kept, so that erasing a member never needs to change an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Somebody who acts for the program: a till, a shop, an operator.
    Operator,
    /// The member.
    Member,
    /// Time, through this engine.
    Engine,
}

/// A change of the effective tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierChange {
    /// The tier before; `null` if there was none.
    pub from: Option<LevelId>,
    /// The tier after; `null` if there is none.
    pub to: Option<LevelId>,
}

/// What a redemption bought.
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
}

/// What an entry counted toward a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qualified {
    /// Under which day it was counted: the first of its tier period, or where that moves on by months, of its month.
    pub period: Date,
    /// How much.
    #[serde(flatten)]
    pub amount: Qualifying,
}

/// Points that a notice says will expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiring {
    /// The last day on which they can be spent.
    pub on: Date,
    /// How many they were when the notice's day began. What has been spent or come in since, it does not know.
    pub points: Points,
}

/// One line of the ledger. Changes are signed: a redemption's are negative.
///
/// The field order is the order of the canonical text that the chain hashes; zeros and absences are left out of it. A
/// field may be added at the end, never moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id, which is also the record that its request was carried out.
    pub id: EntryId,
    /// Its place in the member's ledger, from 1.
    pub seq: u64,
    /// What it records.
    pub kind: Kind,
    /// The change of what the member has: pending and spendable, less owed. Held points are as good as spent.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub points: Points,
    /// The change of the pending balance.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub pending: Points,
    /// The change of the spendable balance.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub spendable: Points,
    /// The change of the held balance.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub held: Points,
    /// The change of what is owed.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub owed: Points,
    /// The change of each lot touched. What was given or taken stands first; after it stand, in pairs, points that went over
    /// from one lot into a later one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<LotChange>,
    /// The entry that this one acts on or follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refers_to: Option<EntryId>,
    /// The version of the program that decided it.
    pub program_version: u64,
    /// Who asked for it.
    pub by: By,
    /// When what it records happened.
    pub occurred_at: Timestamp,
    /// When it was written.
    pub posted_at: Timestamp,
    /// The request that it answered; `None` if the engine made it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The last day of the points given, if they were given and ever expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Date>,
    /// What each rule gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakdown: Vec<BreakdownLine>,
    /// What it counted toward a tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualified: Option<Qualified>,
    /// The change of tier that it is, or that it brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_change: Option<TierChange>,
    /// What it bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redeemed: Option<Redeemed>,
    /// What pending points wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaits: Option<Awaits>,
    /// What was paid, in minor units, so that a refund can take back its share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Amount>,
    /// Steps that it took toward each rule that remembers them.
    #[serde(rename = "punched", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stepped: BTreeMap<RuleId, StepsTaken>,
    /// The moment at which a hold ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_expires_at: Option<Timestamp>,
    /// Why an operator did it, in the operator's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
    /// The other member of a transfer, a merge or a referral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterparty: Option<MemberId>,
    /// Pending points that went over from one sum into another, in pairs, because there were too many sums.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending_moved: Vec<PendingChange>,
    /// The time for which a plan is paid, from its first day to its new last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanTerm>,
    /// What was used without points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<EntitlementId>,
    /// The points that it says will expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiring: Option<Expiring>,
}

impl Entry {
    /// The text that is hashed and stored: JSON without white space, fields in the order of this type.
    ///
    /// # Panics
    ///
    /// Never: nothing in an entry can fail to be written as JSON.
    #[must_use]
    pub fn canonical(&self) -> String {
        serde_json::to_string(self).expect("an entry has only string keys and whole numbers")
    }
}
