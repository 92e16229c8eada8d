//! Attributes of an activity or a purchase that the shop defines.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::json;

use crate::values::text::{LABEL_LENGTH_MAX, Label};

/// Maximum number of attributes of an activity or a purchase.
pub const ATTRIBUTES_MAX: usize = 20;

/// A value of an attribute of an activity or a purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged, expecting = "must be true, false, a whole number, or a string of 1 to 64 characters")]
pub enum Scalar {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A short text.
    Text(Label),
}

/// The schema of attributes in a request, for `#[schemars(with = "Option<Scalars>")]` next to [`scalars`].
#[derive(JsonSchema)]
#[schemars(inline, extend("maxProperties" = ATTRIBUTES_MAX, "propertyNames" = json!({ "minLength": 1, "maxLength": LABEL_LENGTH_MAX, "pattern": NAME_PATTERN })))]
#[expect(dead_code, reason = "a schema only")]
pub(crate) struct Scalars(BTreeMap<String, Option<Scalar>>);

/// The pattern of the names of attributes, without their length.
const NAME_PATTERN: &str = r"^\S([\s\S]*\S)?$";

/// Reads at most [`ATTRIBUTES_MAX`] attributes, whose names are at most as long as a label and have no white space around
/// them. An attribute that is `null` equals a missing one.
pub(crate) fn scalars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Scalar>, D::Error> {
    let given: BTreeMap<String, Option<Scalar>> = or_default(deserializer)?;
    let is_name = |name: &String| (1..=LABEL_LENGTH_MAX).contains(&name.chars().count()) && name.trim() == name;
    if given.len() > ATTRIBUTES_MAX || !given.keys().all(is_name) {
        let most = format!(
            "must have at most {ATTRIBUTES_MAX} fields, with names of 1 to {LABEL_LENGTH_MAX} characters and without white space around \
             them"
        );
        return Err(de::Error::custom(most));
    }
    Ok(given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

/// Reads a field that may be `null`, which equals a missing field:
/// `#[serde(default, deserialize_with = "or_default")]`.
///
/// # Errors
///
/// Any other value that `T` rejects.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
