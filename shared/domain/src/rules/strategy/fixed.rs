//! A fixed number of points each time: `{ "fixed": { "points": 25 } }`.

use crate::{
    rules::{
        node::Node,
        schema::Field,
        strategy::{Matched, Strategy, Yield, points, read_points},
        trigger::Trigger,
    },
    values::points::Points,
};

#[derive(Debug)]
struct Fixed {
    points: Points,
}

impl Strategy for Fixed {
    fn earn(&self, _: &Matched<'_>) -> Option<Yield> {
        Some(self.points.into())
    }

    fn suits(&self, _: &Trigger) -> bool {
        true
    }
}

/// The fields of a fixed number of points.
pub(super) const FIELDS: [Field; 1] = [Field::required("points", "The points given.", points)];

pub(super) fn read(node: &Node<'_>) -> Option<Box<dyn Strategy>> {
    let points = node.fields(&FIELDS)?.required("points").and_then(|node| read_points(&node))?;
    Some(Box::new(Fixed { points: Points::new(points) }))
}
