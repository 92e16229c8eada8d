//! Spreads a total over shards, so that no single item, and no single partition, is the limit of what everybody wants at once.
//!
//! Each shard keeps how much has been taken from it, and the limit by which the counter was dealt out: its quota is its
//! part of that limit. All shards of a counter hold the same limit, and none is above its quota, because
//!
//! - a *take* adds to a shard under the condition that it still holds that limit and stays within its quota;
//! - a *deal* begins a counter, or changes its limit. It writes all shards at once, each as it was read.
//!
//! So one shard tells how much can be taken there, whatever the others hold: quotas add up to the limit.

use regulars_domain::{counter::Reading, id::MemberId};
use sha2::{Digest, Sha256};

/// How many shards a counter has: 0 to one less than this.
///
/// An item takes part in one transaction at a time, and one of some ten milliseconds lets a hundred of them through a
/// second. A shard has a partition key of its own, which bears 1,000 write units a second, five hundred takes of two units. So
/// eight let some eight hundred takes through a second, and their items are the limit. More would scatter the last pieces, and
/// cost more to read at once.
pub(crate) const SHARDS: u8 = 8;

/// A shard as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// What has been taken from it.
    pub(crate) taken: i64,
    /// The limit by which the counter was dealt out.
    pub(crate) most: i64,
}

/// What was read of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// One shard, if there is such an item.
    At(u8, Option<Shard>),
    /// All of them.
    All(Shards),
}

/// All shards of one counter, as they were read. One that is no item is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shards([Option<Shard>; 8]);

/// A change of one shard, to be committed only while its bound holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShardChange {
    /// Which shard.
    pub(crate) number: u8,
    /// What happens to it.
    pub(crate) what: What,
}

/// What happens to a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// `amount` is taken from it.
    Take {
        /// How much, 1 at least.
        amount: i64,
        /// The limit that the shard must hold.
        most: i64,
        /// The most that may have been taken before.
        room: i64,
    },
    /// It becomes `to`.
    Deal {
        /// What it must be.
        from: Option<Shard>,
        /// What it becomes.
        to: Shard,
    },
    /// `amount` is given back to it, of which at least as much must have been taken before.
    GiveBack {
        /// How much, 1 at least.
        amount: i64,
    },
}

impl Shard {
    /// How much can be taken from it, if it is that of this number.
    fn room(self, number: u8) -> i64 {
        quota(self.most, number).saturating_sub(self.taken).max(0)
    }

    /// Takes `amount` from it.
    fn take(self, number: u8, amount: i64) -> ShardChange {
        let room = quota(self.most, number).saturating_sub(amount);
        ShardChange { number, what: What::Take { amount, most: self.most, room } }
    }
}

impl Look {
    /// What it tells a decision.
    pub(crate) fn reading(&self) -> Reading {
        match self {
            Self::At(number, Some(shard)) => Reading::Part { room: shard.room(*number), most: shard.most },
            Self::At(_, None) => Reading::Part { room: 0, most: i64::MAX },
            Self::All(shards) => Reading::Whole(shards.sum()),
        }
    }

    /// The change by which `amount`, 1 at least, is taken of which there are `most`, if one shard was read and can bear it.
    pub(crate) fn take(&self, amount: i64, most: i64) -> Option<ShardChange> {
        match self {
            Self::At(number, Some(shard)) if shard.most <= most && shard.room(*number) >= amount => {
                Some(shard.take(*number, amount))
            }
            Self::At(..) | Self::All(_) => None,
        }
    }

    /// The change by which `amount`, 1 at least, is given back, if one shard was read and can bear it.
    pub(crate) fn give_back(&self, amount: i64) -> Option<ShardChange> {
        match self {
            Self::At(number, Some(shard)) if shard.taken >= amount => {
                Some(ShardChange { number: *number, what: What::GiveBack { amount } })
            }
            Self::At(..) | Self::All(_) => None,
        }
    }
}

impl Shards {
    /// Records a shard; `false` if there is none of this number.
    pub(crate) fn set(&mut self, number: u8, shard: Shard) -> bool {
        let found = self.0.get_mut(usize::from(number)).map(|old| *old = Some(shard));
        found.is_some()
    }

