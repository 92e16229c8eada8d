//! Points for n actions within a window, `{ "challenge": { "times": 3, "within_days": 30, "points": 100 } }`: validated,
//! and named as not yet in effect.

use super::strategy::{Matched, Strategy, Yield, read_points};
use crate::{
    points::Points,
    program::{
        Trigger,
        node::{Node, read_boolean},
    },
};

#[derive(Debug)]
struct Challenge;

impl Strategy for Challenge {
    fn earn(&self, _: &Matched) -> Option<Yield> {
        Some(Points::ZERO.into())
    }

    fn suits(&self, on: &Trigger) -> bool {
        match on {
            Trigger::Purchase | Trigger::Activity(_) => true,
            Trigger::Enrollment | Trigger::Referral | Trigger::Birthday => false,
        }
    }
}

pub(super) fn read(node: &Node<'_>) -> Option<Box<dyn Strategy>> {
    let fields = node.fields(&["times", "within_days", "points", "repeats"])?;
    let times = fields.required("times").and_then(|node| node.integer(1..=1_000));
    let days = fields.required("within_days").and_then(|node| node.integer(1..=366));
    let points = fields.required("points").and_then(|node| read_points(&node));
    let repeats = fields.read_or("repeats", false, read_boolean);
    times?;
    days?;
    points?;
    repeats?;
    node.not_yet("nobody's progress is counted");
    Some(Box::new(Challenge))
}
