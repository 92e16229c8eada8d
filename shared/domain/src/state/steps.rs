//! Steps: the progress of a member toward a rule, from one accrual to the next.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::state::weight::number_bytes;

/// The progress of a member toward a rule: visits on a punch card, reviews of a challenge.
///
/// Each strategy uses the fields that it needs. An account does not store empty steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Steps that count regardless of their day. Negative if steps that a rule has paid for were undone.
    pub count: i64,
    /// The days of steps that count only within a window, earliest first, once for each step.
    pub days: Vec<Date>,
    /// Whether the rule has paid and does not repeat.
    pub is_done: bool,
}

impl Steps {
    /// The bytes that they take in an account, as DynamoDB counts them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        // A map with the names of its three fields, and for each day its text and one byte for the element.
        const MAP_BYTES: usize = 14;
        const DAY_BYTES: usize = 9;
        let days = self.days.len().saturating_mul(DAY_BYTES);
        number_bytes(self.count).saturating_add(MAP_BYTES).saturating_add(days)
    }

    /// Returns whether there is no progress.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the sum of both, as if one member had taken all steps.
    pub(crate) fn plus(mut self, other: Self) -> Self {
        self.days.extend(other.days);
        self.days.sort_unstable();
        let count = self.count.saturating_add(other.count);
        Self { count, days: self.days, is_done: self.is_done || other.is_done }
    }

    /// Returns `count` steps that count regardless of their day.
    #[must_use]
    pub fn counted(count: i64) -> Self {
        Self { count, ..Self::default() }
    }
}

/// The change of a rule's steps by an entry.
///
/// In the ledger's text it is the number of steps, `1`, if they only count; otherwise the list `[taken, count, [days
/// added], [days removed], done]`, without trailing empty elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepsChange {
    /// Steps that were taken, or undone if negative.
    pub taken: i64,
    /// The change of the count.
    pub count: i64,
    /// Days that are added.
    pub added: Vec<Date>,
    /// Days that are removed: first those that made up for undone steps, then those that completed what the rule pays
    /// for.
    pub removed: Vec<Date>,
    /// Whether the rule has paid permanently, if that changes.
    pub done: Option<bool>,
}

impl StepsChange {
    /// Steps that only count.
    #[must_use]
    pub fn counted(taken: i64, count: i64) -> Self {
        Self { taken, count, ..Self::default() }
    }

    /// Returns the change from `before` to `after`.
    #[must_use]
    pub(crate) fn between(before: &Steps, after: &Steps, taken: i64) -> Self {
        Self {
            taken,
            count: after.count.saturating_sub(before.count),
            added: without(&after.days, &before.days),
            removed: without(&before.days, &after.days),
            done: (before.is_done != after.is_done).then_some(after.is_done),
        }
    }
}

/// Returns the elements of `days` that `others` lacks.
fn without(days: &[Date], others: &[Date]) -> Vec<Date> {
    let mut others = others.to_vec();
    let mut rest = Vec::new();
    for day in days {
        match others.iter().position(|other| other == day) {
            Some(place) => {
                others.remove(place);
            }
            None => rest.push(*day),
        }
    }
    rest
}

impl Steps {
    /// Applies `change`.
    pub(crate) fn apply(&mut self, change: &StepsChange) {
        self.count = self.count.saturating_add(change.count);
        self.days.extend(&change.added);
        self.days = without(&self.days, &change.removed);
        self.days.sort_unstable();
        self.is_done = change.done.unwrap_or(self.is_done);
    }
}

impl Serialize for StepsChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { taken, count, added, removed, done } = self;
        match (added.is_empty() && removed.is_empty(), done) {
            (true, None) if taken == count => taken.serialize(serializer),
            (true, None) => (taken, count).serialize(serializer),
            (false, None) => (taken, count, added, removed).serialize(serializer),
            (_, Some(done)) => (taken, count, added, removed, done).serialize(serializer),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Counted(i64),
    Ended(i64, i64, Vec<Date>, Vec<Date>, bool),
    Dated(i64, i64, Vec<Date>, Vec<Date>),
    Differing(i64, i64),
}

impl<'de> Deserialize<'de> for StepsChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (taken, count, added, removed, done) = match Written::deserialize(deserializer)? {
            Written::Counted(taken) => (taken, taken, Vec::new(), Vec::new(), None),
            Written::Differing(taken, count) => (taken, count, Vec::new(), Vec::new(), None),
            Written::Dated(taken, count, added, removed) => (taken, count, added, removed, None),
            Written::Ended(taken, count, added, removed, done) => (taken, count, added, removed, Some(done)),
        };
        Ok(Self { taken, count, added, removed, done })
    }
}

/// The progress of a member toward a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Steps that count. Negative if steps that a rule has paid for were undone.
    pub done: i64,
    /// Steps that are needed.
    pub of: i64,
    /// The last day on which the missing steps can be taken; `None` without progress.
    pub by: Option<Date>,
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_change_leads_from_before_to_after_and_reads_back() {
        let day = |day| date(2026, 11, day);
        let steps =
            |count, days: &[i8], is_done| Steps { count, days: days.iter().map(|d| day(*d)).collect(), is_done };
        for (before, after, text) in [
            (steps(3, &[], false), steps(4, &[], false), "1"),
            (steps(9, &[], false), steps(0, &[], false), "[1,-9]"),
            (steps(0, &[1], false), steps(0, &[1, 1], false), r#"[1,0,["2026-11-01"],[]]"#),
            (
                steps(-1, &[1, 2, 2], false),
                steps(0, &[2, 5], true),
                r#"[1,1,["2026-11-05"],["2026-11-01","2026-11-02"],true]"#,
            ),
        ] {
            let change = StepsChange::between(&before, &after, 1);
            assert_eq!(serde_json::to_string(&change).unwrap(), text);
            assert_eq!(serde_json::from_str::<StepsChange>(text).unwrap(), change);
            let mut applied = before;
            applied.apply(&change);
            assert_eq!(applied, after);
        }
    }
}
