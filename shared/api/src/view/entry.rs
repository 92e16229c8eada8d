//! Ledger entries as they are answered.

use jiff::{Timestamp, civil::Date};
use regulars_domain::{
    account::{Account, PlanTerm},
    aftermath::{Ending, Recorded},
    breakdown::BreakdownLine,
    chain::Sealed,
    code::Code,
    entry::{By, Expiring, Kind, Qualified, TierChange},
    hold::Hold,
    id::{EntitlementId, EntryId, LevelId, MemberId, PlanId, RewardId},
    lots::LotChange,
    money::Money,
    pending::{Awaits, PendingChange},
    points::Points,
    redemption::RedemptionState,
    steps::Progress,
    text::{Label, Note},
};
use serde::Serialize;

/// An entry: its changes, all of them signed.
#[derive(Clone, Debug, Serialize)]
pub struct EntryView {
    id: EntryId,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    kind: Kind,
    points: Points,
    pending: Points,
    spendable: Points,
    held: Points,
    owed: Points,
    occurred_at: Timestamp,
    posted_at: Timestamp,
    program_version: u64,
    expires_on: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
}

impl EntryView {
    /// The same of an entry that is not written, and so has no place in the ledger.
    #[must_use]
    pub fn quoted(self) -> Self {
        Self { seq: None, hash: None, ..self }
    }
}

impl From<&Sealed> for EntryView {
    fn from(Sealed { entry, hash, .. }: &Sealed) -> Self {
        Self {
            id: entry.id.clone(),
            seq: Some(entry.seq),
            kind: entry.kind,
            points: entry.points,
            pending: entry.pending,
            spendable: entry.spendable,
            held: entry.held,
            owed: entry.owed,
            occurred_at: entry.occurred_at,
            posted_at: entry.posted_at,
            program_version: entry.program_version,
            expires_on: entry.expires_on,
            hash: Some(hash.to_string()),
        }
    }
}

/// An entry with everything that explains it, as a statement shows it.
#[derive(Clone, Debug, Serialize)]
pub struct EntryDetail {
    #[serde(flatten)]
    entry: EntryView,
    /// In whose ledger it stands, if that is not the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<MemberId>,
    by: By,
    #[serde(skip_serializing_if = "Option::is_none")]
    refers_to: Option<EntryId>,
    lots: Vec<LotView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    breakdown: Vec<BreakdownView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qualified: Option<Qualified>,
    tier_change: Option<TierChangeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redemption: Option<RedemptionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_until: Option<Awaits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Label>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counterparty: Option<MemberId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Note>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pending_moved: Vec<PendingView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanTermView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entitlement: Option<EntitlementId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiring: Option<Expiring>,
}

#[derive(Clone, Debug, Serialize)]
struct LotView {
    expires_on: Option<Date>,
    points: Points,
}

#[derive(Clone, Debug, Serialize)]
struct PendingView {
    until: Awaits,
    points: Points,
}

impl EntryDetail {
    /// The entry of `account`, or of one that was merged into it, and its redemption as of the holds that are open now.
    #[must_use]
    pub fn new(recorded: &Recorded, account: &Account) -> Self {
        let sealed = &recorded.sealed;
        let entry = &sealed.entry;
        Self {
            entry: sealed.into(),
            member: Some(recorded.member.clone()).filter(|member| *member != account.member),
            by: entry.by,
            refers_to: entry.refers_to.clone(),
            lots: entry
                .lots
                .iter()
                .map(|LotChange(expiry, points)| LotView { expires_on: expiry.on(), points: *points })
                .collect(),
            breakdown: entry.breakdown.iter().map(BreakdownView::from).collect(),
            qualified: entry.qualified,
            tier_change: entry.tier_change.as_ref().map(TierChangeView::from),
            redemption: RedemptionView::new(recorded, &account.holds),
            pending_until: entry.awaits,
            reason: entry.reason.clone(),
            counterparty: entry.counterparty.clone(),
            note: sealed.note.clone(),
            pending_moved: entry
                .pending_moved
                .iter()
                .map(|PendingChange(until, points)| PendingView { until: *until, points: *points })
                .collect(),
            plan: entry.plan.as_ref().map(PlanTermView::from),
            entitlement: entry.entitlement.clone(),
            expiring: entry.expiring,
        }
    }
}

/// The time for which a plan is paid.
#[derive(Clone, Debug, Serialize)]
struct PlanTermView {
    id: PlanId,
    from: Date,
    through: Date,
}

impl From<&PlanTerm> for PlanTermView {
    fn from(PlanTerm { plan, from, through }: &PlanTerm) -> Self {
        Self { id: plan.clone(), from: *from, through: *through }
    }
}

/// What one rule gave.
#[derive(Clone, Debug, Serialize)]
pub struct BreakdownView {
    rule: String,
    wanted: Points,
    given: Points,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressView>,
}

/// How far a member has come toward what a rule gives.
#[derive(Clone, Debug, Serialize)]
struct ProgressView {
    done: i64,
    of: i64,
    by: Option<Date>,
}

impl From<&BreakdownLine> for BreakdownView {
    fn from(line: &BreakdownLine) -> Self {
        let BreakdownLine { rule, wanted, given, fault, progress } = line.clone();
        let progress = progress.map(|Progress { done, of, by }| ProgressView { done, of, by });
        Self { rule, wanted, given, fault, progress }
    }
}

/// A change of tier.
#[derive(Clone, Debug, Serialize)]
pub struct TierChangeView {
    from: Option<LevelId>,
    to: Option<LevelId>,
}

impl From<&TierChange> for TierChangeView {
    fn from(change: &TierChange) -> Self {
        Self { from: change.from.clone(), to: change.to.clone() }
    }
}

/// A redemption and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct RedemptionView {
    id: EntryId,
    reward: RewardId,
    state: &'static str,
    points: Points,
    #[serde(skip_serializing_if = "Option::is_none")]
    money: Option<Money>,
    hold_expires_at: Option<Timestamp>,
    code: Option<Code>,
}

impl RedemptionView {
    /// The redemption that an entry records, as of the holds that are open now; `None` if it records none.
    #[must_use]
    pub fn new(recorded: &Recorded, holds: &[Hold]) -> Option<Self> {
        let entry = &recorded.sealed.entry;
        let state = RedemptionState::of(recorded, holds);
        entry.redeemed.as_ref().map(|redeemed| Self {
            id: entry.id.clone(),
            reward: redeemed.reward.clone(),
            state: state.name(),
            points: match recorded.aftermath.ending {
                Some(Ending::Captured | Ending::Reversed) if entry.hold_expires_at.is_some() => {
                    recorded.aftermath.captured
                }
                Some(Ending::Captured | Ending::Cancelled | Ending::Reversed) | None => -entry.points,
            },
            money: redeemed.money,
            hold_expires_at: entry.hold_expires_at.filter(|_| state == RedemptionState::Held),
            code: redeemed.code.clone(),
        })
    }

    /// The same of a redemption that is not carried out: it gives no code.
    #[must_use]
    pub fn quoted(self) -> Self {
        Self { code: None, ..self }
    }
}
