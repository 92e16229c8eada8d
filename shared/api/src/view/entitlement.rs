//! The view of an entitlement.

use jiff::civil::Date;
use regulars_domain::{aftermath::Recorded, entitlement::Holding, id::EntitlementId, settle::Settled};
use schemars::JsonSchema;
use serde::Serialize;

use super::{AccountView, EntryView};

/// An entitlement that a tier or a plan grants.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EntitlementView {
    /// The entitlement.
    id: EntitlementId,
    /// The number of uses allowed in the current interval.
    times: i64,
    /// The number of uses so far in the current interval.
    used: i64,
    /// The number of uses left.
    left: i64,
    /// The day on which the next interval begins; `null` if none does.
    resets_on: Option<Date>,
}

impl From<Holding> for EntitlementView {
    fn from(Holding { id, times, used, left, resets_on }: Holding) -> Self {
        Self { id, times, used, left, resets_on }
    }
}

/// The answer to the use of an entitlement.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Used {
    /// The entry of the use.
    entry: Option<EntryView>,
    /// The entitlement as it is now; `null` if the member no longer has it.
    entitlement: Option<EntitlementView>,
    /// The account after the entry.
    account: AccountView,
}

impl Used {
    /// Returns the answer with the entry `recorded` about `entitlement`, and the account as `settled`. A repeat leaves
    /// out an entitlement that the member no longer has.
    #[must_use]
    pub fn new(recorded: Option<&Recorded>, entitlement: &EntitlementId, settled: &Settled<'_>) -> Self {
        let holding = settled.holdings().into_iter().find(|holding| holding.id == *entitlement);
        Self {
            entry: recorded.map(|recorded| EntryView::from(&recorded.sealed)),
            entitlement: holding.map(EntitlementView::from),
            account: settled.into(),
        }
    }
}
