//! The views of ledger entries.

use jiff::{Timestamp, civil::Date};
use regulars_domain::{
    account::{Account, TierOverride},
    aftermath::{Ending, Recorded},
    breakdown::BreakdownLine,
    chain::Sealed,
    code::Code,
    entry::{AtRisk, By, CameBack, Changed, CodeUsed, Expiring, Kind, Overridden, Qualified, Record, TierChange},
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
use schemars::JsonSchema;
use serde::Serialize;

/// An entry of the ledger. All changes are signed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EntryView {
    /// The id of the entry: the idempotency key of the request, or an id beginning with `~` that the engine generated.
    id: EntryId,
    /// The sequence number in the ledger of the member, from 1 on; left out in a quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    /// The kind of the entry.
    kind: Kind,
    /// The points credited, or deducted if negative.
    points: Points,
    /// The change of the pending points.
    pending: Points,
    /// The change of the spendable points.
    spendable: Points,
    /// The change of the held points.
    held: Points,
    /// The change of the points owed.
    owed: Points,
    /// When the purchase, activity or request happened.
    occurred_at: Timestamp,
    /// When the entry was posted.
    posted_at: Timestamp,
    /// The version of the program that decided the entry.
    program_version: u64,
    /// The last day on which the points of the entry can be spent; `null` if they do not expire, or without points.
    expires_on: Option<Date>,
    /// The hash of the entry, as 64 hexadecimal digits; left out in a quote.
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

/// An entry of the ledger, with its explanation and its place in the chain.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EntryDetail {
    #[serde(flatten)]
    entry: EntryView,
    /// The member whose ledger has the entry, if it is not the member of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<MemberId>,
    /// Who caused the entry.
    by: By,
    /// The client of the token, or the person whom the header `Regulars-Actor` named; `null` if neither is known.
    actor: Option<Actor>,
    /// The entry that this one acts on.
    #[serde(skip_serializing_if = "Option::is_none")]
    refers_to: Option<EntryId>,
    /// The changes of points by their last day.
    lots: Vec<LotView>,
    /// The day to which the entry extends all points that expire with inactivity.
    #[serde(skip_serializing_if = "Option::is_none")]
    extended_to: Option<Date>,
    /// The points whose last day the entry changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lots_moved: Vec<LotMoveView>,
    /// What each rule gave.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    breakdown: Vec<BreakdownView>,
    /// The amounts counted toward a tier.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    qualified: Vec<Qualified>,
    /// The change of the tier that the entry caused; `null` if it caused none.
    tier_change: Option<TierChangeView>,
    /// The redemption that the entry records, as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    redemption: Option<RedemptionView>,
    /// What the pending points of the entry wait for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_until: Option<AwaitsView>,
    /// The reason, as a code of the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Label>,
    /// The other member of a transfer, a merge or a referral.
    #[serde(skip_serializing_if = "Option::is_none")]
    counterparty: Option<MemberId>,
    /// The note of the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Note>,
    /// The pending points whose day the entry changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pending_moved: Vec<PendingMoveView>,
    /// The time for which a plan was paid, or that starts with the end of another plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanTermView>,
    /// The plan that ended with the entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_ended: Option<PlanId>,
    /// The entitlement that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    entitlement: Option<EntitlementId>,
    /// The use of a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code_use: Option<CodeUsed>,
    /// The points that expire soon.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiring: Option<Expiring>,
    /// The level that will be lost soon.
    #[serde(skip_serializing_if = "Option::is_none")]
    at_risk: Option<AtRisk>,
    /// The tier that the operator granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    tier_override: Option<TierOverride>,
    /// The changes of status, attributes and aliases.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Changed>,
    /// The lines and the amount of a return.
    #[serde(skip_serializing_if = "Option::is_none", rename = "return")]
    came_back: Option<CameBackView>,
    /// The canonical text of the entry. The hash covers it byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The hash of the entry before this one, or the genesis hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_hash: Option<String>,
}

/// A change of points that share a last day.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct LotView {
    /// The last day on which the points can be spent; `null` if they do not expire.
    expires_on: Option<Date>,
    /// The change of the number of points.
    points: Points,
}

/// Points whose last day moved.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct LotMoveView {
    /// The last day before the move; `null` if the points did not expire.
    from: Option<Date>,
    /// The last day after the move; `null` if the points do not expire.
    to: Option<Date>,
    /// The number of points moved.
    points: Points,
}

/// What pending points wait for.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AwaitsView {
    /// The points can be spent from this day on.
    Maturity(Date),
    /// The points need a confirmation by this day.
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

/// Pending points that moved.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct PendingMoveView {
    /// What the points waited for before.
    from: AwaitsView,
    /// What the points wait for now.
    to: AwaitsView,
    /// The number of points.
    points: Points,
}

impl EntryDetail {
    /// Returns the view of an entry of `account`, or of an account that was merged into it, with the redemption as it
    /// is now.
    #[must_use]
    pub fn new(recorded: &Recorded, account: &Account) -> Self {
        Self {
            member: Some(recorded.member.clone()).filter(|member| *member != account.member),
            redemption: RedemptionView::new(recorded, &account.holds),
            note: recorded.sealed.note.clone(),
            ..Self::of(&recorded.sealed)
        }
    }

    /// Returns the view of an entry of `member` as it was written, without its aftermath and its note: an event must be
    /// the same each time it is sent, and must not contain personal data.
    #[must_use]
    pub fn as_written(sealed: &Sealed, member: &MemberId) -> Self {
        let redeemed = sealed.entry.redeemed();
        let is_held = redeemed.is_some_and(|redeemed| redeemed.hold_expires_at.is_some());
        let state = if is_held { RedemptionState::Held } else { RedemptionState::Captured };
        let recorded = Recorded::new(member, sealed.clone());
        Self { member: Some(member.clone()), redemption: RedemptionView::of(&recorded, state), ..Self::of(sealed) }
    }

