//! Writes several items or none, and reports for each part why nothing was written.

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, Update,
    },
};

use crate::{
    calls::Kind,
    fault::StoreFault,
    item::{Item, key_attributes},
    permission::{Action, Permission},
    store::Store,
    table::{Key, PK},
};

/// The result of a transaction that DynamoDB answered.
#[derive(Debug)]
pub(crate) enum Transacted {
    /// Everything was written.
    Done,
    /// Nothing was written.
    Cancelled {
        /// The reason for each part, in the order of the request.
        checks: Vec<Check>,
        /// The response itself, in case no check explains it.
        fault: StoreFault,
    },
    /// Nothing was evaluated: the table is throttled, or the same transaction is in progress.
    Contended,
}

/// DynamoDB's result for one part of a cancelled transaction.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Check {
    /// No failure. If another part conflicted, this does not mean that the condition held.
    Passed,
    /// Its condition failed; with the existing item, if there is one.
    Failed(Option<Item>),
    /// Another transaction is changing the same item.
    Conflicted,
    /// The table has no capacity for it at the moment.
    Throttled,
    /// It can never be written.
    Refused,
}

impl Store {
    /// Writes all of `parts` or nothing.
    ///
    /// The SDK sends a token by which DynamoDB recognises the same request for ten minutes. Nothing depends on it:
    /// conditions prevent everything that must not happen twice.
    pub(crate) async fn transact(&self, parts: Vec<TransactWriteItem>) -> Result<Transacted, StoreFault> {
        let expected = parts.len();
        let needed: Vec<_> = parts.iter().filter_map(permission).collect();
        let written = self.calls.call(Kind::Point, needed, |client| {
            client
                .transact_write_items()
                .set_transact_items(Some(parts))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
        });
        match written.await {
            Ok(_) => Ok(Transacted::Done),
            Err(error) => cancelled(error, expected),
        }
    }

    /// Returns a part that puts `item` under `condition`, with the condition's values.
    pub(crate) fn put(
        &self,
        item: Item,
        condition: &'static str,
        values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> Result<TransactWriteItem, StoreFault> {
        let values: Item = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = put.build().map_err(|error| StoreFault::Broken(error.into()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Returns a part that changes the item under `key` by `update`, under `condition`, with the values of both.
    pub(crate) fn update(
        &self,
        key: Key,
        update: &'static str,
        condition: &'static str,
        values: Item,
    ) -> Result<TransactWriteItem, StoreFault> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key_attributes(key)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = update.build().map_err(|error| StoreFault::Broken(error.into()))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// Returns the permission for `part`, which is a put or an update: it has a key.
fn permission(part: &TransactWriteItem) -> Option<Permission> {
    let (action, item) = match (part.update(), part.put()) {
        (Some(update), _) => (Action::UpdateItem, update.key()),
        (None, put) => (Action::PutItem, put?.item()),
    };
    Some(Permission::on(action, item.get(PK)?.as_s().ok()?))
}

fn cancelled(error: SdkError<TransactWriteItemsError>, expected: usize) -> Result<Transacted, StoreFault> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            let checks: Vec<Check> = cancelled.cancellation_reasons().iter().map(check).collect();
            let fault = StoreFault::of(error);
            if checks.len() == expected { Ok(Transacted::Cancelled { checks, fault }) } else { Err(fault) }
        }
        Some(refused) if refused.code().is_some_and(is_contention) => Ok(Transacted::Contended),
        Some(_) | None => Err(StoreFault::of(error)),
    }
}

fn check(reason: &CancellationReason) -> Check {
    match reason.code() {
        None | Some("None") => Check::Passed,
        Some("ConditionalCheckFailed") => Check::Failed(reason.item.clone()),
        Some("TransactionConflict") => Check::Conflicted,
        Some("ProvisionedThroughputExceeded" | "ThrottlingError" | "RequestLimitExceeded") => Check::Throttled,
        Some(_) => Check::Refused,
    }
}

/// Returns whether a transaction was rejected before it was evaluated, or is already in progress: in both cases the
/// command can decide again.
fn is_contention(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "ThrottlingException"
            | "TransactionConflictException"
            | "TransactionInProgressException"
    )
}
