//! Why a condition could not be evaluated.

use std::fmt;

/// Why a condition could not be evaluated.
///
/// Its name is what the ledger keeps under the hash of its chain. It never holds a value, neither of the member nor of the
/// purchase: what is in the chain cannot be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionFault {
    /// The expression is empty or too long.
    TooLong,
    /// Its brackets nest too deeply.
    TooDeep,
    /// It is no CEL.
    Malformed,
    /// It names a variable, a field or an attribute that the program does not have.
    UnknownName,
    /// It uses a function or a construct that conditions do not have.
    Unsupported,
    /// Its evaluation could take too much work.
    TooCostly,
    /// It comes to something other than true or false.
    NotBoolean,
    /// An operator or a function met a type that it does not take.
    TypeMismatch,
    /// A number is beyond 64 bits.
    Overflow,
    /// A number was divided by zero.
    DivisionByZero,
    /// A text cannot be read as a number or as true or false.
    NotConvertible,
}

impl ConditionFault {
    /// Its name: a stable code.
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
