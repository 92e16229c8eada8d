//! Points for each matching line, or for each piece on it: `{ "per_item": { "points": 20, "counts": "lines" } }`.

use crate::{
    rules::{
        node::Node,
        schema::{Field, choice},
        strategy::{Matched, Strategy, Yield, points, read_points},
        trigger::Trigger,
    },
    values::points::{Points, Rounding},
};

#[derive(Clone, Copy, Debug)]
enum Counts {
    Lines,
    Pieces,
}

#[derive(Debug)]
struct PerItem {
    points: i64,
    counts: Counts,
}

impl PerItem {
    fn count(&self, matched: &Matched<'_>) -> i64 {
        match self.counts {
            Counts::Lines => matched.lines,
            Counts::Pieces => matched.pieces,
        }
    }
}

impl Strategy for PerItem {
    fn earn(&self, matched: &Matched<'_>) -> Option<Yield> {
        Points::ratio(self.count(matched), self.points, 1, Rounding::Floor).map(Yield::from)
    }

    fn basis(&self, matched: &Matched<'_>) -> Option<i64> {
        Some(self.count(matched))
    }

    fn needs_lines(&self) -> bool {
        true
    }

    fn is_by_line(&self) -> bool {
        true
    }

    fn suits(&self, on: &Trigger) -> bool {
        *on == Trigger::Purchase
    }
}

/// The fields of points per item.
pub(super) const FIELDS: [Field; 2] = [
    Field::required("points", "The points for each item.", points),
    Field::optional("counts", "What counts as an item.", || choice(&COUNTS)).or("\"lines\""),
];

const COUNTS: [(&str, Counts); 2] = [("lines", Counts::Lines), ("pieces", Counts::Pieces)];

pub(super) fn read(node: &Node<'_>) -> Option<Box<dyn Strategy>> {
    let fields = node.fields(&FIELDS)?;
    let points = fields.required("points").and_then(|node| read_points(&node));
    let counts = fields.read_or("counts", Counts::Lines, |node| node.choice(&COUNTS));
    Some(Box::new(PerItem { points: points?, counts: counts? }))
}
