//! The strategies by which a rule gives points.

mod challenge;
mod fixed;
pub(crate) mod multiplier;
mod per_item;
mod punch_card;
mod rate;
pub(crate) mod table;

use std::fmt::Debug;

use jiff::civil::Date;

use crate::{
    rules::{node::Node, open_days::OpenDays, trigger::Trigger},
    state::steps::{Progress, Steps, StepsChange},
    values::points::{Points, Rounding},
};

/// What a rule is asked about: the part of an occasion that its condition let through, and what stands in the account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matched<'a> {
    /// Money that earns, in minor units: of the whole purchase, or of the lines that the condition picked.
    pub(crate) amount: i64,
    /// Lines.
    pub(crate) lines: i64,
    /// Pieces on these lines.
    pub(crate) pieces: i64,
    /// What the base rules gave.
    pub(crate) base: Points,
    /// What the rule remembers of steps taken before.
    pub(crate) steps: &'a Steps,
    /// Whether points for steps that are taken back can only be taken from the accrual that they were given with, because
    /// nothing tells whether a cap let those of another through.
    pub(crate) takes_own_only: bool,
    /// The day of the occasion.
    pub(crate) day: Date,
    /// Today.
    pub(crate) today: Date,
    /// How fractions round.
    pub(crate) rounding: Rounding,
}

/// What a rule comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Yield {
    /// Points, before any cap.
    pub(crate) points: Points,
    /// Steps that are taken toward it, if it remembers any.
    pub(crate) stepped: Option<StepsChange>,
    /// How far the member has come with them, if that is worth telling.
    pub(crate) progress: Option<Progress>,
}

impl From<Points> for Yield {
    fn from(points: Points) -> Self {
        Self { points, stepped: None, progress: None }
    }
}

/// Steps that an earlier accrual takes more or less than before, because its purchase came back or is another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restep<'a> {
    /// How many more; less than none where steps are taken back.
    pub(crate) by: i64,
    /// What the accrual changed of the steps at first, if it has not been amended since.
    pub(crate) own: Option<&'a StepsChange>,
    /// What the rule gives for the accrual so far.
    pub(crate) given: Points,
    /// The days of which something can still be posted.
    pub(crate) open: &'a OpenDays,
}

/// How a rule gives points.
pub(crate) trait Strategy: Debug + Send + Sync {
    /// What it comes to; `None` above [`Points::MAX`].
    fn earn(&self, matched: &Matched<'_>) -> Option<Yield>;

    /// Whether it makes sense for this trigger.
    fn suits(&self, on: &Trigger) -> bool;

    /// How many steps an occasion takes toward it; `None` if it gives nothing for steps.
    fn steps(&self, _matched: &Matched<'_>) -> Option<i64> {
        None
    }

    /// The change of points, and of steps, if an earlier accrual takes more or fewer steps than it did.
    /// `None` above [`Points::MAX`].
    fn restep(&self, _matched: &Matched<'_>, _restep: &Restep<'_>) -> Option<Yield> {
        Some(Points::ZERO.into())
    }

    /// What of `steps` can still matter when only what happened on `open` days will be posted.
    fn remembered(&self, _steps: Steps, _open: &OpenDays) -> Steps {
        Steps::default()
    }

    /// Most bytes that what it remembers takes in an account, as the table counts them, where purchases may be posted
    /// `backdating_days_max` days late.
    fn remembered_bytes_max(&self, _backdating_days_max: i32) -> usize {
        0
    }

    /// How far a member has come toward what it gives, if that is worth telling.
    fn progress(&self, _steps: &Steps, _today: Date) -> Option<Progress> {
        None
    }

    /// The minor units or pieces that it counts, if it counts such.
    fn basis(&self, _matched: &Matched<'_>) -> Option<i64> {
        None
    }

    /// Whether what it gives is for lines, so that a part of it is for some of them.
    fn is_by_line(&self) -> bool {
        false
    }

    /// Whether it multiplies what base rules gave, and so cannot be one.
    fn multiplies(&self) -> bool {
        false
    }
}

/// The number of points in a rule, 1 to a million: more is a slip of the keyboard.
pub(super) fn read_points(node: &Node<'_>) -> Option<i64> {
    node.integer(1..=1_000_000)
}
