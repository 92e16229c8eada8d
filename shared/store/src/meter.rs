//! Counts what the table charged, for the log of each call, and so that tests can assert the price of each command.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_sdk_dynamodb::types::ConsumedCapacity;

use crate::permission::{self, Action, Permission};

/// What was used up to an instant, or between two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Calls made, without the SDK's retries within a call.
    pub round_trips: u64,
    /// Halves of a read unit: an eventually consistent read of 4 KB is one.
    pub read_half_units: u64,
    /// Halves of a write unit: a plain write of 1 KB is two, a transactional one four.
    pub write_half_units: u64,
    /// How often each action was used.
    pub actions: BTreeMap<Action, u64>,
}

impl Snapshot {
    /// Returns what was used since `earlier`, a snapshot of the same meter.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let actions = self.actions.iter().map(|(action, count)| {
            (*action, count.saturating_sub(earlier.actions.get(action).copied().unwrap_or_default()))
        });
        Self {
            round_trips: self.round_trips.saturating_sub(earlier.round_trips),
            read_half_units: self.read_half_units.saturating_sub(earlier.read_half_units),
            write_half_units: self.write_half_units.saturating_sub(earlier.write_half_units),
            actions: actions.filter(|(_, count)| *count > 0).collect(),
        }
    }
}

/// The capacity that one piece of work used ([`metered`]), in half units as in a [`Snapshot`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Halves of a read unit.
    pub read_half_units: u64,
    /// Halves of a write unit.
    pub write_half_units: u64,
}

impl Usage {
    /// Returns the read units.
    #[must_use]
    pub fn read_units(&self) -> f64 {
        units(self.read_half_units)
    }

    /// Returns the write units.
    #[must_use]
    pub fn write_units(&self) -> f64 {
        units(self.write_half_units)
    }
}

tokio::task_local! {
    static USED: Cell<Usage>;
}

/// Runs `work`, and returns the capacity that it used. Concurrent work is charged separately.
pub async fn metered<T>(work: impl Future<Output = T>) -> (T, Usage) {
    USED.scope(Cell::default(), async { (work.await, USED.with(Cell::get)) }).await
}

/// Counts calls and the capacity that DynamoDB reports for them.
///
/// DynamoDB reports no capacity for a call that fails, so a cancelled transaction counts as a round trip without units.
#[derive(Debug, Default)]
pub struct Meter {
    used: Mutex<Snapshot>,
    needed: Mutex<BTreeMap<&'static str, BTreeSet<Permission>>>,
}

impl Meter {
    /// Returns what was used so far.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.change(|used| used.clone())
    }

    /// Returns what was used since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Snapshot) -> Snapshot {
        self.snapshot().since(earlier)
    }

    /// Returns the permissions that each function has used so far, by its name
    /// ([`in_the_name_of`](crate::in_the_name_of)).
    #[must_use]
    pub fn needed(&self) -> BTreeMap<&'static str, BTreeSet<Permission>> {
        locked(&self.needed).clone()
    }

    /// Counts one call that is about to be made, and its permissions.
    pub(crate) fn call(&self, permissions: impl IntoIterator<Item = Permission>) {
        let permissions: Vec<Permission> = permissions.into_iter().collect();
        self.change(|used| {
            used.round_trips = used.round_trips.saturating_add(1);
            for Permission { action, .. } in &permissions {
                let count = used.actions.entry(*action).or_default();
                *count = count.saturating_add(1);
            }
        });
        if let Some(function) = permission::function() {
            locked(&self.needed).entry(function).or_default().extend(permissions);
        }
    }

    /// Counts the units of a call that reads.
    pub(crate) fn read(&self, consumed: &[ConsumedCapacity]) {
        let units = consumed.iter().filter_map(|consumed| consumed.capacity_units).map(half_units);
        self.charge(Usage { read_half_units: units.fold(0, u64::saturating_add), write_half_units: 0 });
    }

    /// Counts the units of a transaction that writes. If the SDK repeated it and DynamoDB recognised the token, it only
    /// reads.
    pub(crate) fn written(&self, consumed: &[ConsumedCapacity]) {
        for consumed in consumed {
            let (read, write) = match (consumed.read_capacity_units, consumed.write_capacity_units) {
                (None, None) => (None, consumed.capacity_units),
                parts => parts,
            };
            self.charge(Usage {
                read_half_units: half_units(read.unwrap_or_default()),
                write_half_units: half_units(write.unwrap_or_default()),
            });
        }
    }

    /// Counts what was charged, in total and for the work of the current task.
    fn charge(&self, Usage { read_half_units: read, write_half_units: write }: Usage) {
        self.change(|used| {
            used.read_half_units = used.read_half_units.saturating_add(read);
            used.write_half_units = used.write_half_units.saturating_add(write);
        });
        // Outside of `metered` there is only the total.
        let _ = USED.try_with(|used| {
            let before = used.get();
            used.set(Usage {
                read_half_units: before.read_half_units.saturating_add(read),
                write_half_units: before.write_half_units.saturating_add(write),
            });
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut Snapshot) -> T) -> T {
        change(&mut locked(&self.used))
    }
}

