//! What a shop tells of an activity or a purchase under names of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::values::text::{LABEL_LENGTH_MAX, Label};

/// Most attributes of an activity or a purchase.
pub const ATTRIBUTES_MAX: usize = 20;

/// A value of an attribute of an activity or a purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be true, false, a whole number, or a string of 1 to 64 characters")]
pub enum Scalar {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A short text.
    Text(Label),
}

/// Reads attributes, of which there may be so many, with names as long as a label.
pub(crate) fn scalars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Scalar>, D::Error> {
    let given: BTreeMap<String, Option<Scalar>> = or_default(deserializer)?;
    let attributes: BTreeMap<_, _> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    if attributes.len() > ATTRIBUTES_MAX || attributes.keys().any(|name| name.len() > LABEL_LENGTH_MAX) {
        let most =
            format!("must have at most {ATTRIBUTES_MAX} fields, with names of at most {LABEL_LENGTH_MAX} characters");
        return Err(de::Error::custom(most));
    }
    Ok(attributes)
}

/// Reads a field that may be `null`, which is the same as leaving it out: `#[serde(default, deserialize_with = "or_default")]`.
///
/// # Errors
///
/// Every other value that `T` rejects.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
