//! What a rule gives points for, and how that goes together with what other rules give.

use crate::values::id::ActivityType;

/// What a rule gives points for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A purchase.
    Purchase,
    /// An activity of this type.
    Activity(ActivityType),
    /// Joining.
    Enrollment,
    /// Bringing a friend.
    Referral,
    /// A birthday.
    Birthday,
}

/// How what a rule gives goes together with what others give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stacking {
    /// It is part of the base, which multipliers multiply.
    Base,
    /// It comes on top.
    Add,
    /// It comes on top if it gives the most of its group.
    BestOf(String),
}
