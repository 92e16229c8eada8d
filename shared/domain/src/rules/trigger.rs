//! The trigger of a rule, and how it is stacked with other rules.

use crate::values::id::ActivityType;

/// What a rule gives points for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A purchase.
    Purchase,
    /// An activity of this type.
    Activity(ActivityType),
    /// An enrollment.
    Enrollment,
    /// A referral.
    Referral,
    /// A birthday.
    Birthday,
}

/// How the points of a rule are combined with those of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stacking {
    /// Part of the base, which multipliers multiply.
    Base,
    /// On top of the base.
    Add,
    /// On top of the base, if it gives the most of its group.
    BestOf(String),
}