/// Counts stay correct if another thread panicked, so a poisoned lock is ignored.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The only place where the SDK's fractions become whole numbers.
#[expect(
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "DynamoDB reports capacity as multiples of a half in a double; they are small, never negative, and exact"
)]
fn half_units(units: f64) -> u64 {
    (units * 2.0).round() as u64
}

/// Returns whole units.
#[expect(
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "the units of one call are few, and halves are exact"
)]
fn units(half_units: u64) -> f64 {
    half_units as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumed(total: f64, read: Option<f64>, write: Option<f64>) -> ConsumedCapacity {
        ConsumedCapacity::builder()
            .capacity_units(total)
            .set_read_capacity_units(read)
            .set_write_capacity_units(write)
            .build()
    }

    fn on(action: Action) -> Permission {
        Permission::on(action, "member#demo#m-1")
    }

    #[test]
    fn capacity_is_counted_in_halves_and_by_direction() {
        let meter = Meter::default();
        meter.call([on(Action::GetItem)]);
        meter.read(&[consumed(0.5, None, None)]);
        let before = meter.snapshot();
        meter.call([on(Action::PutItem), on(Action::PutItem)]);
        meter.written(&[consumed(5.0, None, Some(5.0))]);
        meter.call([on(Action::PutItem)]);
        meter.written(&[consumed(2.0, Some(2.0), None)]);
        meter.call([on(Action::UpdateItem)]);
        meter.written(&[consumed(1.0, None, None)]);
        let expected = Snapshot {
            round_trips: 3,
            read_half_units: 4,
            write_half_units: 12,
            actions: BTreeMap::from([(Action::PutItem, 3), (Action::UpdateItem, 1)]),
        };
        assert_eq!(meter.since(&before), expected);
        assert_eq!(meter.snapshot().read_half_units, 5);
    }

    #[tokio::test]
    async fn pieces_of_work_at_the_same_time_are_charged_apart() {
        let meter = Meter::default();
        let work = |times: usize, units: f64| {
            let meter = &meter;
            metered(async move {
                for _ in 0..times {
                    meter.read(&[consumed(0.5, None, None)]);
                    tokio::task::yield_now().await;
                    meter.written(&[consumed(units, None, Some(units))]);
                }
            })
        };
        let (((), one), ((), other)) = tokio::join!(work(3, 5.0), work(2, 7.0));
        assert_eq!((one.read_units(), one.write_units()), (1.5, 15.0));
        assert_eq!((other.read_units(), other.write_units()), (1.0, 14.0));
        meter.read(&[consumed(1.0, None, None)]);
        assert_eq!((meter.snapshot().read_half_units, meter.snapshot().write_half_units), (7, 58));
    }

    #[tokio::test]
    async fn permissions_are_recorded_by_function_and_by_kind_of_key() {
        let meter = Meter::default();
        meter.call([on(Action::GetItem)]);
        crate::in_the_name_of("earn", async { meter.call([on(Action::PutItem), Permission::SCAN]) }).await;
        crate::in_the_name_of("redeem", async { meter.call([Permission::query("codes#demo#mug", true)]) }).await;
        let codes = Permission { action: Action::Query, index: Some("by_seq"), leading_key: Some("codes#") };
        let expected = [("earn", [on(Action::PutItem), Permission::SCAN].into()), ("redeem", [codes].into())];
        assert_eq!(meter.needed(), expected.into());
    }
}
