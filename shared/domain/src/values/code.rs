//! Codes that a reward gives: a voucher's number, a download key.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::values::{
    id::{EntryId, MemberId, RewardId},
    money::{Amount, Money},
};

/// Maximum length of a code, in characters (all codes are ASCII): people type them.
pub const CODE_LENGTH_MAX: usize = 64;

/// Number of characters of a generated code. With five bits each, a code has 100 bits and cannot be guessed, however
/// many codes are valid.
pub const GENERATED_CHARACTERS: usize = 20;

/// Number of characters between two dashes of a generated code, so that people can type it or read it aloud.
const GROUP: usize = 4;

/// A code: 1 to 64 printable ASCII characters, without a space at either end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Code(String);

impl Code {
    /// Returns the code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the generated code with these characters, in groups between dashes: `7K3M-9QXT-04RW-HZ5E-C2VN`.
    ///
    /// Case, spaces and dashes are ignored. `O` is read as `0`, and `I` and `L` as `1`, because generated codes have
    /// none of these letters. Returns `None` for a text that cannot be a generated code.
    #[must_use]
    pub fn generated(text: &str) -> Option<Self> {
        let characters: Vec<char> = text
            .chars()
            .filter(|character| !matches!(character, ' ' | '-'))
            .map(|character| match character.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            })
            .collect();
        let is_generated =
            characters.len() == GENERATED_CHARACTERS && characters.iter().all(char::is_ascii_alphanumeric);
        if !is_generated {
            return None;
        }
        let groups: Vec<String> = characters.chunks(GROUP).map(|group| group.iter().collect()).collect();
        Some(Self(groups.join("-")))
    }
}

/// The text is not a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeMalformed;

impl fmt::Display for CodeMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be 1 to {CODE_LENGTH_MAX} printable ASCII characters, without a space at either end")
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

/// Prints no code: anyone who has a code can use it, so logs must not contain it.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "Code".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // The first and the last character have classes of their own.
        let between = CODE_LENGTH_MAX.saturating_sub(2);
        json_schema!({ "type": "string", "pattern": format!("^[!-~]([ -~]{{0,{between}}}[!-~])?$") })
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
    /// The reward has no codes.
    #[default]
    None,
    /// Each code is generated for its redemption.
    Generated,
    /// Codes are uploaded, and each is given once.
    Pool,
}

/// A code that a posting gives to a member, committed only if it was not given before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenCode {
    /// The reward whose code it is.
    pub reward: RewardId,
    /// The code.
    pub code: Code,
    /// The member who gets it.
    pub member: MemberId,
    /// The redemption that it is given for.
    pub redemption: EntryId,
    /// Whether it was uploaded, so that it must still be free; otherwise it was generated for this redemption.
    pub is_pooled: bool,
    /// The terms under which it is given.
    pub terms: CodeTerms,
}

/// The terms under which a code is given: those of its reward on that day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeTerms {
    /// The last day on which it can be used; `None` if it does not expire.
    pub expires_on: Option<Date>,
    /// The money that it is worth, if it has a balance and can be used in parts.
    pub value: Option<Money>,
}

/// The redemption that a code was given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The member who was given the code.
    pub member: MemberId,
    /// The redemption.
    pub redemption: EntryId,
}

/// How a code ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeEnd {
    /// It was used up.
    Used,
    /// It was voided.
    Void,
}

/// The state of a code on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CodeState {
    /// The code was not yet given to a member.
    Free,
    /// A member has the code, and it can be used.
    Given,
    /// The code was used in full.
    Used,
    /// The last day of the code has passed.
    Expired,
    /// The code can never be used: it was voided.
    Void,
}

/// A code of a reward as the table stores it, from its upload or its redemption on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCode {
    /// The reward whose code it is.
    pub reward: RewardId,
    /// The code.
    pub code: Code,
    /// The redemption that it was given for; `None` if it was not given yet.
    pub holder: Option<Holder>,
    /// The terms under which it was given.
    pub terms: CodeTerms,
    /// The part of its value that was used.
    pub used: Amount,
    /// How it ended, if it did.
    pub end: Option<CodeEnd>,
    /// The number of times it was used or voided. A change is committed only if the stored number is one less.
    pub changes: u64,
}

impl KeptCode {
    /// Returns its state on `today`, a day of the program's time zone.
    #[must_use]
    pub fn state(&self, today: Date) -> CodeState {
        match (self.end, &self.holder, self.terms.expires_on) {
            (Some(CodeEnd::Void), _, _) => CodeState::Void,
            (Some(CodeEnd::Used), _, _) => CodeState::Used,
            (None, None, _) => CodeState::Free,
            (None, Some(_), Some(last)) if last < today => CodeState::Expired,
            (None, Some(_), _) => CodeState::Given,
        }
    }

    /// Returns its remaining balance, if it has a value.
    #[must_use]
    pub fn balance(&self) -> Option<Money> {
        self.terms.value.map(|value| Money { amount: value.amount.less(self.used), ..value })
    }

    /// Returns the code after a use of `part` of its balance, or of the whole code without a balance.
    pub(crate) fn after_use(&self, part: Option<Money>) -> Self {
        let used = self.used.plus(part.map(|money| money.amount).unwrap_or_default());
        let is_used_up = self.terms.value.is_none_or(|value| value.amount <= used);
        Self { used, end: is_used_up.then_some(CodeEnd::Used), ..self.changed() }
    }

    /// Returns the code voided; `None` if it has already ended.
    #[must_use]
    pub fn after_void(&self) -> Option<Self> {
        self.end.is_none().then(|| Self { end: Some(CodeEnd::Void), ..self.changed() })
    }

    fn changed(&self) -> Self {
        Self { changes: self.changes.saturating_add(1), ..self.clone() }
    }
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
    fn a_generated_code_is_found_in_any_case_and_with_any_dashes() {
        let code = Some("7K3M-9QXT-04RW-HZ5E-C2VN".parse().unwrap());
        for typed in [
            "7K3M-9QXT-04RW-HZ5E-C2VN",
            "7k3m9qxt04rwhz5ec2vn",
            "7k3m 9qxt 04rw hz5e c2vn",
            " 7K3M-9QXT 04RWHZ5E--C2VN ",
            "7k3m-9qxt-o4rw-hz5e-c2vn",
        ] {
            assert_eq!(Code::generated(typed), code, "{typed}");
        }
        assert_eq!(Code::generated("11110000111100001111"), Code::generated("iIlLoO00iIlLoO00iIlL"));
        for other in
            ["", "7K3M", "7K3M-9QXT-04RW-HZ5E-C2V", "7K3M-9QXT-04RW-HZ5E-C2VNN", "7K3M_9QXT_04RW_HZ5E_C2VN", "é"]
        {
            assert_eq!(Code::generated(other), None, "{other}");
        }
    }

    #[test]
    fn a_code_is_not_shown_where_things_are_logged() {
        assert_eq!(format!("{:?}", "secret".parse::<Code>().unwrap()), "Code(..)");
    }
}
