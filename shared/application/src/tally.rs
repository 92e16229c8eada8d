//! Counts what one call did, for its log line: points moved, conflicts, and what the table charged.

use std::{cell::RefCell, collections::BTreeMap};

use regulars_domain::{
    entry::{Entry, Kind},
    flow::Flow,
    posting::Posting,
};
use regulars_store::{Usage, metered};

/// The counters of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// Points of [`Flow::Issued`].
    Issued,
    /// Points of [`Flow::Reversed`].
    Reversed,
    /// Points of [`Flow::Redeemed`]: of redemptions without a hold, and of captures.
    Redeemed,
    /// Points of [`Flow::Restored`].
    Restored,
    /// Points of [`Flow::Expired`].
    Expired,
    /// Points reserved by holds.
    Held,
    /// Points of holds that ended without a capture.
    Released,
    /// Members who joined.
    Joined,
    /// Commits that failed because another command was faster. Each was retried, or the call ended as `busy`.
    Conflicts,
}

/// The counts of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The capacity that the table charged.
    pub usage: Usage,
    /// Whether the request had succeeded before under the same key.
    pub is_replayed: bool,
    counts: BTreeMap<Counted, u64>,
}

tokio::task_local! {
    static TALLY: RefCell<Tally>;
}

/// Runs `work`, and returns what it did. Concurrent work has separate counts.
pub fn tallied<T>(work: impl Future<Output = T>) -> impl Future<Output = (T, Tally)> {
    // Boxed, because each layer around it would store it twice.
    let work = Box::pin(work);
    TALLY.scope(RefCell::default(), async {
        let (done, usage) = metered(work).await;
        (done, Tally { usage, ..TALLY.with(RefCell::take) })
    })
}

impl Tally {
    /// Returns the count of `what`, if there is any.
    #[must_use]
    pub fn count(&self, what: Counted) -> Option<u64> {
        self.counts.get(&what).copied()
    }

    fn add(&mut self, what: Counted, amount: u64) {
        let count = self.counts.entry(what).or_default();
        *count = count.saturating_add(amount);
    }

    fn add_entry(&mut self, entry: &Entry) {
        if entry.kind() == Kind::Enrollment {
            self.add(Counted::Joined, 1);
        }
        let is_hold = entry.redeemed().is_some_and(|redeemed| redeemed.hold_expires_at.is_some());
        let (what, points) = match entry.flow() {
            Some(Flow::Redeemed) if is_hold => (Counted::Held, entry.held()),
            None if entry.kind() == Kind::Cancellation => (Counted::Released, entry.held()),
            Some(Flow::Issued | Flow::Reversed) if entry.change().is_zero() => return,
            Some(Flow::Issued) => (Counted::Issued, entry.change()),
            Some(Flow::Reversed) => (Counted::Reversed, entry.change()),
            Some(Flow::Redeemed) => (Counted::Redeemed, entry.change()),
            Some(Flow::Restored) => (Counted::Restored, entry.change()),
            Some(Flow::Expired) => (Counted::Expired, entry.change()),
            Some(Flow::Lapsed | Flow::Adjusted | Flow::Moved | Flow::Forfeited) | None => return,
        };
        self.add(what, points.get().unsigned_abs());
    }
}

/// Counts what a committed `posting` did.
pub(crate) fn committed(posting: &Posting) {
    note(|tally| {
        for change in posting.changes() {
            change.entries.iter().for_each(|sealed| tally.add_entry(&sealed.entry));
        }
    });
}

/// Counts a commit that failed because another command was faster.
pub(crate) fn lost_race() {
    note(|tally| tally.add(Counted::Conflicts, 1));
}

/// Notes that the request had succeeded before.
pub(crate) fn replayed() {
    note(|tally| tally.is_replayed = true);
}

/// Changes the tally of the current call, if there is one.
fn note(change: impl FnOnce(&mut Tally)) {
    let _ = TALLY.try_with(|tally| change(&mut tally.borrow_mut()));
}
