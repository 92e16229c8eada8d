//! The handle on the table that all operations use.

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
    /// Returns the store behind `client` in `table`, with the time limits for DynamoDB ([`Limits::default`]). The
    /// client's own time limits and retries are replaced.
    pub fn new(client: &Client, table: impl Into<String>) -> Self {
        Self::with_limits(client, table, Limits::default())
    }

    /// Like [`Store::new`], with other time limits.
    pub fn with_limits(client: &Client, table: impl Into<String>, limits: Limits) -> Self {
        Self { calls: Calls::new(client, limits), table: table.into() }
    }

    /// Returns what the calls of this store and its clones have cost so far.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        self.calls.meter()
    }
}

/// Maximum number of concurrent reads of one kind. Most commands read one or two items; a catalogue of rewards may read
/// hundreds, and must not use up all connections.
const READS_AT_ONCE: usize = 16;

/// Runs `work` for each of `keys`, a few concurrently, and returns the results in no order.
///
/// The work runs within the caller's task, so that a panic in it is the caller's.
///
/// # Errors
///
/// The first error of the work.
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

/// Runs `work` until `deadline`.
///
/// # Errors
///
/// The error of the work, or [`StoreFault::Unavailable`] at the deadline. It is then unknown whether a write in
/// progress has happened; a repeat of the request shows it.
pub(crate) async fn by<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, StoreFault>>,
) -> Result<T, StoreFault> {
    tokio::time::timeout_at(deadline.into(), work)
        .await
        .unwrap_or_else(|elapsed| Err(StoreFault::Unavailable(elapsed.into())))
}
