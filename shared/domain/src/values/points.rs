//! Points, with a bound that keeps every sum of them exact.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub, SubAssign},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number of points, or a signed change of points.
///
/// Arithmetic saturates, but never reaches that limit: an account accepts at most [`Points::MAX`], which is six orders
/// of magnitude below the maximum of the type, and never sums a million such values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Points(i64);

impl Points {
    /// No points.
    pub const ZERO: Self = Self(0);

    /// Maximum number of points that an account may hold, or one entry may move: a trillion less one.
    ///
    /// Every client can represent it exactly as a JSON number (below 2^53), and it can be multiplied by any rate.
    pub const MAX: Self = Self(999_999_999_999);

    /// Returns this number of points.
    #[must_use]
    pub const fn new(points: i64) -> Self {
        Self(points)
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Returns whether the number is zero.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// Returns `amount * numerator / denominator`, rounded; `None` above [`Points::MAX`] or for a zero denominator.
    #[must_use]
    pub fn ratio(amount: i64, numerator: i64, denominator: i64, rounding: Rounding) -> Option<Self> {
        let product = i128::from(amount).checked_mul(i128::from(numerator))?;
        let denominator = i128::from(denominator);
        let whole = product.checked_div_euclid(denominator)?;
        let rest = product.checked_rem_euclid(denominator)?;
        let up = match rounding {
            Rounding::Floor => false,
            Rounding::HalfUp => rest.checked_mul(2)? >= denominator,
            Rounding::Ceiling => rest > 0,
        };
        let points = Self(i64::try_from(whole.checked_add(i128::from(up))?).ok()?);
        (points <= Self::MAX).then_some(points)
    }
}

/// How a fraction of a point becomes a whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// Down: a member gets no point that was not fully earned.
    #[default]
    Floor,
    /// To the nearest whole number, and a half up.
    HalfUp,
    /// Up.
    Ceiling,
}

impl Add for Points {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Points {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Points {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for Points {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

impl SubAssign for Points {
    fn sub_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_sub(other.0);
    }
}

impl Sum for Points {
    fn sum<I: Iterator<Item = Self>>(points: I) -> Self {
        points.fold(Self::ZERO, Self::add)
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_rounds_by_name_and_refuses_to_overflow() {
        for (amount, numerator, denominator, floor, half_up, ceiling) in [
            (1250, 1, 100, 12, 13, 13),
            (1249, 1, 100, 12, 12, 13),
            (1200, 1, 100, 12, 12, 12),
            (0, 7, 100, 0, 0, 0),
            (1, 1, 3, 0, 0, 1),
        ] {
            let ratio = |rounding| Points::ratio(amount, numerator, denominator, rounding).unwrap().get();
            assert_eq!(
                (ratio(Rounding::Floor), ratio(Rounding::HalfUp), ratio(Rounding::Ceiling)),
                (floor, half_up, ceiling),
                "{amount} * {numerator} / {denominator}"
            );
        }
        assert_eq!(Points::ratio(Points::MAX.get(), 1, 1, Rounding::Floor), Some(Points::MAX));
        assert_eq!(Points::ratio(Points::MAX.get(), 2, 1, Rounding::Floor), None);
        assert_eq!(Points::ratio(i64::MAX, i64::MAX, 1, Rounding::Floor), None);
        assert_eq!(Points::ratio(1, 1, 0, Rounding::Floor), None);
    }
}
