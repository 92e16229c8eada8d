//! Why a rule gave nothing: told with the answer, and kept nowhere.

use serde::Serialize;

use crate::values::points::Points;

/// Why a rule that was asked gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unearned {
    /// Its condition does not hold.
    Condition,
    /// It is not active at that time.
    NotActive,
    /// None of the lines is one that it counts.
    NoLines,
    /// Its cap is used up.
    Cap,
    /// Another rule of its group gives more.
    NotBest,
    /// What it counts is not enough for a point.
    BelowStep,
    /// Its condition could not be evaluated.
    Fault,
}

/// Why a rule that was asked gave nothing, and what it counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The rule's id.
    pub rule: String,
    /// What the rule came to, before its cap and before others of its group.
    pub wanted: Points,
    /// The minor units or pieces that it counted, if it counts such.
    pub basis: Option<i64>,
    /// Why it gave nothing.
    pub because: Unearned,
}