    /// What has been taken in all.
    pub(crate) fn sum(&self) -> i64 {
        self.0.iter().flatten().fold(0, |sum, shard| sum.saturating_add(shard.taken))
    }

    /// The changes by which `amount`, 1 at least, is taken of which there are `most`, at `home` if that can be; `None` if
    /// not so much is left.
    pub(crate) fn take(&self, amount: i64, most: i64, home: u8) -> Option<Vec<ShardChange>> {
        let sum = self.sum();
        if amount > most.saturating_sub(sum) {
            return None;
        }
        if let Some(held) = self.dealt_by().filter(|held| *held <= most && amount <= held.saturating_sub(sum)) {
            let rooms = ring(home).map(|number| (number, self.at(number, held).room(number)));
            let parts = spread(amount, rooms);
            return Some(parts.into_iter().map(|(number, part)| self.at(number, held).take(number, part)).collect());
        }
        // What was taken stays where it is as long as that fits the new quotas. Where it does not, it is dealt out anew.
        let fits = (0..SHARDS).all(|number| self.at(number, most).taken <= quota(most, number));
        let before = |number: u8| if fits { self.at(number, most).taken } else { quota(sum, number) };
        let rooms = ring(home).map(|number| (number, quota(most, number).saturating_sub(before(number))));
        let parts = spread(amount, rooms);
        let deal = |number: u8| {
            let part = parts.iter().find(|(at, _)| *at == number).map_or(0, |(_, part)| *part);
            let to = Shard { taken: before(number).saturating_add(part), most };
            let from = self.0.get(usize::from(number)).copied().flatten();
            ShardChange { number, what: What::Deal { from, to } }
        };
        Some((0..SHARDS).map(deal).collect())
    }

    /// The changes by which `amount`, 1 at least, is given back, to `home` if that can be. What was never taken cannot be
    /// given back: of more than that, so much goes back as was taken.
    pub(crate) fn give_back(&self, amount: i64, home: u8) -> Vec<ShardChange> {
        let parts = spread(amount, ring(home).map(|number| (number, self.at(number, 0).taken)));
        let change = |(number, amount)| ShardChange { number, what: What::GiveBack { amount } };
        parts.into_iter().map(change).collect()
    }

    /// Whether all of them were written by the same deal, or none by any.
    pub(crate) fn agree(&self) -> bool {
        let [first, others @ ..] = self.0.map(|shard| shard.map(|shard| shard.most));
        others.iter().all(|most| *most == first)
    }

    /// The limit by which the counter was dealt out; `None` if it was not, or its shards do not agree.
    fn dealt_by(&self) -> Option<i64> {
        let held = self.0.first().copied().flatten()?.most;
        let is_dealt = |(number, shard): (u8, Option<Shard>)| {
            shard.is_some_and(|shard| shard.most == held && shard.taken <= quota(held, number))
        };
        (0..SHARDS).zip(self.0).all(is_dealt).then_some(held)
    }

    /// The shard of this number; of a counter that was not begun, one from which nothing was taken.
    fn at(&self, number: u8, most: i64) -> Shard {
        self.0.get(usize::from(number)).copied().flatten().unwrap_or(Shard { taken: 0, most })
    }
}

/// The numbers of the shards, `home` first.
fn ring(home: u8) -> impl Iterator<Item = u8> + Clone {
    (0..SHARDS).map(move |step| step.saturating_add(home).rem_euclid(SHARDS))
}

/// Spreads `amount` over places with so much room each: all of it to the first that has room for it, or else as much as it
/// can to each in turn.
fn spread(amount: i64, places: impl Iterator<Item = (u8, i64)> + Clone) -> Vec<(u8, i64)> {
    if let Some((number, _)) = places.clone().find(|(_, room)| *room >= amount) {
        return vec![(number, amount)];
    }
    let mut left = amount;
    let mut parts = Vec::new();
    for (number, room) in places {
        let part = left.min(room);
        if part > 0 {
            left = left.saturating_sub(part);
            parts.push((number, part));
        }
    }
    parts
}

