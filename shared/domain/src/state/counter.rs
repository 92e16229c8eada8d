//! Totals over many members: the stock of a reward, the use of a cap per program.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

use crate::{
    state::cap_use::CapOwner,
    values::id::{EntryId, MemberId, RewardId},
};

/// Identifies a total.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CounterId {
    /// Pieces of a reward that were taken.
    Stock(RewardId),
    /// Use of a cap per program in the interval that starts on `from`.
    Cap {
        /// The owner of the cap.
        owner: CapOwner,
        /// The first day of the interval.
        from: Date,
    },
}

/// A change of a counter by a posting. A change that takes is committed only while the counter stays within `most`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// The counter.
    pub counter: CounterId,
    /// The change.
    pub change: CounterChange,
    /// The limit, from the program document of the version that decides the change: for the end of a hold, the version
    /// under which it was made.
    pub most: i64,
}

/// The kinds of change of a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CounterChange {
    /// Takes this amount permanently; a negative amount returns what was taken before.
    Taken(i64),
    /// A hold reserves an amount. The amount is free from the instant at which the hold ends.
    Held(Reserved),
    /// A hold ends: `kept` of its amount is taken permanently, and the rest is free.
    ///
    /// A change that keeps something requires that the amount is still reserved. A change that keeps nothing has no
    /// effect if the amount was freed before because the hold had ended.
    Ended {
        /// What the hold reserved.
        reserved: Reserved,
        /// The amount that is taken permanently: more than 0 at a capture, 0 at a cancellation or after the hold's end.
        kept: i64,
    },
}

/// The amount of a counter that a hold reserves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reserved {
    /// The member who holds.
    pub member: MemberId,
    /// The redemption that holds.
    pub redemption: EntryId,
    /// The instant at which the hold ends by itself.
    pub ends_at: Timestamp,
    /// The reserved amount, at least 1.
    pub amount: i64,
}

impl CounterChange {
    /// Returns whether it takes or reserves an amount, so that the limit applies.
    #[must_use]
    pub fn takes(&self) -> bool {
        match self {
            Self::Taken(amount) => *amount > 0,
            Self::Held(_) => true,
            Self::Ended { .. } => false,
        }
    }
}

impl Take {
    /// Takes `amount` of `counter` permanently; a negative amount returns it.
    #[must_use]
    pub fn new(counter: CounterId, amount: i64, most: i64) -> Self {
        Self { counter, change: CounterChange::Taken(amount), most }
    }

    /// Returns the same amount, reserved until `ends_at` by the hold of `redemption` instead of taken permanently.
    pub(crate) fn reserved_by(self, member: &MemberId, redemption: &EntryId, ends_at: Timestamp) -> Self {
        let change = match self.change {
            CounterChange::Taken(amount) => CounterChange::Held(Reserved {
                member: member.clone(),
                redemption: redemption.clone(),
                ends_at,
                amount,
            }),
            held @ (CounterChange::Held(_) | CounterChange::Ended { .. }) => held,
        };
        Self { change, ..self }
    }

    /// Returns the end of the reservation, of which `kept` is taken permanently.
    pub(crate) fn ended(self, kept: i64) -> Self {
        let change = match self.change {
            CounterChange::Held(reserved) => CounterChange::Ended { reserved, kept },
            other @ (CounterChange::Taken(_) | CounterChange::Ended { .. }) => other,
        };
        Self { change, ..self }
    }
}

/// Amounts that holds reserve, by the instant at which the hold ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldAmounts(BTreeMap<Timestamp, i64>);

