//! Codes that a reward gives away: a voucher's number, a key to a download.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::values::id::{EntryId, MemberId, RewardId};

/// Longest code, in characters (all codes are ASCII): people type them.
pub const CODE_LENGTH_MAX: usize = 64;

/// A code: 1 to 64 printable characters of ASCII, neither beginning nor ending with a space.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Code(String);

impl Code {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeMalformed;

impl fmt::Display for CodeMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a code must be 1 to {CODE_LENGTH_MAX} printable characters of ASCII, with no space at either end")
    }
}

impl std::error::Error for CodeMalformed {}

impl FromStr for Code {
    type Err = CodeMalformed;

    fn from_str(text: &str) -> Result<Self, CodeMalformed> {
        let is_code = (1..=CODE_LENGTH_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
            && text.trim() == text;
        if is_code { Ok(Self(text.to_owned())) } else { Err(CodeMalformed) }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who has a code has what it is worth, so it is not for logs.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Where the codes of a reward come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeSource {
    /// It has none.
    #[default]
    None,
    /// Each is made for its redemption.
    Generated,
    /// They were uploaded, and each is given once.
    Pool,
}

/// A code that a posting gives away, committed only if nobody was given it before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenCode {
    /// The reward whose code it is.
    pub reward: RewardId,
    /// The code.
    pub code: Code,
    /// To whom it is given.
    pub member: MemberId,
    /// The redemption that it is given for.
    pub redemption: EntryId,
    /// Whether it was uploaded, and must still be free, or made for this redemption.
    pub is_pooled: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_one_to_sixty_four_printable_characters() {
        for good in ["1", "7K3M-9QXT", "50% off / summer #1", "~", &"x".repeat(64)] {
            assert_eq!(good.parse::<Code>().unwrap().as_str(), good);
        }
        for bad in ["", " ", " A", "A ", "A\n", "A\tB", "é", "\u{7f}", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Code>(), Err(CodeMalformed), "{bad:?}");
        }
    }

    #[test]
    fn a_code_is_not_shown_where_things_are_logged() {
        assert_eq!(format!("{:?}", "secret".parse::<Code>().unwrap()), "Code(..)");
    }
}
