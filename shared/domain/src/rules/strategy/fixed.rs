//! A fixed number of points each time: `{ "fixed": { "points": 25 } }`.

use crate::{
    rules::{
        node::Node,
        strategy::{Matched, Strategy, Yield, read_points},
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

pub(super) fn read(node: &Node<'_>) -> Option<Box<dyn Strategy>> {
    let points = node.fields(&["points"])?.required("points").and_then(|node| read_points(&node))?;
    Some(Box::new(Fixed { points: Points::new(points) }))
}
