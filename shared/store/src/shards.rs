//! Spreads a total over shards, so that neither one item nor one partition limits a rush.
//!
//! Each shard stores how much was taken from it, what of that holds reserve, and the limit by which the counter was
//! dealt out: its quota is its part of that limit. All shards of a counter store the same limit, and none is above its
//! quota, because
//!
//! - a *take* adds to a shard under the condition that it still holds that limit and stays within its quota. The take of a hold
//!   lists in the same update what it reserves, and until when;
//! - the *end* of a hold removes its reservation from the list, under the condition that it is there, and returns what is not
//!   captured;
//! - a *give-back* returns what was taken permanently, under the condition that at least as much was taken besides holds;
//! - a *rewrite* writes a shard under the condition that it is unchanged. It starts a counter or changes its limit, on all shards
//!   at once, and removes reservations of ended holds, together with the take that needs the room.
//!
//! So one shard shows how much can be taken there, regardless of the others: quotas add up to the limit. A reservation
//! leaves the list once, in the first of these transactions: its capture or cancellation, or a take that finds that the
//! hold has ended. A clock that is ahead can end another member's hold early by the same amount of time, and nothing
//! worse: the later capture finds nothing reserved, and fails.

use std::collections::BTreeSet;

use jiff::Timestamp;
use regulars_domain::{
    counter::{CounterChange, Reading, Take},
    id::MemberId,
};
use sha2::{Digest, Sha256};

use crate::held::{self, HELD_MAX, Held};

/// The number of shards of a counter, numbered from 0.
///
/// An item takes part in one transaction at a time, and transactions of some ten milliseconds allow a hundred a second.
/// A shard has a partition key of its own, which sustains 1,000 write units a second: five hundred takes of two units.
/// So eight shards allow some eight hundred takes a second, limited by their items. More shards would scatter the last
/// pieces, and cost more to read at once.
pub(crate) const SHARDS: u8 = 8;

/// A shard as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shard {
    /// The amount taken, including what holds reserve.
    pub(crate) taken: i64,
    /// The limit by which the counter was dealt out.
    pub(crate) most: i64,
    /// The reservations of holds, at most one part per hold.
    pub(crate) held: BTreeSet<Held>,
}

/// What was read of a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// One shard, if there is such an item.
    At(u8, Option<Shard>),
    /// All shards.
    All(Box<Shards>),
}

/// All shards of one counter, as they were read; `None` for one without an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shards(pub(crate) [Option<Shard>; 8]);

/// A change of one shard with its condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShardChange {
    /// The number of the shard.
    pub(crate) number: u8,
    /// The change.
    pub(crate) what: What,
}

/// The kinds of change of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// `amount` is taken from it.
    Take {
        /// The amount, at least 1.
        amount: i64,
        /// The limit that the shard must have.
        most: i64,
        /// The maximum that may have been taken before.
        room: i64,
        /// The part of a hold, if the take is one.
        held: Option<Held>,
    },
    /// A hold that reserves `held` ends; it must still reserve it.
    End {
        /// The reservation here.
        held: Held,
        /// The amount that is returned.
        back: i64,
    },
    /// Returns `amount`, of which at least as much must have been taken before. No hold may reserve anything.
    GiveBack {
        /// The amount, at least 1.
        amount: i64,
    },
    /// The shard becomes `to`.
    Rewrite {
        /// What it must be before.
        from: Option<Shard>,
        /// What it becomes.
        to: Shard,
    },
}

/// One effect of a posting on a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A hold ends, and `kept` of what it reserved is taken permanently.
    End { held: Held, kept: i64 },
    /// An amount that was taken permanently is returned: at least 1.
    GiveBack(i64),
    /// An amount is taken, at least 1: permanently, or by a hold.
    Take(i64, Option<Held>),
}

/// The effects of a posting on one counter, in this order: returns make room for takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) steps: Vec<Step>,
    /// The limit.
    pub(crate) most: i64,
    /// The instant of the decision.
    pub(crate) now: Timestamp,
}

/// Why a work is not possible on a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undone {
    /// There is no room for a take.
    Full,
    /// A hold to be captured no longer reserves anything. The change would end it, and its condition fails.
    Lost(Held),
}

