//! Why a condition could not be evaluated.

use std::fmt;

/// Why a condition could not be evaluated.
///
/// The ledger stores the name under the hash of its chain. It never contains a value of the member or of the purchase,
/// because what is in the chain cannot be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionFault {
    /// The expression is empty or too long.
    TooLong,
    /// Its parentheses are nested too deeply.
    TooDeep,
    /// It is not valid CEL.
    Malformed,
    /// It names a variable, a field or an attribute that the program does not have.
    UnknownName,
    /// It uses a function or a construct that conditions do not support.
    Unsupported,
    /// Its evaluation could take too much work.
    TooCostly,
    /// Its result is neither true nor false.
    NotBoolean,
    /// An operator or a function was applied to a wrong type.
    TypeMismatch,
    /// A number is beyond 64 bits.
    Overflow,
    /// A number was divided by zero.
    DivisionByZero,
    /// A text cannot be converted to a number, or to true or false.
    NotConvertible,
}

impl ConditionFault {
    /// Returns its name, a stable code.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::TooDeep => "too_deep",
            Self::Malformed => "malformed",
            Self::UnknownName => "unknown_name",
            Self::Unsupported => "unsupported",
            Self::TooCostly => "too_costly",
            Self::NotBoolean => "not_boolean",
            Self::TypeMismatch => "type_mismatch",
            Self::Overflow => "overflow",
            Self::DivisionByZero => "division_by_zero",
            Self::NotConvertible => "not_convertible",
        }
    }
}

impl fmt::Display for ConditionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
