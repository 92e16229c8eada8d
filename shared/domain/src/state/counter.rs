//! Totals over many members: the stock of a reward, the use of a program-wide cap.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::{state::cap_use::CapOwner, values::id::RewardId};

/// Which total.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CounterId {
    /// Pieces of a reward that have gone.
    Stock(RewardId),
    /// Use of a program-wide cap in the interval that starts on `from`.
    Cap {
        /// Whose cap.
        owner: CapOwner,
        /// The first day of the interval.
        from: Date,
    },
}

/// What a posting takes from a counter, committed only while the counter stays within `most`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// Which counter.
    pub counter: CounterId,
    /// How much of it; less than zero gives back what was taken before.
    pub amount: i64,
    /// The most that may ever have been taken, from the program document.
    pub most: i64,
}

/// What has been taken from each counter that a decision looks at, as last read. A counter nobody took from stands at 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<CounterId, i64>);

impl Counters {
    /// What has been taken from `counter`.
    #[must_use]
    pub fn taken(&self, counter: &CounterId) -> i64 {
        self.0.get(counter).copied().unwrap_or_default()
    }

    /// These, after `takes` from them.
    #[must_use]
    pub(crate) fn after(&self, takes: &[Take]) -> Self {
        let mut counters = self.clone();
        for Take { counter, amount, .. } in takes {
            let gone = counters.0.entry(counter.clone()).or_default();
            *gone = gone.saturating_add(*amount);
        }
        counters
    }
}

impl Counters {
    /// Adds what was read of other counters.
    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }
}

impl FromIterator<(CounterId, i64)> for Counters {
    fn from_iter<I: IntoIterator<Item = (CounterId, i64)>>(counters: I) -> Self {
        Self(counters.into_iter().collect())
    }
}
