//! What a member may use without points, as it is answered.

use jiff::civil::Date;
use regulars_domain::{aftermath::Recorded, entitlement::Holding, id::EntitlementId, settle::Settled};
use serde::Serialize;

use super::{AccountView, EntryView};

/// Something that a member may use without points, and how often still.
#[derive(Clone, Debug, Serialize)]
pub struct EntitlementView {
    id: EntitlementId,
    times: i64,
    used: i64,
    left: i64,
    resets_on: Option<Date>,
}

impl From<Holding> for EntitlementView {
    fn from(Holding { id, times, used, left, resets_on }: Holding) -> Self {
        Self { id, times, used, left, resets_on }
    }
}

/// The answer to a use.
#[derive(Clone, Debug, Serialize)]
pub struct Used {
    entry: Option<EntryView>,
    entitlement: Option<EntitlementView>,
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
