//! Codes that a reward gives away: a voucher's number, a key to a download.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::values::{
    id::{EntryId, MemberId, RewardId},
    money::{Amount, Money},
};

/// Longest code, in characters (all codes are ASCII): people type them.
pub const CODE_LENGTH_MAX: usize = 64;

/// Characters of a generated code, of five bits each: 100 bits are beyond guessing, however many codes are good.
pub const GENERATED_CHARACTERS: usize = 20;

/// Characters of a generated code between two dashes, for people who type or read aloud.
const GROUP: usize = 4;

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

    /// Returns the generated code of these characters, in groups between dashes: `7K3M-9QXT-04RW-HZ5E-C2VN`.
    ///
    /// Upper and lower case, spaces and dashes make no difference, and `O`, `I` and `L`, which no generated code has, are read
    /// as `0` and `1`. Returns `None` for a text that cannot be a generated code.
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

/// A text is no code.
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

/// Who has a code has what it is worth, so it is not for logs.
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
    /// It was used, all of it.
    Used,
    /// It was made void.
    Void,
}

/// The state of a code on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CodeState {
    /// The code was not given to a member yet.
    Free,
    /// A member has the code, and it can be used.
    Given,
    /// The code was used in full.
    Used,
    /// The last day of the code has passed.
    Expired,
    /// The code was voided for good.
    Void,
}

/// A code of a reward as the table keeps it, from its upload or its redemption on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCode {
    /// The reward whose code it is.
    pub reward: RewardId,
    /// The code.
    pub code: Code,
    /// The redemption that it was given for; `None` while no member has been given it.
    pub holder: Option<Holder>,
    /// The terms under which it was given.
    pub terms: CodeTerms,
    /// The part of its value that was used.
    pub used: Amount,
    /// How it ended, if it did.
    pub end: Option<CodeEnd>,
    /// How often it was used or made void. A change is committed only if this was one less before.
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

    /// Returns its value less what was used of it, if it has a value.
    #[must_use]
    pub fn balance(&self) -> Option<Money> {
        self.terms.value.map(|value| Money { amount: value.amount.less(self.used), ..value })
    }

    /// Returns it after a use: of `part` of its balance, or of all of it where it has none.
    pub(crate) fn after_use(&self, part: Option<Money>) -> Self {
        let used = self.used.plus(part.map(|money| money.amount).unwrap_or_default());
        let is_used_up = self.terms.value.is_none_or(|value| value.amount <= used);
        Self { used, end: is_used_up.then_some(CodeEnd::Used), ..self.changed() }
    }

    /// Returns it made void; `None` if it has ended already.
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
