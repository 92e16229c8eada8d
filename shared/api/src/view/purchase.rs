//! The view of a purchase as it is now, after returns and amendments.

use jiff::civil::Date;
use regulars_domain::{
    aftermath::Recorded,
    points::Points,
    purchase::{Line, Quantity},
    reassess::Explained,
    returned::Back,
    settle::Settled,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{BreakdownView, EntryDetail};

/// A purchase as it is now, in minor units.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "CurrentPurchase")]
pub struct PurchaseView {
    /// The total of the purchase, in minor units.
    total: i64,
    /// The amount refunded so far, in minor units.
    refunded: i64,
    /// The total less the refunds, in minor units.
    remaining: i64,
    /// The lines of the purchase.
    lines: Vec<LineView>,
}

/// A line of a purchase as it is now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "CurrentLine")]
struct LineView {
    /// The id of the line.
    id: String,
    /// The quantity bought.
    quantity: Quantity,
    /// The price of the whole line, in minor units.
    amount: i64,
    /// The quantity returned so far.
    returned_quantity: Quantity,
    /// The amount refunded for the line so far, in minor units.
    refunded: i64,
}

impl PurchaseView {
    /// Returns the purchase that `accrual` records; `None` if it records none.
    #[must_use]
    pub fn new(accrual: &Recorded) -> Option<Self> {
        let paid = accrual.sealed.entry.paid()?;
        let purchase = accrual.purchase();
        let total = purchase.map_or(paid, |purchase| purchase.total.amount).get();
        let returned = accrual.returned();
        let refunded = returned.refunded();
        let lines = purchase.map(|purchase| {
            let lines = purchase.lines.iter().zip(returned.of_lines(purchase)).zip(purchase.line_ids());
            lines.map(|((line, back), id)| LineView::new(id, line, back)).collect()
        });
        Some(Self { total, refunded, remaining: total.saturating_sub(refunded), lines: lines.unwrap_or_default() })
    }
}

impl LineView {
    fn new(id: String, line: &Line, Back { quantity, amount }: Back) -> Self {
        Self { id, quantity: line.quantity, amount: line.amount.get(), returned_quantity: quantity, refunded: amount }
    }
}

/// An accrual as it is now, and all entries that acted on it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AccrualView {
    /// The entry of the accrual.
    entry: EntryDetail,
    /// The purchase as it is now; left out for an activity.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase: Option<PurchaseView>,
    /// The points that the accrual gives now.
    points: Points,
    /// The day at whose beginning the accrual lapsed, because it was not confirmed; left out if it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    lapsed_on: Option<Date>,
    /// What each rule gives now, or the reason why it gives nothing.
    breakdown: Vec<BreakdownView>,
    /// All entries that acted on the accrual.
    entries: Vec<EntryDetail>,
}

impl AccrualView {
    /// Returns the view of `accrual` and the `entries` that acted on it, for the member of the account `settled`.
    #[must_use]
    pub fn new(accrual: &Recorded, explained: &Explained, entries: &[Recorded], settled: &Settled<'_>) -> Self {
        let account = settled.account();
        Self {
            entry: EntryDetail::new(accrual, account),
            purchase: PurchaseView::new(accrual),
            points: if explained.lapsed_on.is_some() { Points::ZERO } else { accrual.gives() },
            lapsed_on: explained.lapsed_on,
            breakdown: BreakdownView::explained(&explained.breakdown, &explained.explanations),
            entries: entries.iter().map(|entry| EntryDetail::new(entry, account)).collect(),
        }
    }
}