impl HeldAmounts {
    /// Returns the sum of the amounts whose holds have ended at `now`.
    fn ended(&self, now: Timestamp) -> i64 {
        self.0.range(..=now).fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// Returns the amounts whose holds are still running at `now`.
    fn running(&self, now: Timestamp) -> Self {
        Self(
            self.0.iter().filter(|(ends_at, _)| **ends_at > now).map(|(ends_at, amount)| (*ends_at, *amount)).collect(),
        )
    }
}

impl FromIterator<(Timestamp, i64)> for HeldAmounts {
    fn from_iter<I: IntoIterator<Item = (Timestamp, i64)>>(amounts: I) -> Self {
        let mut held = BTreeMap::<_, i64>::new();
        for (ends_at, amount) in amounts {
            let sum = held.entry(ends_at).or_default();
            *sum = sum.saturating_add(amount);
        }
        Self(held)
    }
}

/// The result of reading one counter.
///
/// A counter is stored in parts, so that many requests can take from it concurrently. One part is enough for most
/// decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// One part.
    Part {
        /// The amount that can be taken there while every hold still reserves its amount.
        room: i64,
        /// The limit that the parts enforce for the whole counter. Under a lower limit, `room` is not valid.
        most: i64,
        /// The amounts that holds reserve there.
        held: HeldAmounts,
    },
    /// The whole counter. A counter from which nothing was taken is at 0.
    Whole {
        /// The amount taken, including what holds reserve.
        taken: i64,
        /// The amounts that holds reserve.
        held: HeldAmounts,
    },
}

impl Reading {
    /// Returns the reading as of `now`, at which ended holds reserve nothing.
    fn at(&self, now: Timestamp) -> Self {
        match self {
            Self::Part { room, most, held } => {
                Self::Part { room: room.saturating_add(held.ended(now)), most: *most, held: held.running(now) }
            }
            Self::Whole { taken, held } => {
                Self::Whole { taken: taken.saturating_sub(held.ended(now)), held: held.running(now) }
            }
        }
    }
}

/// A decision needs to know more about a counter than was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CounterNeeded {
    /// Nothing of it was read. A part may be enough.
    Part(CounterId),
    /// The part that was read has no room for the take, or the decision reports how much is left.
    Whole(CounterId),
}

impl CounterNeeded {
    /// The counter.
    #[must_use]
    pub fn counter(&self) -> &CounterId {
        match self {
            Self::Part(counter) | Self::Whole(counter) => counter,
        }
    }
}

/// What was read of the counters that a decision needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<CounterId, Reading>);

impl Counters {
    /// Returns the amount taken from `counter`. Every hold reserves its amount, unless [`Counters::at`] was called
    /// first.
    ///
    /// # Errors
    ///
    /// The counter was not read completely.
    pub fn taken(&self, counter: &CounterId) -> Result<i64, CounterNeeded> {
        match self.reading(counter)? {
            Reading::Whole { taken, .. } => Ok(*taken),
            Reading::Part { .. } => Err(CounterNeeded::Whole(counter.clone())),
        }
    }

    /// Returns how much can be taken from `counter` with the limit `most`: exactly, if it is less than `wanted`;
    /// otherwise `wanted` or more.
    ///
    /// # Errors
    ///
    /// The reading is not sufficient.
    pub fn left(&self, counter: &CounterId, most: i64, wanted: i64) -> Result<i64, CounterNeeded> {
        match self.reading(counter)? {
            Reading::Whole { taken, .. } => Ok(most.saturating_sub(*taken).max(0)),
            Reading::Part { room, most: dealt, .. } if *dealt <= most && *room >= wanted => Ok(*room),
            Reading::Part { .. } => Err(CounterNeeded::Whole(counter.clone())),
        }
    }

    fn reading(&self, counter: &CounterId) -> Result<&Reading, CounterNeeded> {
        self.0.get(counter).ok_or_else(|| CounterNeeded::Part(counter.clone()))
    }

