//! What a member has, by what can be done with it.

use serde::Serialize;

use crate::values::points::Points;

/// The points of an account. None of the four numbers is ever negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// The points that can be spent now.
    pub spendable: Points,
    /// The points that wait until they can be spent.
    pub pending: Points,
    /// The points that open holds reserve.
    pub held: Points,
    /// The points that are owed back.
    pub owed: Points,
}
