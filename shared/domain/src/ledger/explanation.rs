//! Explanations of rules that gave nothing. They are part of the answer and are not stored.

use schemars::JsonSchema;
use serde::Serialize;

use crate::values::points::Points;

/// The reason why a rule gave no points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unearned {
    /// The condition of the rule does not hold.
    Condition,
    /// The rule is not active at that time.
    NotActive,
    /// The rule counts none of the lines.
    NoLines,
    /// The cap of the rule is used up.
    Cap,
    /// Another rule of the group gives more.
    NotBest,
    /// The amount is too small for a point.
    BelowStep,
    /// The condition of the rule could not be evaluated.
    Fault,
}

/// A rule that gave nothing, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The rule's id.
    pub rule: String,
    /// The points before the cap and before the choice within the group.
    pub wanted: Points,
    /// The minor units or pieces that it counted, if it counts any.
    pub basis: Option<i64>,
    /// The reason.
    pub because: Unearned,
}