    /// Returns the counters as of `now`, at which ended holds reserve nothing.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Self {
        Self(self.0.iter().map(|(counter, reading)| (counter.clone(), reading.at(now))).collect())
    }

    /// Returns the counters as of `now`, after `takes`.
    #[must_use]
    pub(crate) fn after(&self, takes: &[Take], now: Timestamp) -> Self {
        let mut counters = self.at(now);
        for Take { counter, change, .. } in takes {
            let amount = match change {
                CounterChange::Taken(amount) => *amount,
                CounterChange::Held(reserved) => reserved.amount,
                // The amount already counts as free.
                CounterChange::Ended { reserved, .. } if reserved.ends_at <= now => 0,
                CounterChange::Ended { reserved, kept } => kept.saturating_sub(reserved.amount),
            };
            match counters.0.get_mut(counter) {
                Some(Reading::Whole { taken, .. }) => *taken = taken.saturating_add(amount),
                Some(Reading::Part { room, .. }) => *room = room.saturating_sub(amount),
                None => {}
            }
        }
        counters
    }

    /// Adds readings of other counters, or more complete ones of the same.
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

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn held(amounts: &[(i64, i64)]) -> HeldAmounts {
        amounts.iter().map(|(ends_at, amount)| (second(*ends_at), *amount)).collect()
    }

    fn part(room: i64, most: i64) -> Counters {
        read(Reading::Part { room, most, held: HeldAmounts::default() })
    }

    fn whole(taken: i64) -> Counters {
        read(Reading::Whole { taken, held: HeldAmounts::default() })
    }

    fn taken(amount: i64) -> CounterChange {
        CounterChange::Taken(amount)
    }

    fn reserved(ends_at: i64, amount: i64) -> Reserved {
        let (member, redemption) = ("m-1".parse().unwrap(), "r-1".parse().unwrap());
        Reserved { member, redemption, ends_at: second(ends_at), amount }
    }

    fn after(counters: &Counters, change: CounterChange) -> Counters {
        counters.after(&[Take { counter: stock(), change, most: 40 }], second(60))
    }

    #[test]
    fn a_counter_that_was_not_read_is_requested_and_never_assumed_to_be_zero() {
        let unread = Counters::default();
        assert_eq!(unread.taken(&stock()), Err(CounterNeeded::Part(stock())));
        assert_eq!(unread.left(&stock(), 9, 1), Err(CounterNeeded::Part(stock())));
        assert_eq!(after(&unread, taken(1)).taken(&stock()), Err(CounterNeeded::Part(stock())));
    }

    #[test]
    fn one_shard_shows_only_its_own_room() {
        let three = part(3, 40);
        let whole = Err(CounterNeeded::Whole(stock()));
        for (most, wanted, expected) in
            [(40, 1, Ok(3)), (40, 3, Ok(3)), (40, 4, whole.clone()), (41, 3, Ok(3)), (39, 1, whole.clone())]
        {
            assert_eq!(three.left(&stock(), most, wanted), expected, "{wanted} of {most}");
        }
        assert_eq!(three.taken(&stock()), whole);
        assert_eq!(after(&three, taken(2)).left(&stock(), 40, 2), whole);
        assert_eq!(after(&three, taken(-1)).left(&stock(), 40, 4), Ok(4));
    }

    #[test]
    fn all_shards_show_exactly_how_much_is_left() {
        for (taken, most, left) in [(0, 9, 9), (9, 9, 0), (12, 9, 0), (2, 9, 7)] {
            assert_eq!(whole(taken).left(&stock(), most, 100), Ok(left));
        }
        assert_eq!(after(&whole(2), taken(3)).taken(&stock()), Ok(5));
    }

    #[test]
    fn an_amount_is_free_from_the_moment_at_which_its_hold_ends() {
        // Two pieces were taken permanently, and holds reserve 1, 2 and 4.
        let held = held(&[(59, 1), (60, 2), (61, 4)]);
        for (now, taken) in [(0, 9), (58, 9), (59, 8), (60, 6), (61, 2), (99, 2)] {
            let whole = read(Reading::Whole { taken: 9, held: held.clone() });
            let part = read(Reading::Part { room: 0, most: 9, held: held.clone() });
            assert_eq!(whole.at(second(now)).taken(&stock()), Ok(taken), "at {now}");
            assert_eq!(part.at(second(now)).left(&stock(), 9, 0), Ok(9 - taken), "at {now}");
        }
    }

    #[test]
    fn the_end_of_a_hold_returns_what_still_counts_as_taken_and_no_more() {
        for (change, at_60) in [
            (CounterChange::Held(reserved(70, 3)), 12),
            (CounterChange::Ended { reserved: reserved(61, 3), kept: 0 }, 6),
            (CounterChange::Ended { reserved: reserved(61, 3), kept: 1 }, 7),
            (CounterChange::Ended { reserved: reserved(61, 3), kept: 3 }, 9),
            (CounterChange::Ended { reserved: reserved(60, 3), kept: 0 }, 9),
            (CounterChange::Ended { reserved: reserved(59, 3), kept: 0 }, 9),
        ] {
            assert_eq!(after(&whole(9), change.clone()).taken(&stock()), Ok(at_60), "{change:?}");
            assert_eq!(after(&part(20, 40), change.clone()).left(&stock(), 40, 0), Ok(29 - at_60), "{change:?}");
        }
    }
}
