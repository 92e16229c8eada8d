//! The points of an account, by what can be done with them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::values::points::Points;

/// The points of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Balance {
    /// The points that can be spent now.
    pub spendable: Points,
    /// The points that are earned and cannot be spent yet.
    pub pending: Points,
    /// The points reserved by open holds.
    pub held: Points,
    /// The points that the member owes after a reversal; later points pay them first.
    pub owed: Points,
}
