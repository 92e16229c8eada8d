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

use serde_json::Value;

use crate::{
    rules::{node::Node, open_days::OpenDays, schema::integer, trigger::Trigger},
    state::steps::{Progress, Steps, StepsChange},
    values::points::{Points, Rounding},
};

/// The input of a rule: the part of an occasion that its condition selected, and data of the account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matched<'a> {
    /// The eligible amount in minor units: of the whole purchase, or of the selected lines.
    pub(crate) amount: i64,
    /// The number of lines.
    pub(crate) lines: i64,
    /// The number of pieces on these lines.
    pub(crate) pieces: i64,
    /// What the base rules gave.
    pub(crate) base: Points,
    /// The rule's earlier steps.
    pub(crate) steps: &'a Steps,
    /// Whether points for undone steps can only be deducted from the accrual that they were given with, because it is
    /// unknown whether a cap allowed those of another.
    pub(crate) takes_own_only: bool,
    /// The day of the occasion.
    pub(crate) day: Date,
    /// Today.
    pub(crate) today: Date,
    /// How fractions round.
    pub(crate) rounding: Rounding,
}

/// The result of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Yield {
    /// Points, before the cap.
    pub(crate) points: Points,
    /// Steps toward the rule, if it counts steps.
    pub(crate) stepped: Option<StepsChange>,
    /// The member's progress with them, if there is any to show.
    pub(crate) progress: Option<Progress>,
}

impl From<Points> for Yield {
    fn from(points: Points) -> Self {
        Self { points, stepped: None, progress: None }
    }
}

/// A change of the steps of an earlier accrual, because its purchase was returned or amended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restep<'a> {
    /// The number of additional steps; negative if steps are undone.
    pub(crate) by: i64,
    /// The accrual's original change of the steps, if it was not amended since.
    pub(crate) own: Option<&'a StepsChange>,
    /// What the rule gives for the accrual so far.
    pub(crate) given: Points,
    /// The days for which something can still be posted.
    pub(crate) open: &'a OpenDays,
}

/// How a rule gives points.
pub(crate) trait Strategy: Debug + Send + Sync {
    /// Returns the yield; `None` above [`Points::MAX`].
    fn earn(&self, matched: &Matched<'_>) -> Option<Yield>;

    /// Returns whether it is allowed for this trigger.
    fn suits(&self, on: &Trigger) -> bool;

    /// Returns the steps of an occasion toward it; `None` if it does not count steps.
    fn steps(&self, _matched: &Matched<'_>) -> Option<i64> {
        None
    }

    /// Returns the change of points, and of steps, if an earlier accrual takes more or fewer steps. `None` above
    /// [`Points::MAX`].
    fn restep(&self, _matched: &Matched<'_>, _restep: &Restep<'_>) -> Option<Yield> {
        Some(Points::ZERO.into())
    }

    /// Returns the part of `steps` that can still matter if only occasions of `open` days can be posted.
    fn remembered(&self, _steps: Steps, _open: &OpenDays) -> Steps {
        Steps::default()
    }

    /// Returns the maximum number of bytes of its steps in an account, as DynamoDB counts them, if purchases may be
    /// posted `backdating_days_max` days late.
    fn remembered_bytes_max(&self, _backdating_days_max: i32) -> usize {
        0
    }

    /// Returns the progress of a member toward it, if there is any to show.
    fn progress(&self, _steps: &Steps, _today: Date) -> Option<Progress> {
        None
    }

    /// Returns the minor units or pieces that it counts, if it counts any.
    fn basis(&self, _matched: &Matched<'_>) -> Option<i64> {
        None
    }

    /// Returns whether it counts by line, so that a part of its points belongs to some lines.
    fn is_by_line(&self) -> bool {
        false
    }

    /// Returns whether it gives nothing for a purchase without lines.
    fn needs_lines(&self) -> bool {
        false
    }

    /// Returns whether it multiplies base points, and so cannot be a base rule.
    fn multiplies(&self) -> bool {
        false
    }
}

/// Maximum number of points that a rule can give at once.
const POINTS_MAX: i64 = 1_000_000;

/// The schema of the points that a rule gives.
pub(super) fn points() -> Value {
    integer(1..=POINTS_MAX)
}

/// Reads the points of a rule, 1 to a million. A larger number is assumed to be a typing error.
pub(super) fn read_points(node: &Node<'_>) -> Option<i64> {
    node.integer(1..=POINTS_MAX)
}
