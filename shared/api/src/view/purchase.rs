//! A purchase as it is now: what was bought, and what of it came back.

use regulars_domain::{
    aftermath::Recorded,
    points::Points,
    purchase::{Line, Quantity},
    reassess::Explained,
    returned::Back,
    settle::Settled,
};
use serde::Serialize;

use super::{BreakdownView, EntryDetail};

/// A purchase as it is now, in minor units.
#[derive(Clone, Debug, Serialize)]
pub struct PurchaseView {
    total: i64,
    refunded: i64,
    remaining: i64,
    lines: Vec<LineView>,
}

/// A line of a purchase, and what of it came back.
#[derive(Clone, Debug, Serialize)]
struct LineView {
    id: String,
    quantity: Quantity,
    amount: i64,
    returned_quantity: Quantity,
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

/// An accrual: what was told, what it comes to now, and every entry that acted on it.
#[derive(Clone, Debug, Serialize)]
pub struct AccrualView {
    entry: EntryDetail,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase: Option<PurchaseView>,
    /// The points that it gives now.
    points: Points,
    breakdown: Vec<BreakdownView>,
    entries: Vec<EntryDetail>,
}

impl AccrualView {
    /// Returns the view of `accrual`, about which `entries` were written, for the member whose account is `settled`.
    #[must_use]
    pub fn new(accrual: &Recorded, explained: &Explained, entries: &[Recorded], settled: &Settled<'_>) -> Self {
        let account = settled.account();
        Self {
            entry: EntryDetail::new(accrual, account),
            purchase: PurchaseView::new(accrual),
            points: accrual.gives(),
            breakdown: BreakdownView::explained(&explained.breakdown, &explained.explanations),
            entries: entries.iter().map(|entry| EntryDetail::new(entry, account)).collect(),
        }
    }
}