impl Work {
    /// Combines `takes` of one counter; `None` if they cancel out.
    pub(crate) fn of<'t>(takes: impl IntoIterator<Item = &'t Take>, now: Timestamp) -> Option<Self> {
        let (mut ends, mut spent, mut holds, mut most) = (Vec::new(), 0_i64, Vec::new(), i64::MAX);
        for take in takes {
            // Only takes are bound by the limit. A hold that ends may name the limit of an earlier version.
            if take.change.takes() {
                most = most.min(take.most);
            }
            match &take.change {
                CounterChange::Taken(amount) => spent = spent.saturating_add(*amount),
                CounterChange::Held(reserved) => {
                    holds.push(Step::Take(reserved.amount, Some(Held::new(reserved))));
                }
                CounterChange::Ended { reserved, kept } => {
                    ends.push(Step::End { held: Held::new(reserved), kept: *kept });
                }
            }
        }
        let spent = match spent {
            0 => None,
            ..0 => Some(Step::GiveBack(spent.saturating_neg())),
            1.. => Some(Step::Take(spent, None)),
        };
        let steps: Vec<_> = ends.into_iter().chain(spent).chain(holds).collect();
        (!steps.is_empty()).then_some(Self { steps, most, now })
    }

    /// Returns whether it only takes, so that a slightly old reading is enough.
    pub(crate) fn only_takes(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Take(..)))
    }
}

impl Shard {
    /// Returns how much can be taken from shard `number` while every hold reserves its amount.
    fn room(&self, number: u8) -> i64 {
        quota(self.most, number).saturating_sub(self.taken).max(0)
    }

    /// Returns how much can be taken from it at `now`, by a hold if it `is_hold`.
    fn room_at(&self, number: u8, now: Timestamp, is_hold: bool) -> i64 {
        let live = self.live(now);
        if is_hold && live.held.len() >= HELD_MAX { 0 } else { live.room(number) }
    }

    /// Returns what was taken permanently.
    fn spent(&self) -> i64 {
        self.taken.saturating_sub(sum(&self.held)).max(0)
    }

    /// Returns the shard without reservations of ended holds.
    fn live(&self, now: Timestamp) -> Self {
        let (ended, held): (BTreeSet<_>, BTreeSet<_>) = self.held.iter().partition(|held| held.has_ended(now));
        Self { taken: self.taken.saturating_sub(sum(&ended)), most: self.most, held }
    }

    /// Returns the part that the hold of `held` reserves here.
    fn part_of(&self, held: Held) -> Option<Held> {
        self.held.iter().find(|part| part.is_of(held)).copied()
    }

    /// Takes `amount`, for which there is room at `now`. Reservations of ended holds are removed only if the room is
    /// needed.
    fn take(&self, number: u8, amount: i64, held: Option<Held>, now: Timestamp) -> ShardChange {
        let is_listable = held.is_none() || self.held.len() < HELD_MAX;
        let held = held.map(|held| held.part(amount));
        if self.room(number) >= amount && is_listable {
            let room = quota(self.most, number).saturating_sub(amount);
            return ShardChange { number, what: What::Take { amount, most: self.most, room, held } };
        }
        let mut to = self.live(now);
        to.taken = to.taken.saturating_add(amount);
        to.held.extend(held);
        ShardChange { number, what: What::Rewrite { from: Some(self.clone()), to } }
    }

    /// Returns `amount`, of which as much was taken permanently.
    fn give_back(&self, number: u8, amount: i64) -> ShardChange {
        if self.held.is_empty() {
            return ShardChange { number, what: What::GiveBack { amount } };
        }
        let to = Self { taken: self.taken.saturating_sub(amount), ..self.clone() };
        ShardChange { number, what: What::Rewrite { from: Some(self.clone()), to } }
    }

