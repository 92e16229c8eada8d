//! The sizes of values in an account, by DynamoDB's rules for the size of an item. A test of the store compares them
//! with real accounts.

/// The bytes of a number: one per two digits, plus one, plus one for a sign.
pub(super) fn number_bytes(number: i64) -> usize {
    number.unsigned_abs().to_string().len().div_ceil(2).saturating_add(1).saturating_add(usize::from(number < 0))
}
