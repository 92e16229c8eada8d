//! The handle on the table that every operation hangs on.

use std::{sync::Arc, time::Instant};

use aws_sdk_dynamodb::Client;
use tokio::task::JoinSet;

use crate::{fault::StoreFault, meter::Meter};

/// Accounts, entries, counters and programs in one DynamoDB table. Cloning is cheap; clones share a [`Meter`].
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) table: String,
    meter: Arc<Meter>,
}

impl Store {
    /// The store behind `client` in `table`.
    ///
    /// The client's own timeouts and retries (the SDK's standard ones) hold for each call; [`Store::carry_out`] bounds all
    /// of its calls together by its deadline.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into(), meter: Arc::default() }
    }

    /// What the calls of this store and its clones have cost so far.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }
}

/// How many reads of one kind are under way at a time. Most commands look at one thing or two; a catalogue of rewards may
/// look at hundreds, and must not take up all connections.
const READS_AT_ONCE: usize = 16;

/// Does `work` for each of `keys`, a few at a time, and tells what came of it, in no order.
///
/// # Errors
///
/// The first of the work's own.
pub(crate) async fn at_once<K, T, W>(
    keys: impl IntoIterator<Item = K>,
    work: impl Fn(K) -> W,
) -> Result<Vec<T>, StoreFault>
where
    T: Send + 'static,
    W: Future<Output = Result<T, StoreFault>> + Send + 'static,
{
    let mut waiting = keys.into_iter();
    let mut under_way = JoinSet::new();
    let mut done = Vec::new();
    loop {
        while under_way.len() < READS_AT_ONCE {
            let Some(key) = waiting.next() else { break };
            under_way.spawn(work(key));
        }
        let Some(ended) = under_way.join_next().await else { return Ok(done) };
        done.push(ended.map_err(|panicked| StoreFault::Broken(panicked.into()))??);
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