    /// Returns the change that does `step` on this shard alone, if possible.
    fn step(&self, number: u8, step: Step, most: i64, now: Timestamp) -> Option<ShardChange> {
        match step {
            Step::End { held, kept } => {
                let is_whole = self.held.contains(&held);
                let what = What::End { held, back: held.amount.saturating_sub(kept) };
                is_whole.then_some(ShardChange { number, what })
            }
            Step::GiveBack(amount) => (self.spent() >= amount).then(|| self.give_back(number, amount)),
            Step::Take(amount, held) => {
                let has_room = self.most <= most && self.room_at(number, now, held.is_some()) >= amount;
                has_room.then(|| self.take(number, amount, held, now))
            }
        }
    }

    /// Returns the shard after `change`; `None` if its condition fails. This models the table.
    fn after(shard: Option<&Self>, change: &What) -> Option<Self> {
        match (change, shard) {
            (What::Take { amount, most, room, held }, Some(shard)) if shard.most == *most && shard.taken <= *room => {
                let held = shard.held.iter().copied().chain(*held).collect();
                Some(Self { taken: shard.taken.saturating_add(*amount), most: *most, held })
            }
            (What::End { held, back }, Some(shard)) if shard.held.contains(held) => {
                let others = shard.held.iter().filter(|other| *other != held).copied().collect();
                Some(Self { taken: shard.taken.saturating_sub(*back), most: shard.most, held: others })
            }
            (What::GiveBack { amount }, Some(shard)) if shard.taken >= *amount && shard.held.is_empty() => {
                Some(Self { taken: shard.taken.saturating_sub(*amount), ..shard.clone() })
            }
            (What::Rewrite { from, to }, shard) if shard == from.as_ref() => Some(to.clone()),
            (What::Take { .. } | What::End { .. } | What::GiveBack { .. } | What::Rewrite { .. }, _) => None,
        }
    }
}

impl Look {
    /// Returns the reading for a decision.
    pub(crate) fn reading(&self) -> Reading {
        match self {
            Self::At(number, Some(shard)) => {
                Reading::Part { room: shard.room(*number), most: shard.most, held: held::amounts(&shard.held) }
            }
            Self::At(_, None) => Reading::Part { room: 0, most: i64::MAX, held: held::amounts([]) },
            Self::All(shards) => {
                Reading::Whole { taken: shards.sum(), held: held::amounts(shards.each().flat_map(|shard| &shard.held)) }
            }
        }
    }

    /// Returns the changes for `work`, if one shard was read and has room for all of it.
    pub(crate) fn changes(&self, work: &Work) -> Option<Vec<ShardChange>> {
        let Self::At(number, Some(shard)) = self else { return None };
        if let [step] = work.steps.as_slice() {
            return Some(vec![shard.step(*number, *step, work.most, work.now)?]);
        }
        let mut after = shard.clone();
        for step in &work.steps {
            let change = after.step(*number, *step, work.most, work.now)?;
            after = Shard::after(Some(&after), &change.what)?;
        }
        Some(vec![ShardChange { number: *number, what: What::Rewrite { from: Some(shard.clone()), to: after } }])
    }
}

impl Shards {
    /// Sets a shard; returns `false` if there is none of this number.
    pub(crate) fn set(&mut self, number: u8, shard: Shard) -> bool {
        let found = self.0.get_mut(usize::from(number)).map(|old| *old = Some(shard));
        found.is_some()
    }

    /// Returns what was taken in total, including what holds reserve.
    pub(crate) fn sum(&self) -> i64 {
        self.each().fold(0, |sum, shard| sum.saturating_add(shard.taken))
    }

    /// Returns the changes for `work`, at `home` if possible.
    ///
    /// # Errors
    ///
    /// There is no room, or a hold to be captured no longer reserves anything.
    pub(crate) fn changes(&self, work: &Work, home: u8) -> Result<Vec<ShardChange>, Undone> {
        if let [step] = work.steps.as_slice() {
            return self.step(*step, work, home);
        }
        let mut after = self.clone();
        for step in &work.steps {
            let changes = after.step(*step, work, home)?;
            after = after.after(&changes).ok_or(Undone::Full)?;
        }
        let rewritten = (0..SHARDS).filter_map(|number| {
            let (from, to) = (self.get(number).cloned(), after.get(number).cloned()?);
            (from.as_ref() != Some(&to)).then_some(ShardChange { number, what: What::Rewrite { from, to } })
        });
        Ok(rewritten.collect())
    }

