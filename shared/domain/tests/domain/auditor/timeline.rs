//! The auditor's list of versions: which rules were in force when.

use jiff::Timestamp;

use super::Rules;

/// The versions of a program, oldest first, each with the instant from which it is in force. The first one has always
/// been.
#[derive(Clone, Debug)]
pub(crate) struct Timeline(Vec<(Timestamp, Rules)>);

impl Timeline {
    pub(crate) fn new(first: Rules) -> Self {
        Self(vec![(Timestamp::MIN, first)])
    }

    pub(crate) fn publish(&mut self, from: Timestamp, rules: Rules) {
        self.0.push((from, rules));
    }

    /// Returns the number of the version in force at an instant.
    pub(crate) fn version_at(&self, instant: Timestamp) -> usize {
        self.0.iter().take_while(|(from, _)| *from <= instant).count()
    }

    pub(crate) fn version(&self, version: usize) -> &Rules {
        &self.0[version - 1].1
    }

    pub(crate) fn at(&self, instant: Timestamp) -> &Rules {
        self.version(self.version_at(instant))
    }

    /// Returns when the version after this one comes into force, if there is one.
    pub(super) fn next(&self, version: usize) -> Option<(Timestamp, &Rules)> {
        self.0.get(version).map(|(from, rules)| (*from, rules))
    }
}

impl Rules {
    /// Returns whether these have the same effects of time: they differ only in the points of a purchase.
    pub(super) fn is_same_over_time(&self, other: &Self) -> bool {
        let lasting = |rules: &Self| {
            format!("{:?}", Self { points: 1, per: 1, app_percent: 101, percents: [100; 3], ..rules.clone() })
        };
        lasting(self) == lasting(other)
    }
}
