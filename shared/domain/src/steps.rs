//! Steps: what a rule remembers of what a member did toward it, from one accrual to the next.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a rule remembers of the steps that a member took toward it: visits on a punch card, reviews of a challenge.
///
/// Each strategy keeps of it what it needs. An account does not keep what is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Steps that count whenever they were taken; less than none where steps that had been paid for were taken back since.
    pub count: i64,
    /// The days of steps that count only together with others near them, earliest first, each as often as steps were taken.
    pub days: Vec<Date>,
    /// Whether the rule has paid, and pays once only.
    pub is_done: bool,
}

impl Steps {
    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// These and `other`, as if one member had taken all of them.
    pub(crate) fn plus(mut self, other: Self) -> Self {
        self.days.extend(other.days);
        self.days.sort_unstable();
        let count = self.count.saturating_add(other.count);
        Self { count, days: self.days, is_done: self.is_done || other.is_done }
    }

    /// So many steps, whenever they were taken.
    #[must_use]
    pub fn counted(count: i64) -> Self {
        Self { count, ..Self::default() }
    }
}

/// The steps that an accrual took toward a rule.
///
/// In the ledger's text it is the number of them, `1`, or with the days of all that they used up
/// `[1,["2026-11-01","2026-11-09"]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepsTaken {
    /// How many.
    pub steps: i64,
    /// The days of all steps that were used up, if these completed what they were for.
    pub used_up: Vec<Date>,
}

impl Serialize for StepsTaken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.used_up.is_empty() {
            self.steps.serialize(serializer)
        } else {
            (self.steps, &self.used_up).serialize(serializer)
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Taken {
    Alone(i64),
    Together(i64, Vec<Date>),
}

impl<'de> Deserialize<'de> for StepsTaken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (steps, used_up) = match Taken::deserialize(deserializer)? {
            Taken::Alone(steps) => (steps, Vec::new()),
            Taken::Together(steps, used_up) => (steps, used_up),
        };
        Ok(Self { steps, used_up })
    }
}

/// How far a member has come toward what a rule gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Steps that count; less than none where steps that had been paid for were taken back since.
    pub done: i64,
    /// Steps that are needed.
    pub of: i64,
    /// The last day on which the missing ones can be taken; `None` while none is done.
    pub by: Option<Date>,
}
