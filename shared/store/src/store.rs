//! The handle on the table that every operation hangs on.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Instant};

use aws_sdk_dynamodb::Client;

use crate::{
    calls::{Calls, Limits},
    fault::StoreFault,
    meter::Meter,
};

/// Accounts, entries, counters and programs in one DynamoDB table. Cloning is cheap; clones share a [`Meter`].
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) calls: Calls,
    pub(crate) table: String,
}

impl Store {
    /// The store behind `client` in `table`, with the time limits for DynamoDB ([`Limits::default`]). The client's own time
    /// limits and retries are replaced.
    pub fn new(client: &Client, table: impl Into<String>) -> Self {
        Self::with_limits(client, table, Limits::default())
    }

    /// [`Store::new`], with other time limits.
    pub fn with_limits(client: &Client, table: impl Into<String>, limits: Limits) -> Self {
        Self { calls: Calls::new(client, limits), table: table.into() }
    }

    /// What the calls of this store and its clones have cost so far.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        self.calls.meter()
    }
}

/// How many reads of one kind are under way at a time. Most commands look at one thing or two; a catalogue of rewards may
/// look at hundreds, and must not take up all connections.
const READS_AT_ONCE: usize = 16;

/// Does `work` for each of `keys`, a few at a time, and tells what came of it, in no order.
///
/// The work is done within the caller's task, so that a panic in it is the caller's.
///
/// # Errors
///
/// The first of the work's own.
pub(crate) async fn at_once<K, T, W>(
    keys: impl IntoIterator<Item = K>,
    work: impl Fn(K) -> W,
) -> Result<Vec<T>, StoreFault>
where
    W: Future<Output = Result<T, StoreFault>>,
{
    let mut waiting = keys.into_iter();
    let mut under_way: Vec<Pin<Box<W>>> = Vec::new();
    let mut done = Vec::new();
    loop {
        under_way.extend(
            waiting.by_ref().take(READS_AT_ONCE.saturating_sub(under_way.len())).map(|key| Box::pin(work(key))),
        );
        if under_way.is_empty() {
            return Ok(done);
        }
        let ended: Vec<_> = poll_fn(|context| {
            let mut ended = Vec::new();
            under_way.retain_mut(|work| match work.as_mut().poll(context) {
                Poll::Ready(result) => {
                    ended.push(result);
                    false
                }
                Poll::Pending => true,
            });
            if ended.is_empty() { Poll::Pending } else { Poll::Ready(ended) }
        })
        .await;
        for result in ended {
            done.push(result?);
        }
    }
}

/// Does `work`, but not beyond `deadline`.
///
/// # Errors
///
/// The work's own, or [`StoreFault::Unavailable`] when time is up. Nobody knows then whether a write that was under way
/// has happened; its request's next repeat finds out.
pub(crate) async fn by<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, StoreFault>>,
) -> Result<T, StoreFault> {
    tokio::time::timeout_at(deadline.into(), work)
        .await
        .unwrap_or_else(|elapsed| Err(StoreFault::Unavailable(elapsed.into())))
}
