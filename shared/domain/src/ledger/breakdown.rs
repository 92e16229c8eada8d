//! The breakdown: what each rule gave for a purchase or an activity, and what it wanted to give.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ledger::condition_fault::ConditionFault, state::steps::Progress, values::points::Points};

/// One line: a rule, the member's tier (`tier:gold`), or the member's plan (`plan:plus`).
///
/// In the ledger's text a line is a list, `["visit",5,5]`; `["base",12,12,1250]` with the amount that the rule counted;
/// `["base",0,0,"overflow"]`; or, for progress toward a rule, `["three-visits",0,0,[2,3,"2026-12-20"]]`. The form is
/// short because storage is paid by the kilobyte, and the breakdown is most of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakdownLine {
    /// The rule's id, or `tier:` and the level's id, or `plan:` and the plan's id.
    pub rule: String,
    /// The points before the cap and before the choice within the group.
    pub wanted: Points,
    /// The points that the member got.
    pub given: Points,
    /// The name of the [`ConditionFault`], if the rule's condition could not be evaluated. The rule then gave nothing.
    /// Entries of releases before these names have a sentence.
    pub fault: Option<String>,
    /// The minor units or pieces that the rule counted, if it counts any.
    pub basis: Option<i64>,
    /// The member's progress, if the rule needs several steps within a time. No rule has two of fault, basis and
    /// progress.
    pub progress: Option<Progress>,
}

impl BreakdownLine {
    /// Returns a line for a `rule` that wanted `wanted` points and gave `given` of them.
    pub(crate) fn new(rule: impl Into<String>, wanted: Points, given: Points) -> Self {
        Self { rule: rule.into(), wanted, given, fault: None, basis: None, progress: None }
    }

    /// Returns a line for a `rule` whose condition could not be evaluated.
    pub(crate) fn faulty(rule: impl Into<String>, fault: ConditionFault) -> Self {
        Self { fault: Some(fault.name().to_owned()), ..Self::new(rule, Points::ZERO, Points::ZERO) }
    }
}

impl Serialize for BreakdownLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { rule, wanted, given, fault, basis, progress } = self;
        match (fault, progress) {
            (Some(fault), _) => (rule, wanted, given, fault).serialize(serializer),
            (None, Some(Progress { done, of, by })) => (rule, wanted, given, (done, of, by)).serialize(serializer),
            (None, None) => match basis {
                Some(basis) => (rule, wanted, given, basis).serialize(serializer),
                None => (rule, wanted, given).serialize(serializer),
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Faulty(String, Points, Points, String),
    Counting(String, Points, Points, i64),
    Progressing(String, Points, Points, (i64, i64, Option<Date>)),
    Plain(String, Points, Points),
}

impl<'de> Deserialize<'de> for BreakdownLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Line::deserialize(deserializer)? {
            Line::Faulty(rule, wanted, given, fault) => Self { fault: Some(fault), ..Self::new(rule, wanted, given) },
            Line::Progressing(rule, wanted, given, (done, of, by)) => {
                Self { progress: Some(Progress { done, of, by }), ..Self::new(rule, wanted, given) }
            }
            Line::Counting(rule, wanted, given, basis) => Self { basis: Some(basis), ..Self::new(rule, wanted, given) },
            Line::Plain(rule, wanted, given) => Self::new(rule, wanted, given),
        })
    }
}

/// The breakdown line of the referred member's bonus.
pub(crate) const REFERRAL_LINE: &str = "referral";

/// The prefixes of breakdown lines that a tier or a plan gives on top.
pub(crate) const LINE_PREFIXES: [&str; 2] = ["tier:", "plan:"];
