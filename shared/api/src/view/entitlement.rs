//! What a member may use without points, as it is answered.

use jiff::civil::Date;
use regulars_domain::{aftermath::Recorded, entitlement::Holding, id::EntitlementId, settle::Settled};
use schemars::JsonSchema;
use serde::Serialize;

use super::{AccountView, EntryView};

/// An entitlement that a tier or a plan gives.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EntitlementView {
    /// The entitlement.
    id: EntitlementId,
    /// How often it can be used in the current interval.
    times: i64,
    /// How often it was used in the current interval.
    used: i64,
    /// How often it can still be used.
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
    /// The answer that `recorded` was written about `entitlement`, and the account is `settled`. What the member no longer
    /// holds by the time of a repeat is not told.
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