/// The part of `most` that falls to a shard: an equal one, and one more to the first of them of what remains.
fn quota(most: i64, number: u8) -> i64 {
    let shards = i64::from(SHARDS);
    let gets_one_more = i64::from(number) < most.rem_euclid(shards);
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
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// What the table would do: all changes, or none if a bound does not hold.
    fn commit(shards: &mut Shards, changes: &[ShardChange]) -> bool {
        let mut after = *shards;
        let mut touched = BTreeSet::new();
        for ShardChange { number, what } in changes {
            assert!(touched.insert(*number), "a transaction touches an item once");
            let slot = &mut after.0[usize::from(*number)];
            let taken = match (what, *slot) {
                (What::Take { amount, most, room }, Some(shard)) if shard.most == *most && shard.taken <= *room => {
                    assert!(*amount > 0);
                    Shard { taken: shard.taken + amount, ..shard }
                }
                (What::GiveBack { amount }, Some(shard)) if shard.taken >= *amount => {
                    Shard { taken: shard.taken - amount, ..shard }
                }
                (What::Deal { from, to }, slot) if slot == *from => *to,
                (What::Take { .. } | What::Deal { .. } | What::GiveBack { .. }, _) => return false,
            };
            *slot = Some(taken);
        }
        *shards = after;
        true
    }

    /// One command on a counter, by what it read: of its home, and of all shards where that does not do.
    #[derive(Clone, Copy, Debug)]
    struct Command {
        amount: i64,
        most: i64,
        home: u8,
    }

    impl Command {
        /// What it would write, by the counter as it was `seen`; `None` if it is refused.
        fn decide(self, seen: &Shards) -> Option<Vec<ShardChange>> {
            let Self { amount, most, home } = self;
            let look = Look::At(home, seen.0[usize::from(home)]);
            if amount < 0 {
                return Some(
                    look.give_back(-amount).map_or_else(|| seen.give_back(-amount, home), |change| vec![change]),
                );
            }
            look.take(amount, most).map(|change| vec![change]).or_else(|| seen.take(amount, most, home))
        }
    }

    fn command() -> impl Strategy<Value = Command> {
        let amount = prop_oneof![3 => 1..9_i64, 1 => 1..60_i64, 2 => -9..0_i64];
        let most = prop_oneof![Just(40_i64), Just(41), Just(12), Just(80), 0..120_i64];
        (amount, most, 0..SHARDS).prop_map(|(amount, most, home)| Command { amount, most, home })
    }

    /// A counter as commands leave it.
    fn counter() -> impl Strategy<Value = Shards> {
        prop::collection::vec(command(), 0..30).prop_map(|commands| {
            let mut shards = Shards::default();
            for command in commands {
                if let Some(changes) = command.decide(&shards) {
                    assert!(commit(&mut shards, &changes), "{command:?} on {shards:?}");
                }
            }
            shards
        })
    }

    proptest! {
        #[test]
        fn a_command_that_reads_its_home_first_does_what_the_sum_allows(shards in counter(), command in command()) {
            let Command { amount, most, home } = command;
            let (sum, mut after) = (shards.sum(), shards);
            match command.decide(&shards) {
                None => prop_assert!(amount > most - sum),
                Some(changes) => {
                    prop_assert!(commit(&mut after, &changes), "{changes:?}");
                    let expected = if amount > 0 { sum + amount } else { (sum + amount).max(0) };
                    prop_assert_eq!(after.sum(), expected);
                    prop_assert!(amount < 0 || after.sum() <= most);
                }
            }
            prop_assert!(after.0.iter().flatten().all(|shard| shard.taken >= 0));
            // What its home alone tells a decision is no more than what is left.
            if let Reading::Part { room, most } = Look::At(home, shards.0[usize::from(home)]).reading() {
                prop_assert!(room == 0 || room <= most - sum, "{room} of {most} at {home} of {shards:?}");
            }
        }

        /// However old a look at the shards each of many had, and whatever limit each of them knew, nobody takes beyond it.
        #[test]
        fn many_who_looked_at_once_never_take_more_than_there_is(
            before in counter(), commands in prop::collection::vec(command(), 1..40), late in prop::collection::vec(any::<bool>(), 40),
        ) {
            let mut held = before;
            for (command, is_late) in commands.iter().zip(late) {
                let seen = if is_late { before } else { held };
                let sum = held.sum();
                if let Some(changes) = command.decide(&seen) && commit(&mut held, &changes) && command.amount > 0 {
                    prop_assert_eq!(held.sum(), sum + command.amount);
                    prop_assert!(held.sum() <= command.most, "{command:?} of {before:?} made {held:?}");
                }
            }
        }

        #[test]
        fn what_was_taken_can_be_given_back_and_no_more(shards in counter(), amount in 1..400_i64, home in 0..SHARDS) {
            let changes = shards.give_back(amount, home);
            let mut after = shards;
            prop_assert!(commit(&mut after, &changes), "{changes:?}");
            prop_assert_eq!(after.sum(), (shards.sum() - amount).max(0));
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

    fn dealt(most: i64, taken: [i64; 8]) -> Shards {
        Shards(taken.map(|taken| Some(Shard { taken, most })))
    }

    #[test]
    fn an_amount_is_taken_at_home_if_it_can_be_and_spread_only_if_it_must_be() {
        let numbers = |changes: Option<Vec<ShardChange>>| -> Vec<u8> {
            changes.into_iter().flatten().map(|change| change.number).collect()
        };
        let fresh = dealt(40, [0; 8]);
        assert_eq!(numbers(fresh.take(1, 40, 3)), [3]);
        assert_eq!(numbers(dealt(2, [0; 8]).take(1, 2, 7)), [0], "the quota of the last ones is nothing");
        assert_eq!(numbers(fresh.take(6, 40, 3)), [3, 4]);
        assert_eq!(numbers(dealt(40, [5, 5, 5, 5, 0, 0, 0, 0]).take(2, 40, 0)), [4]);
        assert_eq!(numbers(dealt(40, [4, 0, 0, 0, 0, 0, 0, 0]).take(2, 40, 0)), [1], "one shard rather than two");
    }

    #[test]
    fn a_counter_is_begun_and_its_limit_changed_by_writing_all_shards_at_once() {
        let after = |shards: Shards, (amount, most, home): (i64, i64, u8)| {
            let changes = shards.take(amount, most, home).unwrap();
            let mut after = shards;
            assert!(commit(&mut after, &changes));
            (changes.len(), after)
        };
        let begun = after(Shards::default(), (1, 40, 3));
        assert_eq!(begun, (8, dealt(40, [0, 0, 0, 1, 0, 0, 0, 0])));
        // Lowered to what still fits: nothing moves. Lowered to what does not: it is dealt out evenly.
        assert_eq!(after(begun.1, (1, 9, 3)), (8, dealt(9, [0, 0, 0, 1, 1, 0, 0, 0])));
        assert_eq!(after(dealt(80, [5, 0, 0, 0, 0, 0, 0, 0]), (1, 8, 2)), (8, dealt(8, [1, 1, 1, 1, 1, 1, 0, 0])));
        assert_eq!(dealt(80, [5, 0, 0, 0, 0, 0, 0, 0]).take(1, 5, 2), None);
        // A late purchase knows a higher limit than the counter holds. It takes under the lower one as long as that has room.
        assert_eq!(after(dealt(8, [0; 8]), (1, 80, 2)), (1, dealt(8, [0, 0, 1, 0, 0, 0, 0, 0])));
        assert_eq!(after(dealt(8, [1; 8]), (1, 80, 2)), (8, dealt(80, [1, 1, 2, 1, 1, 1, 1, 1])));
    }

    #[test]
    fn one_shard_tells_nothing_under_a_lower_limit_or_before_the_counter_is_begun() {
        let home = |shard| Look::At(3, shard);
        let shard = Some(Shard { taken: 1, most: 40 });
        assert_eq!(home(shard).reading(), Reading::Part { room: 4, most: 40 });
        assert!(home(shard).take(4, 40).is_some() && home(shard).take(4, 41).is_some());
        assert!(home(shard).take(5, 40).is_none() && home(shard).take(1, 39).is_none());
        assert!(home(None).take(1, 40).is_none());
        assert!(home(shard).give_back(1).is_some() && home(shard).give_back(2).is_none());
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
