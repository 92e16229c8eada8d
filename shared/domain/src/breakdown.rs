//! What each rule gave for a purchase or an activity, and what it would have given.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::points::Points;

/// One line: a rule, or the member's tier (`tier:gold`).
///
/// In the ledger's text a line is a list, `["base",12,12]` or `["base",0,0,"why it failed"]`: an entry is paid for by
/// the kilobyte, and this is most of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakdownLine {
    /// The rule's id, or `tier:` and the level's.
    pub rule: String,
    /// What the rule came to, before its cap and before others of its group.
    pub wanted: Points,
    /// What the member got.
    pub given: Points,
    /// Why the rule could not be evaluated, if so. It gave nothing then.
    pub fault: Option<String>,
}

impl Serialize for BreakdownLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.fault {
            None => (&self.rule, self.wanted, self.given).serialize(serializer),
            Some(fault) => (&self.rule, self.wanted, self.given, fault).serialize(serializer),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Faulty(String, Points, Points, String),
    Plain(String, Points, Points),
}

impl<'de> Deserialize<'de> for BreakdownLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (rule, wanted, given, fault) = match Line::deserialize(deserializer)? {
            Line::Faulty(rule, wanted, given, fault) => (rule, wanted, given, Some(fault)),
            Line::Plain(rule, wanted, given) => (rule, wanted, given, None),
        };
        Ok(Self { rule, wanted, given, fault })
    }
}