    /// Returns the same without lists that can be long, and without the text, which repeats them.
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

    /// Returns the view of the entry itself.
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
            plan_ended: None,
            entitlement: None,
            code_use: None,
            expiring: None,
            at_risk: None,
            tier_override: None,
            change: None,
            came_back: None,
            text: Some(sealed.text.clone()),
            previous_hash: Some(sealed.previous.to_string()),
        };
        detail.show(&entry.record);
        detail
    }

    /// Adds the fields of the kind of entry.
    fn show(&mut self, record: &Record) {
        match record {
            Record::Adjustment(reason) => self.reason = Some(reason.clone()),
            Record::TierOverride(Overridden { given, before }) => {
                self.reason = given.as_ref().or(before.as_ref()).map(|given| given.reason.clone());
                self.tier_override.clone_from(given);
            }
            Record::Plan(paid) => {
                self.plan = Some(PlanTermView::new(&paid.term, paid.price));
                self.plan_ended.clone_from(&paid.replaced);
            }
            Record::PlanReversal(reversed) => {
                self.plan = reversed.term.as_ref().map(|term| PlanTermView::new(term, None));
                self.plan_ended = Some(reversed.plan.clone()).filter(|_| reversed.term.is_none());
            }
            Record::PlanEnd(ended) => {
                self.plan = ended.plans.first().map(|term| PlanTermView::new(term, None));
                self.plan_ended = Some(ended.plan.clone());
            }
            Record::EntitlementUse(entitlement) => self.entitlement = Some(entitlement.clone()),
            Record::CodeUse(used) => self.code_use = Some(used.clone()),
            Record::Notice(expiring) => self.expiring = Some(*expiring),
            Record::TierNotice(at_risk) => self.at_risk = Some(at_risk.clone()),
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

/// A return.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReturnRecord")]
struct CameBackView {
    /// The amount refunded, in minor units.
    refunded: i64,
    /// The returned lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<LineBackView>,
    /// The receipt number of the return.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
    /// The store that accepted the return.
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<Label>,
}

/// A line of a return.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReturnRecordLine")]
struct LineBackView {
    /// The id of the line.
    line: String,
    /// The returned quantity.
    quantity: Quantity,
    /// The amount refunded, in minor units.
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

/// The time for which a plan was paid.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct PlanTermView {
    /// The plan.
    id: PlanId,
    /// The first day.
    from: Date,
    /// The last paid day.
    through: Date,
    /// The price that was paid, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<i64>,
}

impl PlanTermView {
    fn new(term: &PlanTerm, price: Option<i64>) -> Self {
        Self { id: term.plan.clone(), from: term.from, through: term.through, price }
    }
}

/// What one rule gave.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BreakdownView {
    /// The id of the rule, or the name of another source of points such as `tier:gold`.
    rule: String,
    /// The points before caps and before the comparison within a group.
    wanted: Points,
    /// The points given.
    given: Points,
    /// The minor units or pieces that the rule counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<i64>,
    /// The reason why the rule gave no points.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<Unearned>,
    /// The kind of fault, if the condition of the rule could not be evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    /// The progress of a challenge.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressView>,
}

/// The progress of a member in a challenge.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct ProgressView {
    /// The steps done.
    done: i64,
    /// The steps needed.
    of: i64,
    /// The last day for the remaining steps; `null` if there is none.
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
    /// Returns the lines of `breakdown` with their explanations, and a line for each rule that gave nothing.
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

/// A change of the tier.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TierChangeView {
    /// The tier before; `null` if there was none.
    from: Option<LevelId>,
    /// The tier after; `null` if there is none.
    to: Option<LevelId>,
}

impl From<&TierChange> for TierChangeView {
    fn from(change: &TierChange) -> Self {
        Self { from: change.from.clone(), to: change.to.clone() }
    }
}

/// A redemption as it is now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RedemptionView {
    /// The id of the redemption: the id of its entry.
    id: EntryId,
    /// The reward.
    reward: RewardId,
    /// The state of the redemption.
    state: RedemptionState,
    /// The points spent or held.
    points: Points,
    /// The points returned so far.
    #[serde(skip_serializing_if = "Points::is_zero")]
    given_back: Points,
    /// The money that the points paid for, if the reward costs points per money.
    #[serde(skip_serializing_if = "Option::is_none")]
    money: Option<Money>,
    /// When the hold expires; `null` if the redemption is not held.
    hold_expires_at: Option<Timestamp>,
    /// The code that the member was given; `null` if the reward has no codes.
    code: Option<Code>,
    /// The last day on which the code can be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    code_expires_on: Option<Date>,
    /// The money that the code was worth when it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    code_value: Option<Money>,
}

impl RedemptionView {
    /// Returns the redemption that an entry records, given the open holds; `None` if it records none.
    #[must_use]
    pub fn new(recorded: &Recorded, holds: &[Hold]) -> Option<Self> {
        Self::of(recorded, RedemptionState::of(recorded, holds))
    }

    fn of(recorded: &Recorded, state: RedemptionState) -> Option<Self> {
        let entry = &recorded.sealed.entry;
        entry.redeemed().map(|redeemed| Self {
            id: entry.id.clone(),
            reward: redeemed.reward.clone(),
            state,
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

    /// Returns the same for a redemption that is only quoted: it has no code.
    #[must_use]
    pub fn quoted(self) -> Self {
        Self { code: None, ..self }
    }
}
