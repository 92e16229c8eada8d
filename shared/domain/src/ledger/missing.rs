//! An amount that is missing for a level, as answers and entries show it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount that is missing: a number, or one number for each kind of amount if several kinds count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Missing")]
#[serde(untagged)]
pub enum MissingAmounts {
    /// The amount.
    One(i64),
    /// Any of these amounts is enough.
    Any(MissingAny),
    /// All of these amounts are needed.
    All(MissingAll),
}

/// Amounts of which any is enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AnyMissing")]
pub struct MissingAny {
    /// The missing amount of each kind.
    pub any: BTreeMap<String, i64>,
}

/// Amounts that are all needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AllMissing")]
pub struct MissingAll {
    /// The missing amount of each kind.
    pub all: BTreeMap<String, i64>,
}
