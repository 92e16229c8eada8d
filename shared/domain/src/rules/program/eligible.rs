//! The eligible part of a purchase: what earns points and counts toward tiers.

use std::collections::BTreeSet;

use crate::{
    rules::{
        node::{Node, read_boolean},
        schema::{Field, boolean, list, text},
    },
    values::{
        money::{in_proportion, share},
        purchase::{LINES_MAX, Line, Parts, Purchase},
        returned::Rest,
        text::LABEL_LENGTH_MAX,
    },
};

/// Maximum number of excluded categories.
const EXCLUDED_MAX: usize = LINES_MAX;

/// The parts of a purchase that are eligible: `{ "tip": false, "excluded_categories": ["gift-card"] }`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the document has a truth for each part")]
pub struct EligiblePolicy {
    /// Tax on top of the lines.
    pub tax: bool,
    /// Shipping.
    pub shipping: bool,
    /// A tip.
    pub tip: bool,
    /// The amount paid with points.
    pub paid_with_points: bool,
    /// The amount paid with a gift card.
    pub paid_with_gift_card: bool,
    /// Categories whose lines are not eligible.
    pub excluded_categories: BTreeSet<String>,
}

impl Default for EligiblePolicy {
    fn default() -> Self {
        Self {
            tax: true,
            shipping: true,
            tip: false,
            paid_with_points: false,
            paid_with_gift_card: true,
            excluded_categories: BTreeSet::new(),
        }
    }
}

/// The eligible amounts of one purchase, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Eligible {
    /// The amount of the whole purchase.
    pub(crate) total: i64,
    /// The amount of each line; `None` for an excluded one.
    pub(crate) lines: Vec<Option<i64>>,
}

impl EligiblePolicy {
    /// Returns the eligible amounts of `purchase`.
    ///
    /// Excluded lines are not eligible. Other parts that are not eligible are deducted first from the amount outside of
    /// the lines, then from the lines in proportion to their amounts. The first lines keep the remainder of rounding,
    /// so that no unit is lost.
    pub(crate) fn of(&self, purchase: &Purchase) -> Eligible {
        let is_excluded = |line: &Line| {
            line.category.as_ref().is_some_and(|category| self.excluded_categories.contains(category.as_str()))
        };
        let amounts: Vec<_> =
            purchase.lines.iter().map(|line| (!is_excluded(line)).then(|| line.amount.get())).collect();
        let earning = amounts.iter().flatten().fold(0_i64, |sum, amount| sum.saturating_add(*amount));
        let outside = purchase.total.amount.get().saturating_sub(purchase.lines_total()).max(0);
        let parts = self.not_earning(&purchase.parts);
        let outside_left = outside.saturating_sub(parts).max(0);
        let taken = parts.saturating_sub(outside).clamp(0, earning);
        let of_lines: Vec<_> = amounts.iter().map(|amount| amount.unwrap_or_default()).collect();
        let shares = in_proportion(&of_lines, earning.saturating_sub(taken), earning);
        let lines = shares.into_iter().zip(&amounts).map(|(share, amount)| amount.map(|_| share)).collect();
        Eligible { total: outside_left.saturating_add(earning.saturating_sub(taken)), lines }
    }

    /// Returns the eligible amounts of `rest`, which is left of `purchase`.
    ///
    /// Each line, and the amount outside of the lines, keeps its share of the eligible amount. So the return of one
    /// line does not affect the others.
    pub(crate) fn of_rest(&self, purchase: &Purchase, rest: &Rest) -> Eligible {
        let whole = self.of(purchase);
        let in_lines = whole.lines.iter().flatten().fold(0_i64, |sum, amount| sum.saturating_add(*amount));
        let outside =
            share(whole.total.saturating_sub(in_lines), rest.purchase.outside_lines(), purchase.outside_lines());
        let lines: Vec<_> = rest
            .places
            .iter()
            .zip(&rest.purchase.lines)
            .map(|(place, left)| {
                let earning = whole.lines.get(*place).copied().flatten()?;
                let paid = purchase.lines.get(*place).map_or(0, |line| line.amount.get());
                Some(share(earning, left.amount.get(), paid))
            })
            .collect();
        let total = lines.iter().flatten().fold(outside, |sum, amount| sum.saturating_add(*amount));
        Eligible { total, lines }
    }

    /// Returns the sum of the parts that are not eligible.
    fn not_earning(&self, parts: &Parts) -> i64 {
        let parts = [
            (self.tax, parts.tax),
            (self.shipping, parts.shipping),
            (self.tip, parts.tip),
            (self.paid_with_points, parts.paid_with_points),
            (self.paid_with_gift_card, parts.paid_with_gift_card),
        ];
        let not_earning = parts.into_iter().filter(|(earns, _)| !earns);
        not_earning.fold(0, |sum, (_, part)| sum.saturating_add(part.get()))
    }
}

/// The fields of the eligible parts.
pub(super) const FIELDS: [Field; 6] = [
    Field::optional("tax", "Whether tax earns.", boolean).or("true"),
    Field::optional("shipping", "Whether shipping earns.", boolean).or("true"),
    Field::optional("tip", "Whether a tip earns.", boolean).or("false"),
    Field::optional("paid_with_points", "Whether the part that was paid with points earns.", boolean).or("false"),
    Field::optional("paid_with_gift_card", "Whether the part that was paid with a gift card earns.", boolean)
        .or("true"),
    Field::optional("excluded_categories", "The categories of lines that do not earn.", || {
        list(EXCLUDED_MAX, text(LABEL_LENGTH_MAX))
    })
    .or("[]"),
];

