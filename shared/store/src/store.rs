//! The handle on the table that every operation hangs on.

use std::{sync::Arc, time::Instant};

use aws_sdk_dynamodb::Client;

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
    /// The client's own timeouts and retries (the SDK's standard ones) hold for each call; [`Store::act`] bounds all
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
