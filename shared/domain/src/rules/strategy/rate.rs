//! Points per amount of money: `{ "rate": { "points": 1, "per": 100 } }`.

use crate::{
    rules::{
        node::Node,
        schema::{Field, integer},
        strategy::{Matched, Strategy, Yield, points, read_points},
        trigger::Trigger,
    },
    values::{money::AMOUNT_MAX, points::Points},
};

#[derive(Debug)]
struct Rate {
    points: i64,
    per: i64,
}

impl Strategy for Rate {
    fn earn(&self, matched: &Matched<'_>) -> Option<Yield> {
        Points::ratio(matched.amount, self.points, self.per, matched.rounding).map(Yield::from)
    }

    fn basis(&self, matched: &Matched<'_>) -> Option<i64> {
        Some(matched.amount)
    }

    fn is_by_line(&self) -> bool {
        true
    }

    fn suits(&self, on: &Trigger) -> bool {
        *on == Trigger::Purchase
    }
}

/// The fields of a rate.
pub(super) const FIELDS: [Field; 2] = [
    Field::required("points", "The points for each full amount.", points),
    Field::required("per", "The amount in minor units.", || integer(1..=AMOUNT_MAX)),
];

pub(super) fn read(node: &Node<'_>) -> Option<Box<dyn Strategy>> {
    let fields = node.fields(&FIELDS)?;
    let points = fields.required("points").and_then(|node| read_points(&node));
    let per = fields.required("per").and_then(|node| node.integer(1..=AMOUNT_MAX));
    Some(Box::new(Rate { points: points?, per: per? }))
}
