//! A note on an entry: free text for people. It may hold personal data, so it stands beside the entry, where no hash covers
//! it and an erasure can take it away.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

/// Longest note, in characters.
pub const NOTE_LENGTH_MAX: usize = 500;

/// A free text of 1 to 500 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Note(String);

impl Note {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text is no note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteMalformed;

impl fmt::Display for NoteMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must have 1 to {NOTE_LENGTH_MAX} characters")
    }
}

impl FromStr for Note {
    type Err = NoteMalformed;

    fn from_str(text: &str) -> Result<Self, NoteMalformed> {
        let fits = (1..=NOTE_LENGTH_MAX).contains(&text.chars().count());
        if fits { Ok(Self(text.to_owned())) } else { Err(NoteMalformed) }
    }
}

impl<'de> Deserialize<'de> for Note {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
