//! An account as it is answered.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use regulars_domain::{
    account::{AttributeValue, Status},
    id::{AttributeId, MemberId, PlanId, ProgramId},
    points::Points,
    settle::Settled,
};
use serde::Serialize;

use super::TierView;

/// An account as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct AccountView {
    program: ProgramId,
    member: MemberId,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    merged_into: Option<MemberId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    merged_from: Vec<MemberId>,
    enrolled_at: Timestamp,
    balance: Balance,
    next_expiry: Option<NextExpiry>,
    tier: Option<TierView>,
    plan: Option<PlanView>,
    attributes: BTreeMap<AttributeId, AttributeValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referred_by: Option<MemberId>,
    version: u64,
    seq: u64,
    head_hash: String,
}

#[derive(Clone, Debug, Serialize)]
struct Balance {
    spendable: Points,
    pending: Points,
    held: Points,
    owed: Points,
}

#[derive(Clone, Debug, Serialize)]
struct NextExpiry {
    on: Date,
    points: Points,
}

#[derive(Clone, Debug, Serialize)]
struct PlanView {
    id: PlanId,
    through: Date,
    /// The last day of its grace, if the plan has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    grace_through: Option<Date>,
    /// The plans that wait for this one to end, in the order in which they will run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next: Vec<NextPlanView>,
}

/// A plan that is paid and waits for others to end, with its days if nothing else is paid, ended or taken back.
#[derive(Clone, Debug, Serialize)]
struct NextPlanView {
    id: PlanId,
    from: Date,
    through: Date,
}

impl From<&Settled<'_>> for AccountView {
    fn from(settled: &Settled<'_>) -> Self {
        let account = settled.account();
        Self {
            program: account.program.clone(),
            member: account.member.clone(),
            status: account.status.name(),
            merged_into: match &account.status {
                Status::Merged { into } => Some(into.clone()),
                Status::Active | Status::Suspended | Status::Closed | Status::Erased => None,
            },
            merged_from: account.merged_from.clone(),
            enrolled_at: account.enrolled_at,
            balance: Balance {
                spendable: account.lots.total(),
                pending: account.pending.total(),
                held: account.held(),
                owed: account.owed,
            },
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
