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

/// What was read of one counter.
///
/// A counter is kept in parts, so that many can take from it at once. One part is enough for most decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// One part of it.
    Part {
        /// How much can be taken there.
        room: i64,
        /// The limit that the parts hold the whole counter to. Under a lower one, `room` says nothing.
        most: i64,
    },
    /// All of it: this much has been taken. A counter nobody took from stands at 0.
    Whole(i64),
}

/// A decision needs to know more of a counter than was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CounterNeeded {
    /// Nothing of it was read. A part may do.
    Part(CounterId),
    /// The part that was read has no room for what is taken, or the decision tells how much is left.
    Whole(CounterId),
}

impl CounterNeeded {
    /// Which counter.
    #[must_use]
    pub fn counter(&self) -> &CounterId {
        match self {
            Self::Part(counter) | Self::Whole(counter) => counter,
        }
    }
}

/// What was read of the counters that a decision looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<CounterId, Reading>);

impl Counters {
    /// What has been taken from `counter`.
    ///
    /// # Errors
    ///
    /// Not all of it was read.
    pub fn taken(&self, counter: &CounterId) -> Result<i64, CounterNeeded> {
        match self.reading(counter)? {
            Reading::Whole(taken) => Ok(taken),
            Reading::Part { .. } => Err(CounterNeeded::Whole(counter.clone())),
        }
    }

    /// How much can be taken from `counter` of which there are `most`: exactly, if it is less than `wanted`; otherwise
    /// `wanted` or more.
    ///
    /// # Errors
    ///
    /// What was read does not tell.
    pub fn left(&self, counter: &CounterId, most: i64, wanted: i64) -> Result<i64, CounterNeeded> {
        match self.reading(counter)? {
            Reading::Whole(taken) => Ok(most.saturating_sub(taken).max(0)),
            Reading::Part { room, most: held_to } if held_to <= most && room >= wanted => Ok(room),
            Reading::Part { .. } => Err(CounterNeeded::Whole(counter.clone())),
        }
    }

    fn reading(&self, counter: &CounterId) -> Result<Reading, CounterNeeded> {
        self.0.get(counter).copied().ok_or_else(|| CounterNeeded::Part(counter.clone()))
    }

    /// These, after `takes` from them.
    #[must_use]
    pub(crate) fn after(&self, takes_so_far: &[Take]) -> Self {
        let mut counters = self.clone();
        for Take { counter, amount, .. } in takes_so_far {
            match counters.0.get_mut(counter) {
                Some(Reading::Whole(taken)) => *taken = taken.saturating_add(*amount),
                Some(Reading::Part { room, .. }) => *room = room.saturating_sub(*amount),
                None => {}
            }
        }
        counters
    }

    /// Adds what was read of other counters, or more of the same.
    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }
}

impl FromIterator<(CounterId, Reading)> for Counters {
    fn from_iter<I: IntoIterator<Item = (CounterId, Reading)>>(readings: I) -> Self {
        Self(readings.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock() -> CounterId {
        CounterId::Stock("mug".parse().unwrap())
    }

    fn read(reading: Reading) -> Counters {
        [(stock(), reading)].into_iter().collect()
    }

    #[test]
    fn a_counter_that_was_not_read_is_needed_and_never_stands_at_nothing() {
        let unread = Counters::default();
        assert_eq!(unread.taken(&stock()), Err(CounterNeeded::Part(stock())));
        assert_eq!(unread.left(&stock(), 9, 1), Err(CounterNeeded::Part(stock())));
        let taken = [Take { counter: stock(), amount: 1, most: 9 }];
        assert_eq!(unread.after(&taken).taken(&stock()), Err(CounterNeeded::Part(stock())));
    }

    #[test]
    fn a_part_tells_only_that_there_is_room_for_so_much() {
        let part = read(Reading::Part { room: 3, most: 40 });
        let whole = Err(CounterNeeded::Whole(stock()));
        for (most, wanted, expected) in
            [(40, 1, Ok(3)), (40, 3, Ok(3)), (40, 4, whole.clone()), (41, 3, Ok(3)), (39, 1, whole.clone())]
        {
            assert_eq!(part.left(&stock(), most, wanted), expected, "{wanted} of {most}");
        }
        assert_eq!(part.taken(&stock()), whole);
        let take = |amount| [Take { counter: stock(), amount, most: 40 }];
        assert_eq!(part.after(&take(2)).left(&stock(), 40, 2), whole);
        assert_eq!(part.after(&take(-1)).left(&stock(), 40, 4), Ok(4));
    }

    #[test]
    fn the_whole_tells_exactly_how_much_is_left() {
        for (taken, most, left) in [(0, 9, 9), (9, 9, 0), (12, 9, 0), (2, 9, 7)] {
            assert_eq!(read(Reading::Whole(taken)).left(&stock(), most, 100), Ok(left));
        }
        let after = read(Reading::Whole(2)).after(&[Take { counter: stock(), amount: 3, most: 9 }]);
        assert_eq!(after.taken(&stock()), Ok(5));
    }
}
