//! The answers to commands: the entry, the account, and other results.

use regulars_application::{command::Done, engine::Engine, subject::Subject};
use regulars_domain::{
    aftermath::Recorded, entry::Entry, explanation::Explanation, hold::Hold, program::Finding, settle::Settled,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::{Answer, Once, Problem};

use super::{
    AccountView, BreakdownView, CodeView, EntryView, PurchaseView, RedemptionView, TierChangeView, WarningView,
};

/// The answer to an accrual.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Accrued {
    /// The entry of the purchase or activity; `null` if the ledger has none.
    entry: Option<EntryView>,
    /// What each rule gave.
    breakdown: Vec<BreakdownView>,
    /// The purchase as it is now; left out for an activity.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase: Option<PurchaseView>,
    /// The account after the entry.
    account: AccountView,
    /// The change of the tier that the entry caused; `null` if it caused none.
    tier_change: Option<TierChangeView>,
    /// Warnings about an accepted request: a part of it probably contains a mistake.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<WarningView>,
}

impl Accrued {
    /// Returns the answer with the entry `recorded`, the `explanations` of rules that gave nothing, and the account as
    /// `settled`. A repeat has no explanations, because the ledger does not store them.
    #[must_use]
    pub fn new(recorded: Option<&Recorded>, explanations: &[Explanation], settled: &Settled<'_>) -> Self {
        let entry = recorded.map(|recorded| &recorded.sealed.entry);
        Self {
            breakdown: BreakdownView::explained(entry.map(Entry::breakdown).unwrap_or_default(), explanations),
            purchase: recorded.and_then(PurchaseView::new),
            tier_change: entry.and_then(|entry| entry.effects.tier_change.as_ref()).map(TierChangeView::from),
            entry: recorded.map(|recorded| EntryView::from(&recorded.sealed)),
            account: settled.into(),
            warnings: Vec::new(),
        }
    }

    /// Adds warnings.
    #[must_use]
    pub fn with_warnings(self, warnings: Vec<Finding>) -> Self {
        Self { warnings: warnings.into_iter().map(WarningView::from).collect(), ..self }
    }

    /// The same of an entry that is not written.
    #[must_use]
    pub fn quoted(self) -> Self {
        Self { entry: self.entry.map(EntryView::quoted), ..self }
    }
}

/// The answer to a redemption, and to the requests about one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Redeemed {
    /// The entry of this request; `null` if the ledger has none.
    entry: Option<EntryView>,
    /// The redemption as it is now.
    redemption: Option<RedemptionView>,
    /// The account after the entry.
    account: AccountView,
}

impl Redeemed {
    /// Returns the answer with the entry `recorded` about `redemption`, and the account as `settled`.
    #[must_use]
    pub fn new(recorded: Option<&Recorded>, redemption: Option<&Recorded>, settled: &Settled<'_>) -> Self {
        let holds: &[Hold] = &settled.account().holds;
        Self {
            redemption: redemption.and_then(|redemption| RedemptionView::new(redemption, holds)),
            entry: recorded.map(|recorded| EntryView::from(&recorded.sealed)),
            account: settled.into(),
        }
    }

    /// The same of an entry that is not written.
    #[must_use]
    pub fn quoted(self) -> Self {
        Self {
            entry: self.entry.map(EntryView::quoted),
            redemption: self.redemption.map(RedemptionView::quoted),
            ..self
        }
    }
}

/// The answer to the use of a code. It does not show the account, because anyone can present a code.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CodeUsed {
    /// The entry of the use.
    entry: Option<EntryView>,
    /// The code as it is now.
    code: CodeView,
}

impl CodeUsed {
    /// Returns the answer with the entry `recorded`, and the code as `code`.
    #[must_use]
    pub fn new(recorded: Option<&Recorded>, code: CodeView) -> Self {
        Self { entry: recorded.map(|recorded| EntryView::from(&recorded.sealed)), code }
    }
}

/// The answer to a return or an amendment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Reversed {
    /// The entry of the return or amendment.
    entry: Option<EntryView>,
    /// What each rule gives for the purchase as it is now.
    breakdown: Vec<BreakdownView>,
    /// The purchase as it is now.
    purchase: Option<PurchaseView>,
    /// The account after the entry.
    account: AccountView,
    /// The change of the tier that the entry caused; `null` if it caused none.
    tier_change: Option<TierChangeView>,
}

impl Reversed {
    /// Returns the answer with the entry `recorded` about `accrual`, and the account as `settled`.
    #[must_use]
    pub fn new(recorded: Option<&Recorded>, accrual: Option<&Recorded>, settled: &Settled<'_>) -> Self {
        let Posted { entry, account, tier_change } = Posted::new(recorded, settled);
        let lines = recorded.map(|recorded| recorded.sealed.entry.breakdown()).unwrap_or_default();
        let breakdown = lines.iter().map(BreakdownView::from).collect();
        Self { entry, breakdown, purchase: accrual.and_then(PurchaseView::new), account, tier_change }
    }
}

/// The answer to other requests that write an entry.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Posted {
    /// The entry of this request; `null` if nothing had to change.
    entry: Option<EntryView>,
    /// The account after the entry.
    account: AccountView,
    /// The change of the tier that the entry caused; `null` if it caused none.
    tier_change: Option<TierChangeView>,
}

impl Posted {
    /// Returns the answer with the entry `recorded`, and the account as `settled`.
    #[must_use]
    pub fn new(recorded: Option<&Recorded>, settled: &Settled<'_>) -> Self {
        let entry = recorded.map(|recorded| &recorded.sealed.entry);
        Self {
            tier_change: entry.and_then(|entry| entry.effects.tier_change.as_ref()).map(TierChangeView::from),
            entry: recorded.map(|recorded| EntryView::from(&recorded.sealed)),
            account: settled.into(),
        }
    }

    /// Returns the answer to a request that was carried out, now or before.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::settled`].
    pub fn answer(engine: &Engine, subject: &Subject, done: Done) -> Result<Answer<Self, Once>, Problem> {
        let posted = Self::new(done.entry.as_ref(), &engine.settled(subject, done.account)?);
        Ok(Answer::once(&posted, done.replayed))
    }
}
