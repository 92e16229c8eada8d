//! Points for every nth purchase, or every nth piece: `{ "punch_card": { "every": 10, "points": 50 } }`.

use crate::{
    rules::{
        node::Node,
        open_days::OpenDays,
        strategy::{Matched, Strategy, TakenBack, Yield, read_points},
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

impl Strategy for PunchCard {
    fn earn(&self, matched: &Matched<'_>) -> Option<Yield> {
        let steps = match self.counts {
            Counts::Purchases => 1,
            Counts::Pieces => matched.pieces,
        };
        let count = matched.steps.count.saturating_add(steps);
        let full = count.checked_div(self.every)?.max(0);
        let change = steps.saturating_sub(full.saturating_mul(self.every));
        Some(Yield {
            points: Points::ratio(full, self.points, 1, Rounding::Floor)?,
            stepped: Some(StepsChange::counted(steps, change)),
            progress: None,
        })
    }

    /// A card that has paid for steps taken back since stands below nothing, and one whose payment was taken back may be
    /// full: what it has paid and what it will is as if there had been no such steps.
    fn take_back(&self, steps: &Steps, back: &TakenBack<'_>) -> Steps {
        let full = back.wanted.get().checked_div(self.points).unwrap_or_default();
        let count = steps.count.saturating_sub(back.taken.taken).saturating_add(full.saturating_mul(self.every));
        Steps::counted(count)
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
