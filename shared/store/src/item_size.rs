//! Computes the size of an item by the rules of DynamoDB's developer guide ("DynamoDB item sizes and formats").
#![expect(clippy::arithmetic_side_effects, reason = "no item of a test weighs more than a few kilobytes")]

use aws_sdk_dynamodb::types::AttributeValue;

use crate::item::Item;

/// Returns the size of `item` in bytes, including keys and attribute names.
pub(crate) fn item_size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + size(value)).sum()
}

fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        // One byte per two significant digits, plus one, plus one for a sign. Trailing zeros are free.
        AttributeValue::N(number) => {
            let digits = number.trim_end_matches('0').chars().filter(char::is_ascii_digit).count();
            digits.div_ceil(2) + 1 + usize::from(number.starts_with('-'))
        }
        // Three bytes, plus one per element.
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + size(value)).sum::<usize>(),
        AttributeValue::M(pairs) => 3 + pairs.len() + item_size(pairs),
        AttributeValue::Bs(_) | AttributeValue::Ns(_) | AttributeValue::Ss(_) | _ => {
            panic!("no item has a set: {value:?}")
        }
    }
}
