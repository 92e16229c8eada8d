//! The permissions of a call: an action of AWS IAM on partition keys of one kind.

use crate::table::{BY_SEQ, DUE, kind_of};

/// An action of AWS IAM. A transaction needs those of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// `dynamodb:BatchGetItem`.
    BatchGetItem,
    /// `dynamodb:GetItem`.
    GetItem,
    /// `dynamodb:PutItem`.
    PutItem,
    /// `dynamodb:Query`.
    Query,
    /// `dynamodb:Scan`, to iterate over the whole table.
    Scan,
    /// `dynamodb:UpdateItem`.
    UpdateItem,
}

impl Action {
    /// Returns the name that a policy grants.
    #[must_use]
    pub fn iam_name(self) -> &'static str {
        match self {
            Self::BatchGetItem => "dynamodb:BatchGetItem",
            Self::GetItem => "dynamodb:GetItem",
            Self::PutItem => "dynamodb:PutItem",
            Self::Query => "dynamodb:Query",
            Self::Scan => "dynamodb:Scan",
            Self::UpdateItem => "dynamodb:UpdateItem",
        }
    }
}

/// An action on the table or one of its indexes, and the kind of partition keys that it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The action.
    pub action: Action,
    /// The index, if it is on one.
    pub index: Option<&'static str>,
    /// The prefix of the partition keys, such as `member#`. `None` for a scan, which names no key, and for the index
    /// `due`, whose partition keys are numbers.
    pub leading_key: Option<&'static str>,
}

impl Permission {
    /// Returns the action on the item under this partition key.
    pub(crate) fn on(action: Action, pk: &str) -> Self {
        Self { action, index: None, leading_key: Some(kind_of(pk)) }
    }

    /// Returns a query of a partition, through the index `by_seq` if it `is_by_seq`.
    pub(crate) fn query(pk: &str, is_by_seq: bool) -> Self {
        Self { index: is_by_seq.then_some(BY_SEQ), ..Self::on(Action::Query, pk) }
    }

    /// A query of the index `due`.
    pub(crate) const DUE: Self = Self { action: Action::Query, index: Some(DUE), leading_key: None };

    /// A scan of the table.
    pub(crate) const SCAN: Self = Self { action: Action::Scan, index: None, leading_key: None };
}

tokio::task_local! {
    static FUNCTION: &'static str;
}

/// Runs `work` in the name of `function`, so that a [`Meter`](crate::Meter) can distinguish the functions of one
/// process.
pub async fn in_the_name_of<T>(function: &'static str, work: impl Future<Output = T>) -> T {
    FUNCTION.scope(function, work).await
}

/// Returns the function in whose name the current task runs; `None` outside of [`in_the_name_of`].
pub(crate) fn function() -> Option<&'static str> {
    FUNCTION.try_with(|name| *name).ok()
}
