//! Explanations of rules that gave nothing. They are part of the answer and are not stored.

use serde::Serialize;

use crate::values::points::Points;

/// The reason why a rule gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unearned {
    /// Its condition is false.
    Condition,
    /// It is not active at that time.
    NotActive,
    /// No line matched.
    NoLines,
    /// Its cap is used up.
    Cap,
    /// Another rule of its group gives more.
    NotBest,
    /// The amount that it counts is not enough for a point.
    BelowStep,
    /// Its condition could not be evaluated.
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
