//! The faults of the store, and whether a retry can help.

use std::{error::Error, fmt};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use regulars_domain::chain::TextMalformed;

/// A failure of the table or of this engine. It keeps its source. Neither its text nor its `Debug` contains data of an
/// item.
#[derive(thiserror::Error)]
pub enum StoreFault {
    /// The table did not respond in time or could not: a lost connection, a timeout, throttling, an internal error of
    /// the service. A write may have happened.
    #[error("the table is temporarily unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The table or this engine is in a wrong state: a corrupt item, a missing table or permission, a request that
    /// DynamoDB rejects. Nothing was written.
    #[error("the table or a request to it is in a wrong state")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreFault {
    /// Returns whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Broken(_) => false,
        }
    }

    /// Returns the fault for a failed call of the SDK.
    pub(crate) fn of<E>(error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if is_transient(&error) { Self::Unavailable(error.into()) } else { Self::Broken(error.into()) }
    }
}

/// Returns whether a failed call of the SDK may succeed later: a timeout, a lost connection, throttling, an internal error of
/// the service.
pub fn is_transient<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(failure) => !failure.is_user(),
        SdkError::ServiceError(failure) => {
            failure.raw().status().is_server_error() || failure.err().code().is_some_and(is_passing)
        }
        SdkError::ConstructionFailure(_) | _ => false,
    }
}

impl From<Corrupt> for StoreFault {
    fn from(corrupt: Corrupt) -> Self {
        Self::Broken(corrupt.into())
    }
}

impl From<PostingInvalid> for StoreFault {
    fn from(invalid: PostingInvalid) -> Self {
        Self::Broken(invalid.into())
    }
}

impl fmt::Debug for StoreFault {
    /// Prints the texts along the chain of sources. The SDK's own `Debug` would print a whole response, including
    /// items.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut source = self.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// An item differs from what this engine writes.
#[derive(Debug, thiserror::Error)]
#[error("the attribute `{attribute}` of an item of kind `{item}` cannot be read")]
pub struct Corrupt {
    /// The kind of item: `account`, `entry`, ...
    pub item: &'static str,
    /// The name of the attribute.
    pub attribute: &'static str,
    /// The cause of the read error, if it says more.
    #[source]
    pub source: Option<TextMalformed>,
}

/// A posting that violates an invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostingInvalid {
    /// It writes an entry that exists already, for an account that does not exist.
    #[error("a member without an account has entries")]
    AccountMissing,
    /// The account's version does not grow, so the next writer could not detect the commit.
    #[error("a posting does not increase the account's version")]
    VersionStands,
}

/// Returns whether DynamoDB rejected the call only temporarily. Most of these errors have the status 400.
pub(crate) fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "InternalServerError"
            | "InternalFailure"
            | "LimitExceededException"
            | "ProvisionedThroughputExceeded"
            | "ProvisionedThroughputExceededException"
            | "ReplicatedWriteConflictException"
            | "RequestLimitExceeded"
            | "RequestTimeout"
            | "ServiceUnavailable"
            | "Throttling"
            | "ThrottlingError"
            | "ThrottlingException"
            | "TransactionConflict"
            | "TransactionConflictException"
            | "TransactionInProgressException"
    )
}
