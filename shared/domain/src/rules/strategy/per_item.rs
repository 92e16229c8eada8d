//! Points for each matching line, or for each piece on it: `{ "per_item": { "points": 20, "counts": "lines" } }`.

use crate::{
    rules::{
        node::Node,
        strategy::{Matched, Strategy, Yield, read_points},
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

pub(super) fn read(node: &Node<'_>) -> Option<Box<dyn Strategy>> {
    let fields = node.fields(&["points", "counts"])?;
    let points = fields.required("points").and_then(|node| read_points(&node));
    let counts = fields
        .read_or("counts", Counts::Lines, |node| node.choice(&[("lines", Counts::Lines), ("pieces", Counts::Pieces)]));
    Some(Box::new(PerItem { points: points?, counts: counts? }))
}
