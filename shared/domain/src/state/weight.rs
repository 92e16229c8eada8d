//! What values weigh in an account, by the table's rules for the size of an item. A test of the table's own weighs an account
//! against them.

/// The bytes of a number: one for two digits, one more, and one for a sign.
pub(super) fn number_bytes(number: i64) -> usize {
    number.unsigned_abs().to_string().len().div_ceil(2).saturating_add(1).saturating_add(usize::from(number < 0))
}
