//! A percentage of base points on top: `{ "multiplier": { "percent": 150 } }` adds half. With a condition on `line`, it
//! multiplies the base points for those lines.

use crate::{
    rules::{
        node::Node,
        schema::{Field, integer},
        strategy::{Matched, Strategy, Yield},
        trigger::Trigger,
    },
    values::points::{Points, Rounding},
};

#[derive(Debug)]
struct Multiplier {
    percent: i64,
}

/// Returns what `percent` adds to `base`: 125 adds a quarter. Multipliers add up and never compound.
pub(crate) fn on_top(base: Points, percent: i64, rounding: Rounding) -> Option<Points> {
    Points::ratio(base.get(), percent.saturating_sub(100), 100, rounding)
}

impl Strategy for Multiplier {
    fn earn(&self, matched: &Matched<'_>) -> Option<Yield> {
        on_top(matched.base, self.percent, matched.rounding).map(Yield::from)
    }

    fn suits(&self, on: &Trigger) -> bool {
        match on {
            Trigger::Purchase | Trigger::Activity(_) => true,
            Trigger::Enrollment | Trigger::Referral | Trigger::Birthday => false,
        }
    }

    fn multiplies(&self) -> bool {
        true
    }
}

/// The fields of a multiplier.
pub(super) const FIELDS: [Field; 1] =
    [Field::required("percent", "The percentage of the base points; 150 gives 50 % on top.", || {
        integer(101..=PERCENT_MAX)
    })];

/// The highest percentage.
const PERCENT_MAX: i64 = 10_000;

pub(super) fn read(node: &Node<'_>) -> Option<Box<dyn Strategy>> {
    let percent = node.fields(&FIELDS)?.required("percent").and_then(|node| node.percent(101..=PERCENT_MAX))?;
    Some(Box::new(Multiplier { percent }))
}