    fn step(&self, step: Step, work: &Work, home: u8) -> Result<Vec<ShardChange>, Undone> {
        match step {
            Step::End { held, kept } => self.end(held, kept),
            Step::GiveBack(amount) => Ok(self.give_back(amount, home)),
            Step::Take(amount, held) => self.take((amount, held), work.most, home, work.now).ok_or(Undone::Full),
        }
    }

    /// Returns the changes that take an amount (at least 1) under the limit `most`, at `home` if possible; `None` if
    /// there is not enough at `now`, or if too many holds are listed.
    fn take(
        &self,
        (amount, held): (i64, Option<Held>),
        most: i64,
        home: u8,
        now: Timestamp,
    ) -> Option<Vec<ShardChange>> {
        let live = Self(self.0.each_ref().map(|shard| shard.as_ref().map(|shard| shard.live(now))));
        let sum = live.sum();
        if amount > most.saturating_sub(sum) {
            return None;
        }
        let is_hold = held.is_some();
        if let Some(dealt) = self.dealt_by().filter(|dealt| *dealt <= most && amount <= dealt.saturating_sub(sum)) {
            let rooms = ring(home).map(|number| (number, self.at(number, dealt).room_at(number, now, is_hold)));
            let parts = spread(amount, rooms)?;
            let take = |(number, part)| self.at(number, dealt).take(number, part, held, now);
            return Some(parts.into_iter().map(take).collect());
        }
        // What was taken stays where it is if it fits the new quotas. Otherwise it is dealt out again.
        let fits = (0..SHARDS).all(|number| live.at(number, most).taken <= quota(most, number));
        let before = if fits { live } else { live.dealt_anew(sum) };
        let rooms = ring(home).map(|number| {
            let shard = Shard { most, ..before.at(number, most) };
            (number, shard.room_at(number, now, is_hold))
        });
        let parts = spread(amount, rooms)?;
        let deal = |number: u8| {
            let part = parts.iter().find(|(at, _)| *at == number).map_or(0, |(_, part)| *part);
            let mut to = Shard { most, ..before.at(number, most) };
            to.taken = to.taken.saturating_add(part);
            to.held.extend(held.filter(|_| part > 0).map(|held| held.part(part)));
            ShardChange { number, what: What::Rewrite { from: self.get(number).cloned(), to } }
        };
        Some((0..SHARDS).map(deal).collect())
    }

    /// Returns the changes that return `amount` (at least 1), to `home` if possible. At most as much is returned as was
    /// taken.
    fn give_back(&self, amount: i64, home: u8) -> Vec<ShardChange> {
        let spent = ring(home).map(|number| (number, self.at(number, 0).spent()));
        let parts = spread_most(amount, spent);
        parts.into_iter().map(|(number, amount)| self.at(number, 0).give_back(number, amount)).collect()
    }

    /// Returns the changes that end the hold of `held`, of which `kept` is taken permanently; none if it reserves
    /// nothing any more and nothing is kept. If a hold is in several shards, a part may have been freed.
    fn end(&self, held: Held, kept: i64) -> Result<Vec<ShardChange>, Undone> {
        let parts = || (0..SHARDS).filter_map(|number| Some((number, self.get(number)?.part_of(held)?)));
        let listed = parts().fold(0_i64, |sum, (_, part)| sum.saturating_add(part.amount));
        if kept > 0 && listed < held.amount {
            return Err(Undone::Lost(held));
        }
        let mut kept_left = kept;
        let end = |(number, part): (u8, Held)| {
            let stays = kept_left.min(part.amount);
            kept_left = kept_left.saturating_sub(stays);
            ShardChange { number, what: What::End { held: part, back: part.amount.saturating_sub(stays) } }
        };
        Ok(parts().map(end).collect())
    }

