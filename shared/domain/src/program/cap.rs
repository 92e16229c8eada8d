//! A cap or a limit as the document writes it.

use super::node::Node;
use crate::{
    calendar::Every,
    cap::{Cap, Per, Unit},
    points::Points,
};

/// The intervals of the calendar, by name.
pub(super) const INTERVALS: [(&str, Every); 5] =
    [("day", Every::Day), ("week", Every::Week), ("month", Every::Month), ("year", Every::Year), ("ever", Every::Ever)];

pub(super) fn read(node: &Node<'_>) -> Option<Cap> {
    let fields = node.fields(&["times", "points", "per", "every"])?;
    let amount = match (fields.optional("times"), fields.optional("points")) {
        (Some(times), None) => times.integer(1..=Points::MAX.get()).map(|most| (most, Unit::Times)),
        (None, Some(points)) => points.integer(1..=Points::MAX.get()).map(|most| (most, Unit::Points)),
        (Some(_), Some(_)) | (None, None) => {
            node.fault("contradiction", "must give either times or points");
            None
        }
    };
    let per =
        fields.read_or("per", Per::Member, |node| node.choice(&[("member", Per::Member), ("program", Per::Program)]));
    let every = fields.required("every").and_then(|node| node.choice(&INTERVALS));
    let (most, unit) = amount?;
    Some(Cap { most, unit, per: per?, every: every? })
}
