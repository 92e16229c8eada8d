//! Points for every nth purchase, or every nth piece: `{ "punch_card": { "every": 10, "points": 50 } }`.

use super::strategy::{Matched, Strategy, Yield, read_points};
use crate::{
    points::{Points, Rounding},
    program::{Trigger, node::Node},
};

#[derive(Clone, Copy, Debug)]
enum Counts {
    Purchases,
    Pieces,
}

#[derive(Debug)]
struct PunchCard {
    every: i64,
    points: i64,
    counts: Counts,
}

impl Strategy for PunchCard {
    fn earn(&self, matched: &Matched) -> Option<Yield> {
        let steps = match self.counts {
            Counts::Purchases => 1,
            Counts::Pieces => matched.pieces,
        };
        let punched = matched.punched.saturating_add(steps);
        let full = punched.checked_div_euclid(self.every)?;
        Some(Yield {
            points: Points::ratio(full, self.points, 1, Rounding::Floor)?,
            punched: punched.checked_rem_euclid(self.every),
        })
    }

    fn suits(&self, on: &Trigger) -> bool {
        *on == Trigger::Purchase
    }
}

pub(super) fn read(node: &Node<'_>) -> Option<Box<dyn Strategy>> {
    let fields = node.fields(&["every", "points", "counts"])?;
    let every = fields.required("every").and_then(|node| node.integer(2..=1_000));
    let points = fields.required("points").and_then(|node| read_points(&node));
    let counts = fields.read_or("counts", Counts::Purchases, |node| {
        node.choice(&[("purchases", Counts::Purchases), ("pieces", Counts::Pieces)])
    });
    Some(Box::new(PunchCard { every: every?, points: points?, counts: counts? }))
}
