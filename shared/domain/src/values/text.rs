//! Short texts in requests: labels, which are codes of the caller, and notes for people.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// Maximum length of a label, in characters.
pub const LABEL_LENGTH_MAX: usize = 64;

/// Maximum length of a note, in characters.
pub const NOTE_LENGTH_MAX: usize = 500;

/// A text of 1 to `LENGTH_MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text<const LENGTH_MAX: usize>(String);

/// A short text of the caller's own: a channel, a store, a category, a reason.
pub type Label = Text<LABEL_LENGTH_MAX>;

/// A note on an entry. It may contain personal data, so it is stored next to the entry and outside of its hash, where
/// an erasure can delete it.
pub type Note = Text<NOTE_LENGTH_MAX>;

impl<const LENGTH_MAX: usize> Text<LENGTH_MAX> {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is empty or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextMalformed<const LENGTH_MAX: usize>;

impl<const LENGTH_MAX: usize> fmt::Display for TextMalformed<LENGTH_MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must have 1 to {LENGTH_MAX} characters")
    }
}

impl<const LENGTH_MAX: usize> FromStr for Text<LENGTH_MAX> {
    type Err = TextMalformed<LENGTH_MAX>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=LENGTH_MAX).contains(&text.chars().count());
        if fits { Ok(Self(text.to_owned())) } else { Err(TextMalformed) }
    }
}

impl<const LENGTH_MAX: usize> JsonSchema for Text<LENGTH_MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Text{LENGTH_MAX}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": LENGTH_MAX })
    }
}

impl<'de, const LENGTH_MAX: usize> Deserialize<'de> for Text<LENGTH_MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
