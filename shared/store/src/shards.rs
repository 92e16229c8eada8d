//! Spreads a total over shards, so that no single item is the limit of a reward that everybody wants at once.

use regulars_domain::id::MemberId;
use sha2::{Digest, Sha256};

/// How many shards a counter has: 0 to one less than this.
///
/// An item takes part in one transaction at a time, and one of some ten milliseconds lets a hundred of them through a
/// second. Eight let eight hundred through, which is more than their partition bears: 1,000 write units a second, at two
/// units a take. More would only scatter the last pieces, and all eight are still read for half a unit.
pub(crate) const SHARDS: u8 = 8;

/// What has been taken from each shard of one counter, as it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels([i64; 8]);

/// A change of one shard, to be committed only while its bound holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardChange {
    /// Which shard.
    pub(crate) shard: u8,
    /// What happens to it.
    pub(crate) what: What,
}

/// What happens to a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// `amount` is taken from it, of which no more than `room` may have been taken before.
    Take {
        /// How much; 0 only holds the shard to `room`.
        amount: i64,
        /// The most that may have been taken before.
        room: i64,
    },
    /// `amount` is given back to it, of which at least as much must have been taken before.
    GiveBack {
        /// How much, 1 at least.
        amount: i64,
    },
}

#[derive(Clone, Copy)]
struct Shard {
    number: u8,
    level: i64,
    quota: i64,
}

impl Shard {
    fn room(self) -> i64 {
        self.quota.saturating_sub(self.level).max(0)
    }

    fn take(self, amount: i64, room: i64) -> ShardChange {
        ShardChange { shard: self.number, what: What::Take { amount, room } }
    }

    fn take_within_quota(self, amount: i64) -> ShardChange {
        self.take(amount, self.quota.saturating_sub(amount))
    }
}

impl Levels {
    /// Records the level of a shard; `false` if there is no such shard.
    pub(crate) fn set(&mut self, shard: u8, level: i64) -> bool {
        let found = self.0.get_mut(usize::from(shard)).map(|old| *old = level);
        found.is_some()
    }

    /// What has been taken in all.
    pub(crate) fn sum(&self) -> i64 {
        self.0.iter().fold(0, |sum, level| sum.saturating_add(*level))
    }

    /// The changes by which `amount`, 1 at least, is taken of which there are `most`, at `home` if that can be; `None` if
    /// not so much is left.
    ///
    /// What is left lies in one shard or another: quotas add up to `most`. An amount that no single shard can bear is
    /// spread, nearest to `home` first.
    pub(crate) fn take(&self, amount: i64, most: i64, home: u8) -> Option<Vec<ShardChange>> {
        if amount > most.saturating_sub(self.sum()) {
            return None;
        }
        let ring = self.ring(most, home);
        // Only a limit that was lowered leaves a shard above its quota. The others' quotas then promise more than is
        // left, so each is held to where it was read: takes come one after the other until the shards are even again.
        let is_uneven = ring.iter().any(|shard| shard.level > shard.quota);
        if let Some(shard) = ring.iter().find(|shard| !is_uneven && shard.room() >= amount) {
            return Some(vec![shard.take_within_quota(amount)]);
        }
        let mut left = amount;
        let mut changes = Vec::new();
        for shard in ring {
            let part = left.min(shard.room());
            left = left.saturating_sub(part);
            if is_uneven {
                changes.push(shard.take(part, shard.level));
            } else if part > 0 {
                changes.push(shard.take_within_quota(part));
            }
        }
        (left == 0).then_some(changes)
    }

    /// The changes by which `amount`, 1 at least, is given back, to `home` if that can be. What was never taken cannot be
    /// given back: of more than that, so much goes back as was taken.
    pub(crate) fn give_back(&self, amount: i64, home: u8) -> Vec<ShardChange> {
        let ring = self.ring(0, home);
        let change = |shard: Shard, amount| ShardChange { shard: shard.number, what: What::GiveBack { amount } };
        if let Some(shard) = ring.iter().find(|shard| shard.level >= amount) {
            return vec![change(*shard, amount)];
        }
        let mut left = amount;
        let mut changes = Vec::new();
        for shard in ring {
            let part = left.min(shard.level);
            if part > 0 {
                left = left.saturating_sub(part);
                changes.push(change(shard, part));
            }
        }
        changes
    }

    /// The shards, `home` first.
    fn ring(&self, most: i64, home: u8) -> Vec<Shard> {
        let shards = (0..SHARDS).zip(self.0);
        let mut ring: Vec<_> =
            shards.map(|(number, level)| Shard { number, level, quota: quota(most, number) }).collect();
        ring.rotate_left(usize::from(home.rem_euclid(SHARDS)));
        ring
    }
}

/// The part of `most` that falls to a shard: an equal one, and one more to the first of them of what remains.
fn quota(most: i64, shard: u8) -> i64 {
    let shards = i64::from(SHARDS);
    let gets_one_more = i64::from(shard) < most.rem_euclid(shards);
    most.div_euclid(shards).saturating_add(i64::from(gets_one_more))
}

