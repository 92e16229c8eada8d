//! Points for every nth purchase, or every nth piece: `{ "punch_card": { "every": 10, "points": 50 } }`.

use crate::{
    rules::{
        node::Node,
        open_days::OpenDays,
        schema::{Field, choice, integer},
        strategy::{Matched, Restep, Strategy, Yield, points, read_points},
        trigger::Trigger,
    },
    state::steps::{Steps, StepsChange},
    values::points::{Points, Rounding},
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

impl PunchCard {
    /// Returns the result of `steps` more steps, if at most `cards_max` full cards can be reversed.
    fn after(&self, before: &Steps, steps: i64, cards_max: i64) -> Option<Yield> {
        let count = before.count.saturating_add(steps);
        let full = match count.checked_div_euclid(self.every)? {
            full if steps < 0 => full.min(0).max(cards_max.saturating_neg()),
            full => full.max(0),
        };
        let change = steps.saturating_sub(full.saturating_mul(self.every));
        Some(Yield {
            points: Points::ratio(full, self.points, 1, Rounding::Floor)?,
            stepped: Some(StepsChange::counted(steps, change)),
            progress: None,
        })
    }
}

impl Strategy for PunchCard {
    fn earn(&self, matched: &Matched<'_>) -> Option<Yield> {
        self.after(matched.steps, self.steps(matched)?, 0)
    }

    fn steps(&self, matched: &Matched<'_>) -> Option<i64> {
        Some(match self.counts {
            Counts::Purchases => 1,
            Counts::Pieces => matched.pieces,
        })
    }

    /// A card that is no longer full is reversed at once, even if another purchase filled it. If its points can only be
    /// deducted from its own purchase, the card stands below zero until later steps make up for it.
    fn restep(&self, matched: &Matched<'_>, restep: &Restep<'_>) -> Option<Yield> {
        let cards_max = if matched.takes_own_only {
            restep.given.get().checked_div(self.points).unwrap_or_default().max(0)
        } else {
            i64::MAX
        };
        self.after(matched.steps, restep.by, cards_max)
    }

    fn remembered(&self, steps: Steps, _: &OpenDays) -> Steps {
        Steps::counted(steps.count)
    }

    fn remembered_bytes_max(&self, _: i32) -> usize {
        Steps::counted(i64::MIN).bytes()
    }

    fn basis(&self, matched: &Matched<'_>) -> Option<i64> {
        match self.counts {
            Counts::Purchases => None,
            Counts::Pieces => Some(matched.pieces),
        }
    }

    fn needs_lines(&self) -> bool {
        matches!(self.counts, Counts::Pieces)
    }

    fn suits(&self, on: &Trigger) -> bool {
        *on == Trigger::Purchase
    }
}

/// The fields of a punch card.
pub(super) const FIELDS: [Field; 3] = [
    Field::required("every", "The number of steps of a full card.", || integer(2..=EVERY_MAX)),
    Field::required("points", "The points for a full card.", points),
    Field::optional("counts", "What counts as a step.", || choice(&COUNTS)).or("\"purchases\""),
];

/// Maximum number of steps of a card.
const EVERY_MAX: i64 = 1_000;

const COUNTS: [(&str, Counts); 2] = [("purchases", Counts::Purchases), ("pieces", Counts::Pieces)];

pub(super) fn read(node: &Node<'_>) -> Option<Box<dyn Strategy>> {
    let fields = node.fields(&FIELDS)?;
    let every = fields.required("every").and_then(|node| node.integer(2..=EVERY_MAX));
    let points = fields.required("points").and_then(|node| read_points(&node));
    let counts = fields.read_or("counts", Counts::Purchases, |node| node.choice(&COUNTS));
    Some(Box::new(PunchCard { every: every?, points: points?, counts: counts? }))
}
