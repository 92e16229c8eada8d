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
        let full = punched.checked_div(self.every)?.max(0);
        let left = punched.saturating_sub(full.saturating_mul(self.every));
        Some(Yield { points: Points::ratio(full, self.points, 1, Rounding::Floor)?, punched: Some((steps, left)) })
    }

    /// A card that has paid for steps taken back since stands below nothing, and one whose payment was taken back may be
    /// full: what it has paid and what it will is as if there had been no such steps.
    fn unpunched(&self, punched: i64, steps: i64, points: Points) -> Option<i64> {
        let full = points.get().checked_div(self.points)?;
        Some(punched.saturating_sub(steps).saturating_add(full.saturating_mul(self.every)))
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
