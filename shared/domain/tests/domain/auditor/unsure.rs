//! The auditor's books on what unconfirmed purchases count, and on lifetime purchases.

use std::collections::BTreeMap;

use jiff::civil::Date;
use regulars_domain::account::Account;

use super::Rules;

/// Maximum number of years or months, over all days, under which such purchases count.
const SPANS_MAX: usize = 28;

/// Amounts of one year or month: points, money and visits.
type Counted = [i64; 3];

/// What purchases count that can be confirmed by one day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Unsure {
    pub(super) by_span: BTreeMap<i32, Counted>,
    pub(super) paid: i64,
    pub(super) purchases: i64,
}

/// What all unconfirmed purchases count, by the day by which they can be confirmed; and lifetime purchases.
#[derive(Clone, Debug, Default)]
pub(super) struct Shop {
    unsure: BTreeMap<Date, Unsure>,
    pub(super) paid: i64,
    pub(super) purchases: i64,
}

fn part(wanted: i64, kept: i64) -> i64 {
    wanted.min(kept).max(0)
}

impl Unsure {
    pub(super) fn of(span: i32, counted: Counted, paid: i64) -> Self {
        Self { by_span: [(span, counted)].into(), paid, purchases: counted[2] }
    }

    fn is_nothing(&self) -> bool {
        self.by_span.is_empty() && self.paid == 0 && self.purchases == 0
    }

    /// Takes what it can of `wanted`, from the wanted year or month first, and leaves the rest of it there.
    fn gives(&mut self, wanted: &mut Self) {
        for (span, counted) in &mut wanted.by_span {
            let others: Vec<_> = self.by_span.keys().copied().filter(|other| other != span).collect();
            for from in std::iter::once(*span).chain(others) {
                for (kept, left) in self.by_span.get_mut(&from).into_iter().flatten().zip(&mut *counted) {
                    let part = part(*left, *kept);
                    *kept -= part;
                    *left -= part;
                }
            }
        }
        self.by_span.retain(|_, counted| *counted != [0; 3]);
        let (paid, purchases) = (part(wanted.paid, self.paid), part(wanted.purchases, self.purchases));
        self.paid -= paid;
        self.purchases -= purchases;
        wanted.paid -= paid;
        wanted.purchases -= purchases;
    }

    fn joins(&mut self, other: Self) {
        for (span, counted) in other.by_span {
            let kept = self.by_span.entry(span).or_default();
            kept.iter_mut().zip(counted).for_each(|(kept, more)| *kept += more);
        }
        self.paid += other.paid;
        self.purchases += other.purchases;
    }
}

impl Shop {
    /// Returns the days by which something can be confirmed.
    pub(super) fn days(&self) -> impl Iterator<Item = Date> {
        self.unsure.keys().copied()
    }

    /// Returns whether there are too many years and months.
    pub(super) fn is_crowded(&self) -> bool {
        self.unsure.values().map(|unsure| unsure.by_span.len()).sum::<usize>() > SPANS_MAX
    }

    pub(super) fn waits(&mut self, last: Date, unsure: Unsure) {
        self.unsure.entry(last).or_default().joins(unsure);
    }

    /// Moves what can be confirmed by one day to another.
    pub(super) fn moves(&mut self, soon: Date, late: Date) {
        if let Some(unsure) = self.unsure.remove(&soon) {
            self.waits(late, unsure);
        }
    }

    /// Takes this from what can be confirmed by that day, or by a later one; returns whether there was any.
    pub(super) fn takes(&mut self, last: Date, wanted: &Unsure) -> bool {
        let mut left = wanted.clone();
        for unsure in self.unsure.range_mut(last..).map(|(_, unsure)| unsure) {
            unsure.gives(&mut left);
        }
        self.unsure.retain(|_, unsure| !unsure.is_nothing());
        left != *wanted
    }

    /// Removes and returns what can no longer be confirmed today.
    pub(super) fn lapses(&mut self, today: Date) -> Vec<(i32, i64)> {
        let mut lapsed = Vec::new();
        while let Some(first) = self.unsure.first_entry().filter(|first| *first.key() < today) {
            let unsure = first.remove();
            self.paid -= unsure.paid;
            self.purchases -= unsure.purchases;
            lapsed.extend(unsure.by_span.into_iter().map(|(span, counted)| (span, counted[0])));
        }
        lapsed
    }

    pub(super) fn audit(&self, rules: &Rules, account: &Account) {
        let unsure = account.pending.unconfirmed().iter().map(|(last, counts)| {
            let amounts = counts.qualifying.iter();
            let by_span =
                amounts.map(|(day, amount)| (rules.span_of(*day), [amount.points, amount.spend, amount.visits]));
            (*last, Unsure { by_span: by_span.collect(), paid: counts.paid, purchases: counts.purchases })
        });
        assert_eq!(unsure.collect::<BTreeMap<_, _>>(), self.unsure, "other purchases may lapse than the books say");
        let bought = (account.bought.spend, account.bought.purchases);
        assert_eq!(bought, (self.paid, u64::try_from(self.purchases).unwrap()), "bought in all");
    }
}
