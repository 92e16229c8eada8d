//! Totals over many members, committed like a store would: reservations are stored with the ends of their holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
};

use jiff::Timestamp;
use regulars_domain::{
    counter::{CounterChange, CounterId, HeldAmounts, Reading, Reserved, Take},
    posting::Posting,
};

/// The amount taken of each counter, including what holds reserve.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    taken: BTreeMap<CounterId, i64>,
    held: BTreeMap<CounterId, BTreeSet<Reserved>>,
}

impl Deref for Totals {
    type Target = BTreeMap<CounterId, i64>;

    fn deref(&self) -> &Self::Target {
        &self.taken
    }
}

impl Totals {
    /// Returns all of `counter`.
    pub(crate) fn whole(&self, counter: &CounterId) -> Reading {
        Reading::Whole { taken: self.total(counter), held: self.held(counter) }
    }

    /// Returns a part of `counter` that has `room` while every hold reserves its amount.
    pub(crate) fn part(&self, counter: &CounterId, room: i64) -> Reading {
        Reading::Part { room, most: self.total(counter) + room, held: self.held(counter) }
    }

    fn total(&self, counter: &CounterId) -> i64 {
        self.taken.get(counter).copied().unwrap_or_default()
    }

    fn held(&self, counter: &CounterId) -> HeldAmounts {
        let held = self.held.get(counter).into_iter().flatten();
        held.map(|reserved| (reserved.ends_at, reserved.amount)).collect()
    }

    /// Checks that `posting` can change the counters, and changes them. Returns `false` if a hold to capture is no
    /// longer listed.
    #[must_use]
    pub(crate) fn commit(&mut self, posting: &Posting) -> bool {
        let now = posting.own.account.settled_at;
        let is_lost = |take: &&Take| match &take.change {
            CounterChange::Ended { reserved, kept } => *kept > 0 && !self.is_listed(&take.counter, reserved),
            CounterChange::Taken(_) | CounterChange::Held(_) => false,
        };
        if posting.takes.iter().find(is_lost).is_some() {
            return false;
        }
        let mut most_of = BTreeMap::new();
        for Take { counter, change, most } in &posting.takes {
            // What ends or is returned may name the limit of an earlier version, and needs no room.
            let most = if change.takes() { *most } else { i64::MAX };
            most_of.entry(counter).and_modify(|least| *least = most.min(*least)).or_insert(most);
            let amount = match change {
                CounterChange::Taken(amount) => *amount,
                CounterChange::Held(reserved) => {
                    let is_new = self.held.entry(counter.clone()).or_default().insert(reserved.clone());
                    assert!(is_new, "{reserved:?} holds twice");
                    reserved.amount
                }
                CounterChange::Ended { reserved, kept } => {
                    assert!((0..=reserved.amount).contains(kept), "{change:?}");
                    let was_listed = self.held.get_mut(counter).is_some_and(|held| held.remove(reserved));
                    if was_listed { kept - reserved.amount } else { 0 }
                }
            };
            assert!(amount != 0 || matches!(change, CounterChange::Ended { .. }), "{change:?} is no change");
            *self.taken.entry(counter.clone()).or_default() += amount;
        }
        for (counter, most) in most_of {
            if self.total(counter) > most {
                self.free_ended(counter, now);
            }
            let total = self.total(counter);
            assert!((0..=most).contains(&total), "{counter:?} stands at {total} of {most}");
        }
        true
    }

    fn is_listed(&self, counter: &CounterId, reserved: &Reserved) -> bool {
        self.held.get(counter).is_some_and(|held| held.contains(reserved))
    }

    fn free_ended(&mut self, counter: &CounterId, now: Timestamp) {
        let Some(held) = self.held.get_mut(counter) else { return };
        let ended: i64 = held.iter().filter(|reserved| reserved.ends_at <= now).map(|reserved| reserved.amount).sum();
        held.retain(|reserved| reserved.ends_at > now);
        *self.taken.entry(counter.clone()).or_default() -= ended;
    }
}