    /// Returns the shards with `sum` dealt out evenly. The reservation of a hold may then be in several of them.
    fn dealt_anew(&self, sum: i64) -> Self {
        let mut dealt = Self::default();
        let mut waiting = Vec::<Held>::new();
        for part in self.each().flat_map(|shard| &shard.held) {
            match waiting.iter_mut().find(|held| held.is_of(*part)) {
                Some(held) => *held = held.part(held.amount.saturating_add(part.amount)),
                None => waiting.push(*part),
            }
        }
        for (number, slot) in (0..SHARDS).zip(&mut dealt.0) {
            let taken = quota(sum, number);
            let mut shard = Shard { taken, ..Shard::default() };
            let mut left = taken;
            for held in &mut waiting {
                let part = left.min(held.amount);
                if part > 0 {
                    shard.held.insert(held.part(part));
                    *held = held.part(held.amount.saturating_sub(part));
                    left = left.saturating_sub(part);
                }
            }
            *slot = Some(shard);
        }
        dealt
    }

    /// Returns the shards after `changes`; `None` if a condition fails. This models the table.
    pub(crate) fn after(&self, changes: &[ShardChange]) -> Option<Self> {
        let mut after = self.clone();
        for ShardChange { number, what } in changes {
            let to = Shard::after(self.get(*number), what)?;
            after.set(*number, to);
        }
        Some(after)
    }

    /// Returns whether all shards were written by the same deal, or none by any.
    pub(crate) fn agree(&self) -> bool {
        let [first, others @ ..] = self.0.each_ref().map(|shard| shard.as_ref().map(|shard| shard.most));
        others.iter().all(|most| *most == first)
    }

    /// Returns the limit by which the counter was dealt out; `None` if it was not, or if its shards do not agree.
    fn dealt_by(&self) -> Option<i64> {
        let dealt = self.get(0)?.most;
        let is_dealt = |(number, shard): (u8, &Option<Shard>)| {
            shard.as_ref().is_some_and(|shard| shard.most == dealt && shard.taken <= quota(dealt, number))
        };
        (0..SHARDS).zip(&self.0).all(is_dealt).then_some(dealt)
    }

    fn each(&self) -> impl Iterator<Item = &Shard> {
        self.0.iter().flatten()
    }

    fn get(&self, number: u8) -> Option<&Shard> {
        self.0.get(usize::from(number))?.as_ref()
    }

    /// Returns shard `number`; for a counter without shards, an empty one.
    fn at(&self, number: u8, most: i64) -> Shard {
        self.get(number).cloned().unwrap_or(Shard { most, ..Shard::default() })
    }
}

/// Returns the sum of the reservations.
fn sum(held: &BTreeSet<Held>) -> i64 {
    held.iter().fold(0, |sum, held| sum.saturating_add(held.amount))
}

/// Returns the numbers of the shards, `home` first.
fn ring(home: u8) -> impl Iterator<Item = u8> + Clone {
    (0..SHARDS).map(move |step| step.saturating_add(home).rem_euclid(SHARDS))
}

/// Spreads all of `amount` like [`spread_most`]; `None` if there is not enough room.
fn spread(amount: i64, places: impl Iterator<Item = (u8, i64)> + Clone) -> Option<Vec<(u8, i64)>> {
    let parts = spread_most(amount, places);
    let spread = parts.iter().fold(0_i64, |sum, (_, part)| sum.saturating_add(*part));
    (spread == amount).then_some(parts)
}

/// Spreads `amount` over places with room: all of it to the first that has enough, or else as much as possible to each
/// in turn.
fn spread_most(amount: i64, places: impl Iterator<Item = (u8, i64)> + Clone) -> Vec<(u8, i64)> {
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

/// Returns the part of `most` of a shard: an equal one, plus one for the first shards until the remainder is used up.
fn quota(most: i64, number: u8) -> i64 {
    let shards = i64::from(SHARDS);
    let gets_one_more = i64::from(number) < most.rem_euclid(shards);
    most.div_euclid(shards).saturating_add(i64::from(gets_one_more))
}

/// Returns the home shard of `member`, where it takes and returns if possible. Members are spread evenly.
pub(crate) fn home(member: &MemberId) -> u8 {
    // This is not the byte of the shard of reviews, so that the two are independent.
    let [_, second, ..] = <[u8; 32]>::from(Sha256::digest(member.as_str().as_bytes()));
    second.rem_euclid(SHARDS)
}

#[cfg(test)]
mod tests;
