//! Makes every call to the table: each has a time limit, and each is counted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        retry::{RetryConfig, RetryPartition, TokenBucket},
        timeout::TimeoutConfig,
    },
    error::SdkError,
    operation::{
        batch_get_item::BatchGetItemOutput, get_item::GetItemOutput, query::QueryOutput, scan::ScanOutput,
        transact_write_items::TransactWriteItemsOutput,
    },
};

use crate::{meter::Meter, permission::Permission};

/// The maximum time of a connection, including TLS. TLS is slow on a small share of a CPU, and a packet that is lost
/// twice costs three seconds.
const CONNECTION: Duration = Duration::from_secs(3);

/// Attempts per call, including the first: the SDK's default.
const ATTEMPTS: u32 = 3;

/// The maximum pause before the second attempt; it doubles before the third. The SDK's default is a second, with which
/// a call would exceed its time limit.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The time limits of one kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The maximum time of one attempt. The SDK then tries again, on another connection.
    pub attempt: Duration,
    /// The maximum time of all attempts, including pauses.
    pub total: Duration,
}

/// The time limits of the calls to a table.
///
/// They apply to each call on its own. An invocation's deadline bounds all of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls until the table has answered for the first time, which open a connection.
    pub first: Limit,
    /// Calls that read or write a few items.
    pub point: Limit,
    /// Calls that read a page, which may be a megabyte.
    pub page: Limit,
}

impl Default for Limits {
    /// Returns the limits for DynamoDB, which answers most calls within ten milliseconds. All of them are below the ten
    /// seconds that a function has for a request.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            first: Limit { attempt: CONNECTION, total: seconds(5) },
            point: Limit { attempt: seconds(1), total: seconds(4) },
            page: Limit { attempt: seconds(5), total: seconds(8) },
        }
    }
}

impl Limits {
    /// Returns the same limit for every call, with one attempt: for a table on this machine, whose speed depends on the
    /// machine's load.
    #[must_use]
    pub fn uniform(limit: Duration) -> Self {
        let limit = Limit { attempt: limit, total: limit };
        Self { first: limit, point: limit, page: limit }
    }
}

/// The kind of data that a call reads or writes, which determines its time limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A few items.
    Point,
    /// A page of items.
    Page,
}

/// A response that reports its cost.
pub(crate) trait Billed {
    /// Adds the cost to the meter.
    fn bill(&self, meter: &Meter);
}

impl Billed for GetItemOutput {
    fn bill(&self, meter: &Meter) {
        meter.read(self.consumed_capacity.as_slice());
    }
}

impl Billed for QueryOutput {
    fn bill(&self, meter: &Meter) {
        meter.read(self.consumed_capacity.as_slice());
    }
}

impl Billed for ScanOutput {
    fn bill(&self, meter: &Meter) {
        meter.read(self.consumed_capacity.as_slice());
    }
}

impl Billed for BatchGetItemOutput {
    fn bill(&self, meter: &Meter) {
        meter.read(self.consumed_capacity());
    }
}

impl Billed for TransactWriteItemsOutput {
    fn bill(&self, meter: &Meter) {
        meter.written(self.consumed_capacity());
    }
}

/// Access to the table. Clones share the meter and the connections.
///
/// The client is private to this type, so no call can be made without a limit.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    first: Client,
    point: Client,
    page: Client,
    has_answered: Arc<AtomicBool>,
    meter: Arc<Meter>,
}

impl Calls {
    pub(crate) fn new(client: &Client, limits: Limits) -> Self {
        // A stalled table of one store must not use up the retries of another.
        let retries_left = RetryPartition::custom("table").token_bucket(TokenBucket::default()).build();
        // The limit of a connection is the same for all three, because clients share connections only then.
        let connection = limits.first.attempt;
        let limited = |Limit { attempt, total }: Limit| {
            let timeouts = TimeoutConfig::builder()
                .connect_timeout(connection)
                .operation_attempt_timeout(attempt)
                .operation_timeout(total)
                .build();
            let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE);
            let config = client.config().to_builder().timeout_config(timeouts).retry_config(retries);
            Client::from_conf(config.retry_partition(retries_left.clone()).build())
        };
        Self {
            first: limited(limits.first),
            point: limited(limits.point),
            page: limited(limits.page),
            has_answered: Arc::default(),
            meter: Arc::default(),
        }
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Makes a call of this kind, which needs these permissions, with the client that has its limits.
    pub(crate) async fn call<O, E, F>(
        &self,
        kind: Kind,
        permissions: impl IntoIterator<Item = Permission>,
        send: impl FnOnce(&Client) -> F,
    ) -> Result<O, SdkError<E>>
    where
        O: Billed,
        F: Future<Output = Result<O, SdkError<E>>>,
    {
        let client = match kind {
            // A page has more time than a first call with its connection.
            Kind::Page => &self.page,
            Kind::Point if self.has_answered.load(Ordering::Relaxed) => &self.point,
            Kind::Point => &self.first,
        };
        self.meter.call(permissions);
        // A call of the SDK is a future of ten kilobytes. On the heap, it does not enlarge every caller's future.
        let answer = Box::pin(send(client)).await;
        match &answer {
            Ok(output) => {
                self.has_answered.store(true, Ordering::Relaxed);
                output.bill(&self.meter);
            }
            Err(error) if error.raw_response().is_some() => self.has_answered.store(true, Ordering::Relaxed),
            Err(_) => {}
        }
        answer
    }
}
