//! The view of an account.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use regulars_domain::{
    account::{AttributeValue, Status},
    balance::Balance,
    id::{AttributeId, MemberId, PlanId, ProgramId},
    points::Points,
    settle::Settled,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::TierView;

/// An account.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AccountView {
    /// The program.
    program: ProgramId,
    /// The member.
    member: MemberId,
    /// The status of the account.
    status: StatusView,
    /// The member that this one was merged into, if the status is `merged`.
    #[serde(skip_serializing_if = "Option::is_none")]
    merged_into: Option<MemberId>,
    /// The members that were merged into this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    merged_from: Vec<MemberId>,
    /// When the member joined.
    enrolled_at: Timestamp,
    /// The points of the account.
    balance: Balance,
    /// The points that expire next; `null` if none expire.
    next_expiry: Option<NextExpiry>,
    /// The tier of the member; `null` if the program has no tier for the member.
    tier: Option<TierView>,
    /// The paid plan that runs; `null` if none does.
    plan: Option<PlanView>,
    /// The attributes of the member, as the program defines them.
    attributes: BTreeMap<AttributeId, AttributeValue>,
    /// The member who referred this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    referred_by: Option<MemberId>,
    /// The version of the account. Each commit increases it by one.
    version: u64,
    /// The sequence number of the newest entry.
    seq: u64,
    /// The hash of the newest entry, as 64 hexadecimal digits.
    head_hash: String,
}

/// The status of an account.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum StatusView {
    /// The account earns and spends.
    Active,
    /// The account neither earns nor spends for now. Its points still expire.
    Suspended,
    /// The account never earns or spends again.
    Closed,
    /// The personal data of the member was erased.
    Erased,
    /// The account was merged into another one.
    Merged,
}

impl From<&Status> for StatusView {
    fn from(status: &Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Suspended => Self::Suspended,
            Status::Closed => Self::Closed,
            Status::Erased => Self::Erased,
            Status::Merged { .. } => Self::Merged,
        }
    }
}

/// Points that expire next.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct NextExpiry {
    /// The last day on which the points can be spent.
    on: Date,
    /// The number of points.
    points: Points,
}

/// A paid plan that runs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct PlanView {
    /// The plan.
    id: PlanId,
    /// The last paid day.
    through: Date,
    /// The last day of the grace period, if the plan has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    grace_through: Option<Date>,
    /// The paid plans that follow, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next: Vec<NextPlanView>,
}

/// A paid plan that follows another one, with its days if nothing else is paid, ended or reversed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct NextPlanView {
    /// The plan.
    id: PlanId,
    /// The first day.
    from: Date,
    /// The last paid day.
    through: Date,
}

impl From<&Settled<'_>> for AccountView {
    fn from(settled: &Settled<'_>) -> Self {
        let account = settled.account();
        Self {
            program: account.program.clone(),
            member: account.member.clone(),
            status: (&account.status).into(),
            merged_into: match &account.status {
                Status::Merged { into } => Some(into.clone()),
                Status::Active | Status::Suspended | Status::Closed | Status::Erased => None,
            },
            merged_from: account.merged_from.clone(),
            enrolled_at: account.enrolled_at,
            balance: account.balance(),
            next_expiry: account.lots.next_expiry().map(|(on, points)| NextExpiry { on, points }),
            tier: settled.standing().as_ref().and_then(TierView::new),
            plan: settled.plan().map(|(term, until)| PlanView {
                id: term.plan.clone(),
                through: term.through,
                grace_through: Some(until).filter(|until| *until > term.through),
                next: settled
                    .plans_waiting()
                    .map(|term| NextPlanView { id: term.plan.clone(), from: term.from, through: term.through })
                    .collect(),
            }),
            attributes: account.attributes.clone(),
            referred_by: account.referral.as_ref().map(|referral| referral.by.clone()),
            version: account.version,
            seq: account.seq,
            head_hash: account.head_hash.to_string(),
        }
    }
}
