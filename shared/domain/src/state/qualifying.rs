//! Amounts that count toward a tier.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What counts toward a tier within one period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Qualifying {
    /// Qualifying points.
    pub points: i64,
    /// The money spent, in minor units.
    pub spend: i64,
    /// The number of purchases.
    pub visits: i64,
}

impl Qualifying {
    /// Returns the difference.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self {
            points: self.points.saturating_sub(other.points),
            spend: self.spend.saturating_sub(other.spend),
            visits: self.visits.saturating_sub(other.visits),
        }
    }

    /// Returns the negation.
    pub(crate) fn negated(self) -> Self {
        Self::default().less(self)
    }

    /// Returns the positive amounts.
    pub(crate) fn more(self) -> Self {
        self.each(|amount| amount.max(0))
    }

    /// Returns the negative amounts, as positive ones.
    pub(crate) fn less_of(self) -> Self {
        self.each(|amount| amount.min(0).saturating_neg())
    }

    /// Returns at most `kept`, and never less than zero.
    pub(crate) fn at_most(self, kept: Self) -> Self {
        Self {
            points: self.points.min(kept.points).max(0),
            spend: self.spend.min(kept.spend).max(0),
            visits: self.visits.min(kept.visits).max(0),
        }
    }

    fn each(self, of: impl Fn(i64) -> i64) -> Self {
        Self { points: of(self.points), spend: of(self.spend), visits: of(self.visits) }
    }

    /// Returns the sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            points: self.points.saturating_add(other.points),
            spend: self.spend.saturating_add(other.spend),
            visits: self.visits.saturating_add(other.visits),
        }
    }

    /// Returns whether nothing counts.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}
