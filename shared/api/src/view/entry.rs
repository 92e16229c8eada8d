//! Ledger entries as they are answered.

use jiff::{Timestamp, civil::Date};
use regulars_domain::{
    account::{Account, TierOverride},
    aftermath::{Ending, Recorded},
    breakdown::BreakdownLine,
    chain::Sealed,
    code::Code,
    entry::{By, CameBack, Changed, CodeUsed, Expiring, Kind, Overridden, Qualified, Record, TierChange},
    explanation::{Explanation, Unearned},
    hold::Hold,
    id::{Actor, EntitlementId, EntryId, LevelId, MemberId, PlanId, RewardId},
    lots::{LotChange, LotMove},
    money::Money,
    pending::{Awaits, PendingMove},
    plan_term::PlanTerm,
    points::Points,
    purchase::{Quantity, Receipt},
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
            kind: entry.kind(),
            points: entry.points(),
            pending: entry.pending(),
            spendable: entry.spendable(),
            held: entry.held(),
            owed: entry.owed(),
            occurred_at: entry.occurred_at,
            posted_at: entry.posted_at,
            program_version: entry.program_version,
            expires_on: entry.expires_on(),
            hash: Some(hash.to_string()),
        }
    }
}

/// An entry with everything that explains it and proves it, as a statement shows it.
#[derive(Clone, Debug, Serialize)]
pub struct EntryDetail {
    #[serde(flatten)]
    entry: EntryView,
    /// In whose ledger it stands, if that is not the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<MemberId>,
    by: By,
    actor: Option<Actor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refers_to: Option<EntryId>,
    lots: Vec<LotView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extended_to: Option<Date>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lots_moved: Vec<LotMoveView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    breakdown: Vec<BreakdownView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    qualified: Vec<Qualified>,
    tier_change: Option<TierChangeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redemption: Option<RedemptionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_until: Option<AwaitsView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Label>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counterparty: Option<MemberId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Note>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pending_moved: Vec<PendingMoveView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanTermView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entitlement: Option<EntitlementId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_use: Option<CodeUsed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiring: Option<Expiring>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier_override: Option<TierOverride>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Changed>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "return")]
    came_back: Option<CameBackView>,
    /// The text that is hashed, byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The hash of the entry before, or the genesis hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_hash: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct LotView {
    expires_on: Option<Date>,
    points: Points,
}

#[derive(Clone, Debug, Serialize)]
struct LotMoveView {
    from: Option<Date>,
    to: Option<Date>,
    points: Points,
}

/// What pending points wait for.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum AwaitsView {
    Maturity(Date),
    Confirmation(Date),
}