/// The shard at which `member` takes and gives back if that can be: each member's is as likely.
pub(crate) fn home(member: &MemberId) -> u8 {
    // Not the byte that chooses the shard of reviews, so that the two have nothing to do with each other.
    let [_, second, ..] = <[u8; 32]>::from(Sha256::digest(member.as_str().as_bytes()));
    second.rem_euclid(SHARDS)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "tests count to a few hundred")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the table would do: all changes, or none if a bound does not hold.
    fn commit(levels: &mut Levels, changes: &[ShardChange]) -> bool {
        let mut after = *levels;
        let mut touched = std::collections::BTreeSet::new();
        for ShardChange { shard, what } in changes {
            assert!(touched.insert(*shard), "a transaction touches an item once");
            let level = &mut after.0[usize::from(*shard)];
            match what {
                What::Take { amount, room } if *level <= *room => *level += amount,
                What::GiveBack { amount } if *level >= *amount => *level -= amount,
                What::Take { .. } | What::GiveBack { .. } => return false,
            }
        }
        *levels = after;
        true
    }

    fn levels() -> impl Strategy<Value = Levels> {
        prop::array::uniform8(prop_oneof![Just(0), 0..4_i64, 0..40_i64]).prop_map(Levels)
    }

    proptest! {
        #[test]
        fn what_is_left_can_be_taken_wherever_it_lies(
            levels in levels(), most in 0..200_i64, amount in 1..60_i64, home in 0..SHARDS,
        ) {
            let left = most - levels.sum();
            match levels.take(amount, most, home) {
                None => prop_assert!(left < amount),
                Some(changes) => {
                    prop_assert!(left >= amount);
                    let mut after = levels;
                    prop_assert!(commit(&mut after, &changes), "{changes:?}");
                    prop_assert_eq!(after.sum(), levels.sum() + amount);
                }
            }
        }

        #[test]
        fn what_was_taken_can_be_given_back_and_no_more(levels in levels(), amount in 1..400_i64, home in 0..SHARDS) {
            let changes = levels.give_back(amount, home);
            let mut after = levels;
            prop_assert!(commit(&mut after, &changes), "{changes:?}");
            prop_assert_eq!(after.sum(), (levels.sum() - amount).max(0));
            prop_assert!(after.0.iter().all(|level| *level >= 0));
        }

        /// However old a look at the shards each of many had, and however the limit was changed before, the total
        /// stays within it. A look is never older than the change, because a program is kept for longer than that.
        #[test]
        fn many_who_looked_at_once_never_take_more_than_there_is(
            before in levels(), most in 0..120_i64, amounts in prop::collection::vec((1..9_i64, 0..SHARDS), 1..40),
        ) {
            let mut held = before;
            let plans: Vec<_> = amounts.iter().filter_map(|(amount, home)| before.take(*amount, most, *home)).collect();
            for changes in plans {
                commit(&mut held, &changes);
            }
            prop_assert!(held.sum() <= most.max(before.sum()), "{before:?} became {held:?}");
        }
    }

    #[test]
    fn quotas_add_up_to_the_limit_and_never_shrink_when_it_is_raised() {
        for most in 0..100 {
            assert_eq!((0..SHARDS).map(|shard| quota(most, shard)).sum::<i64>(), most);
            assert!((0..SHARDS).all(|shard| quota(most + 1, shard) >= quota(most, shard)));
        }
        assert_eq!((0..SHARDS).map(|shard| quota(11, shard)).collect::<Vec<_>>(), [2, 2, 2, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn an_amount_is_taken_at_home_if_it_can_be_and_spread_only_if_it_must_be() {
        let shards = |changes: Option<Vec<ShardChange>>| -> Vec<u8> {
            changes.into_iter().flatten().map(|change| change.shard).collect()
        };
        let fresh = Levels::default();
        assert_eq!(shards(fresh.take(1, 40, 3)), [3]);
        assert_eq!(shards(fresh.take(1, 2, 7)), [0], "the quota of the last ones is nothing");
        assert_eq!(shards(fresh.take(6, 40, 3)), [3, 4]);
        assert_eq!(shards(Levels([5, 5, 5, 5, 0, 0, 0, 0]).take(2, 40, 0)), [4]);
        assert_eq!(shards(Levels([4, 0, 0, 0, 0, 0, 0, 0]).take(2, 40, 0)), [1], "one shard rather than two");
        // Lowered from 80 to 8: three are left, and only one after the other.
        let lowered = Levels([5, 0, 0, 0, 0, 0, 0, 0]);
        let changes = lowered.take(1, 8, 2).unwrap();
        assert_eq!(changes.len(), 8);
        assert_eq!(changes.first().unwrap().what, What::Take { amount: 1, room: 0 });
        assert_eq!(changes.last().unwrap().what, What::Take { amount: 0, room: 0 });
        assert_eq!(lowered.take(1, 5, 2), None);
        assert_eq!(lowered.take(1, 4, 2), None);
    }

    #[test]
    fn members_are_spread_over_the_shards() {
        let mut counts = [0_u32; 8];
        for number in 0..4_000 {
            counts[usize::from(home(&format!("m-{number}").parse().unwrap()))] += 1;
        }
        assert!(counts.iter().all(|count| (400..600).contains(count)), "{counts:?}");
        // printf m-1 | sha256sum
        assert_eq!(home(&"m-1".parse().unwrap()), 0x61 % SHARDS);
    }
}