pub(super) fn read(node: &Node<'_>) -> Option<EligiblePolicy> {
    let defaults = EligiblePolicy::default();
    let fields = node.fields(&FIELDS)?;
    let excluded = fields.read_or("excluded_categories", Vec::new(), |node| {
        node.list(EXCLUDED_MAX, |node| node.string(LABEL_LENGTH_MAX))
    });
    Some(EligiblePolicy {
        tax: fields.read_or("tax", defaults.tax, read_boolean)?,
        shipping: fields.read_or("shipping", defaults.shipping, read_boolean)?,
        tip: fields.read_or("tip", defaults.tip, read_boolean)?,
        paid_with_points: fields.read_or("paid_with_points", defaults.paid_with_points, read_boolean)?,
        paid_with_gift_card: fields.read_or("paid_with_gift_card", defaults.paid_with_gift_card, read_boolean)?,
        excluded_categories: excluded?.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rules::node::Findings;

    /// Returns the eligible amounts of a purchase: of all of it, and of each line.
    fn eligible(policy: &Value, total: i64, parts: &Value, lines: &[(&str, i64)]) -> (i64, Vec<Option<i64>>) {
        let findings = Findings::default();
        let policy = read(&Node::top(policy, &findings)).unwrap();
        let lines: Vec<_> = lines
            .iter()
            .map(|(category, amount)| json!({ "category": category, "quantity": 1, "amount": amount }))
            .collect();
        let mut purchase = json!({
            "occurred_at": "2026-11-21T12:00:00Z", "total": { "amount": total, "currency": "EUR" }, "lines": lines,
        });
        purchase.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
        let purchase: Purchase = serde_json::from_value(purchase).unwrap();
        let Eligible { total, lines } = policy.of(&purchase);
        (total, lines)
    }

    #[test]
    fn what_does_not_earn_is_taken_from_what_no_line_holds_and_then_from_the_lines() {
        let none = json!({});
        let cards = json!({ "excluded_categories": ["gift-card"] });
        let strict = json!({ "tax": false, "shipping": false, "paid_with_gift_card": false });
        for (policy, total, parts, lines, expected, by_line) in [
            (&none, 1_000, json!({}), vec![], 1_000, vec![]),
            (&none, 1_000, json!({}), vec![("a", 1_000)], 1_000, vec![Some(1_000)]),
            (&cards, 10_000, json!({}), vec![("gift-card", 5_000), ("shirt", 5_000)], 5_000, vec![None, Some(5_000)]),
            (&cards, 30_000, json!({}), vec![("book", 25_000), ("gift-card", 5_000)], 25_000, vec![Some(25_000), None]),
            (&cards, 5_000, json!({}), vec![("gift-card", 5_000)], 0, vec![None]),
            // The defaults: tips and the amount paid with points are not eligible; tax and shipping are.
            (
                &none,
                1_300,
                json!({ "tax": 100, "shipping": 100, "tip": 100 }),
                vec![("a", 1_000)],
                1_200,
                vec![Some(1_000)],
            ),
            (
                &none,
                1_000,
                json!({ "paid_with_points": 400 }),
                vec![("a", 750), ("b", 250)],
                600,
                vec![Some(450), Some(150)],
            ),
            (&none, 1_000, json!({ "paid_with_gift_card": 400 }), vec![("a", 1_000)], 1_000, vec![Some(1_000)]),
            (&strict, 1_000, json!({ "paid_with_gift_card": 400 }), vec![("a", 1_000)], 600, vec![Some(600)]),
            (&strict, 1_200, json!({ "tax": 150, "shipping": 50 }), vec![("a", 1_000)], 1_000, vec![Some(1_000)]),
            // First from the shipping, which is outside of the lines, then from the lines.
            (
                &none,
                1_100,
                json!({ "shipping": 100, "paid_with_points": 600 }),
                vec![("a", 500), ("b", 500)],
                500,
                vec![Some(250), Some(250)],
            ),
            // Rounding loses no unit.
            (
                &none,
                1_000,
                json!({ "paid_with_points": 100 }),
                vec![("a", 333), ("b", 333), ("c", 334)],
                900,
                vec![Some(300), Some(300), Some(300)],
            ),
            (
                &none,
                3,
                json!({ "paid_with_points": 1 }),
                vec![("a", 1), ("b", 1), ("c", 1)],
                2,
                vec![Some(1), Some(1), Some(0)],
            ),
            // More is not eligible than there is: the result is zero, not negative.
            (
                &strict,
                1_000,
                json!({ "tax": 800, "shipping": 800, "paid_with_points": 800 }),
                vec![("a", 900)],
                0,
                vec![Some(0)],
            ),
            (
                &cards,
                1_000,
                json!({ "paid_with_points": 900 }),
                vec![("gift-card", 800), ("a", 200)],
                0,
                vec![None, Some(0)],
            ),
            (&none, 0, json!({}), vec![("a", 0)], 0, vec![Some(0)]),
        ] {
            let found = eligible(policy, total, &parts, &lines);
            assert_eq!(found, (expected, by_line), "{policy} of {total}, {parts}, {lines:?}");
        }
    }
}