impl From<Awaits> for AwaitsView {
    fn from(awaits: Awaits) -> Self {
        match awaits {
            Awaits::Maturity(day, _) => Self::Maturity(day),
            Awaits::Confirmation(last) => Self::Confirmation(last),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
struct PendingMoveView {
    from: AwaitsView,
    to: AwaitsView,
    points: Points,
}

impl EntryDetail {
    /// The entry of `account`, or of one that was merged into it, and its redemption as of the holds that are open now.
    #[must_use]
    pub fn new(recorded: &Recorded, account: &Account) -> Self {
        Self {
            member: Some(recorded.member.clone()).filter(|member| *member != account.member),
            redemption: RedemptionView::new(recorded, &account.holds),
            note: recorded.sealed.note.clone(),
            ..Self::of(&recorded.sealed)
        }
    }

    /// The entry in the ledger of `member` as it was when it was written, without the note beside it: an event is sent again as it
    /// was, whatever has become of the entry, and holds nothing of a person.
    #[must_use]
    pub fn as_written(sealed: &Sealed, member: &MemberId) -> Self {
        let redeemed = sealed.entry.redeemed();
        let is_held = redeemed.is_some_and(|redeemed| redeemed.hold_expires_at.is_some());
        let state = if is_held { RedemptionState::Held } else { RedemptionState::Captured };
        let recorded = Recorded::new(member, sealed.clone());
        Self { member: Some(member.clone()), redemption: RedemptionView::of(&recorded, state), ..Self::of(sealed) }
    }

    /// The same without the lists that can be long, and without the text that repeats them.
    #[must_use]
    pub fn shortened(self) -> Self {
        Self {
            lots: Vec::new(),
            lots_moved: Vec::new(),
            breakdown: Vec::new(),
            qualified: Vec::new(),
            pending_moved: Vec::new(),
            change: None,
            came_back: None,
            text: None,
            ..self
        }
    }

    /// What the entry itself tells.
    fn of(sealed: &Sealed) -> Self {
        let entry = &sealed.entry;
        let effects = &entry.effects;
        let mut detail = Self {
            entry: sealed.into(),
            member: None,
            by: entry.by,
            actor: entry.actor.clone(),
            refers_to: entry.refers_to.clone(),
            lots: effects
                .lots
                .iter()
                .map(|LotChange(expiry, points)| LotView { expires_on: expiry.on(), points: *points })
                .collect(),
            extended_to: effects.extended_to,
            lots_moved: effects
                .lots_shortened
                .iter()
                .chain(&effects.lots_moved)
                .map(|LotMove(from, to, points)| LotMoveView { from: from.on(), to: to.on(), points: *points })
                .collect(),
            breakdown: entry.breakdown().iter().map(BreakdownView::from).collect(),
            qualified: effects.qualified.clone(),
            tier_change: effects.tier_change.as_ref().map(TierChangeView::from),
            redemption: None,
            pending_until: entry.awaits().map(AwaitsView::from),
            reason: None,
            counterparty: entry.counterparty().cloned(),
            note: None,
            pending_moved: effects
                .pending_moved
                .iter()
                .map(|PendingMove(from, to, points)| PendingMoveView {
                    from: (*from).into(),
                    to: (*to).into(),
                    points: *points,
                })
                .collect(),
            plan: None,
            entitlement: None,
            code_use: None,
            expiring: None,
            tier_override: None,
            change: None,
            came_back: None,
            text: Some(sealed.text.clone()),
            previous_hash: Some(sealed.previous.to_string()),
        };
        detail.show(&entry.record);
        detail
    }

    /// Shows what is special to a kind of entry.
    fn show(&mut self, record: &Record) {
        match record {
            Record::Adjustment(reason) => self.reason = Some(reason.clone()),
            Record::TierOverride(Overridden { given, before }) => {
                self.reason = given.as_ref().or(before.as_ref()).map(|given| given.reason.clone());
                self.tier_override.clone_from(given);
            }
            Record::Plan(paid) => self.plan = Some(PlanTermView::new(&paid.term, paid.price)),
            Record::PlanReversal(reversed) => {
                self.plan = reversed.term.as_ref().map(|term| PlanTermView::new(term, None));
            }
            // The plan that begins with the end of another one.
            Record::PlanEnd(ended) => self.plan = ended.plans.first().map(|term| PlanTermView::new(term, None)),
            Record::EntitlementUse(entitlement) => self.entitlement = Some(entitlement.clone()),
            Record::CodeUse(used) => self.code_use = Some(used.clone()),
            Record::Notice(expiring) => self.expiring = Some(*expiring),
            Record::Change(changed) => self.change = Some(changed.clone()),
            Record::AccrualReversal(came_back) => {
                self.reason.clone_from(&came_back.reason);
                self.came_back = Some(CameBackView::from(came_back.as_ref()));
            }
            Record::Erasure(erased) => {
                self.reason.clone_from(&erased.reason);
                self.change = Some(Changed {
                    removed: erased.attributes.clone(),
                    aliases_removed: erased.aliases,
                    ..Changed::default()
                });
            }
            Record::Enrollment(_)
            | Record::Accrual(_)
            | Record::Redemption(_)
            | Record::Expiry
            | Record::Confirmation
            | Record::Lapse(_)
            | Record::Capture
            | Record::Cancellation
            | Record::RedemptionReversal
            | Record::TransferOut(_)
            | Record::TransferIn(_)
            | Record::MergeOut(_)
            | Record::MergeIn(_)
            | Record::TierChange
            | Record::ReferralPayment(_)
            | Record::Amendment(_) => {}
        }
    }

    /// The same of an entry that is not written: nothing proves it.
    #[must_use]
    pub fn quoted(self) -> Self {
        Self { entry: self.entry.quoted(), text: None, previous_hash: None, ..self }
    }
}

/// What came back with one return.
#[derive(Clone, Debug, Serialize)]
struct CameBackView {
    /// What was refunded, in minor units.
    refunded: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<LineBackView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<Label>,
}

#[derive(Clone, Debug, Serialize)]
struct LineBackView {
    line: String,
    quantity: Quantity,
    amount: i64,
}

impl From<&CameBack> for CameBackView {
    fn from(CameBack { accrual, lines, receipt, store, reason: _ }: &CameBack) -> Self {
        let lines = lines.iter().map(|(line, quantity, amount)| LineBackView {
            line: line.clone(),
            quantity: *quantity,
            amount: *amount,
        });
        let refunded = accrual.paid.saturating_neg();
        Self { refunded, lines: lines.collect(), receipt: receipt.clone(), store: store.clone() }
    }
}

/// The time for which a plan is paid.
#[derive(Clone, Debug, Serialize)]
struct PlanTermView {
    id: PlanId,
    from: Date,
    through: Date,
    /// What was paid for the interval, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<i64>,
}

impl PlanTermView {
    fn new(term: &PlanTerm, price: Option<i64>) -> Self {
        Self { id: term.plan.clone(), from: term.from, through: term.through, price }
    }
}

/// What one rule gave.
#[derive(Clone, Debug, Serialize)]
pub struct BreakdownView {
    rule: String,
    wanted: Points,
    given: Points,
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<Unearned>,
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
        let BreakdownLine { rule, wanted, given, fault, basis, progress } = line.clone();
        let progress = progress.map(|Progress { done, of, by }| ProgressView { done, of, by });
        Self { rule, wanted, given, basis, because: None, fault, progress }
    }
}

impl BreakdownView {
    /// The lines of `breakdown` with their explanations, and a line for each rule that was asked and is no line of it.
    pub(super) fn explained(breakdown: &[BreakdownLine], explanations: &[Explanation]) -> Vec<Self> {
        let of = |rule: &str| explanations.iter().find(|explanation| explanation.rule == rule);
        let lines = breakdown.iter().map(|line| {
            let because = of(&line.rule).map(|explained| explained.because);
            Self { because, ..Self::from(line) }
        });
        let is_line = |rule: &str| breakdown.iter().any(|line| line.rule == rule);
        let others = explanations.iter().filter(|explained| !is_line(&explained.rule)).map(|explained| Self {
            rule: explained.rule.clone(),
            wanted: explained.wanted,
            given: Points::ZERO,
            basis: explained.basis,
            because: Some(explained.because),
            fault: None,
            progress: None,
        });
        lines.chain(others).collect()
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
    /// Those of the points that were given back.
    #[serde(skip_serializing_if = "Points::is_zero")]
    given_back: Points,
    #[serde(skip_serializing_if = "Option::is_none")]
    money: Option<Money>,
    hold_expires_at: Option<Timestamp>,
    code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_expires_on: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_value: Option<Money>,
}

impl RedemptionView {
    /// The redemption that an entry records, as of the holds that are open now; `None` if it records none.
    #[must_use]
    pub fn new(recorded: &Recorded, holds: &[Hold]) -> Option<Self> {
        Self::of(recorded, RedemptionState::of(recorded, holds))
    }

    fn of(recorded: &Recorded, state: RedemptionState) -> Option<Self> {
        let entry = &recorded.sealed.entry;
        entry.redeemed().map(|redeemed| Self {
            id: entry.id.clone(),
            reward: redeemed.reward.clone(),
            state: state.name(),
            points: match recorded.aftermath.ending {
                Some(Ending::Captured | Ending::Reversed) if redeemed.hold_expires_at.is_some() => {
                    recorded.aftermath.captured
                }
                Some(Ending::Captured | Ending::Cancelled | Ending::Reversed) | None => -entry.points(),
            },
            given_back: recorded.aftermath.given_back,
            money: redeemed.money,
            hold_expires_at: redeemed.hold_expires_at.filter(|_| state == RedemptionState::Held),
            code: redeemed.code.clone(),
            code_expires_on: redeemed.code_expires_on,
            code_value: redeemed.code_value,
        })
    }

    /// The same of a redemption that is not carried out: it gives no code.
    #[must_use]
    pub fn quoted(self) -> Self {
        Self { code: None, ..self }
    }
}
