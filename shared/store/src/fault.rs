//! What the store's faults are, and whether trying again later can help.

use std::{error::Error, fmt};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use regulars_domain::chain::TextMalformed;

/// The table or this engine failed. It keeps what it came from; neither its own text nor its `Debug` holds anything that
/// an item held.
#[derive(thiserror::Error)]
pub enum StoreFault {
    /// The table did not do it in time: a lost connection, a timeout, throttling, an internal error of the service. A
    /// write may have happened.
    #[error("the table is not available for now")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The table or this engine is not as it should be: a corrupt item, a missing table or permission, a request that
    /// DynamoDB refuses. Nothing was written.
    #[error("the table or a request to it is not as it should be")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreFault {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Broken(_) => false,
        }
    }

    /// What a failed call of the SDK comes to.
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
    /// The texts along the chain of sources. The SDK's own `Debug` would print a whole answer, items included.
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

/// An item is not what this engine writes.
#[derive(Debug, thiserror::Error)]
#[error("the attribute `{attribute}` of an item of kind `{item}` cannot be read")]
pub struct Corrupt {
    /// The kind of item: `account`, `entry`, ...
    pub item: &'static str,
    /// The name of the attribute.
    pub attribute: &'static str,
    /// What reading it came to, where that says more.
    #[source]
    pub source: Option<TextMalformed>,
}

/// A posting that cannot be right, whatever its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostingInvalid {
    /// It writes an entry that is there already, for an account that is not.
    #[error("a member without an account has entries")]
    AccountMissing,
    /// The account's version does not grow, so the next writer could not tell that there was a commit.
    #[error("a posting leaves the account's version as it was")]
    VersionStands,
}

/// Whether DynamoDB refused for the moment only. Most of these come as a client's error, 400.
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
