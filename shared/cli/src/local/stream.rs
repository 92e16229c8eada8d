//! The stream of the embedded table: every write, in order.

use dynoxide::Database;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::encode_shard_iterator;
use dynoxide::streams::shard_id;
use rusqlite::Connection;
use serde_json::Value;

use super::TABLE;
use super::failure::StartFailed;

/// An index with which the embedded database finds the end of its stream, at each write, without reading all of it.
const INDEX: &str = "CREATE INDEX IF NOT EXISTS _stream_records_in_order \
                     ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// Creates the index of the stream in the open database `name`.
pub(super) fn index(name: &str) {
    let made = Connection::open(name).and_then(|connection| connection.execute_batch(INDEX));
    if let Err(error) = made {
        // Everything works without it, but each write becomes slower as the stream grows.
        tracing::warn!(%error, "the index of the local stream cannot be created");
    }
}

/// The stream of the embedded table. Nothing is ever trimmed from it.
#[derive(Clone)]
pub struct Stream(Database);

/// Records of the stream as Lambda passes them to a function, and where the next ones begin.
#[derive(Debug)]
pub struct Records {
    /// The records, oldest first.
    pub records: Vec<Value>,
    /// Where the next ones begin.
    pub next: Place,
}

/// A place in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(String);

impl Default for Place {
    /// The beginning.
    fn default() -> Self {
        Self(encode_shard_iterator(TABLE, &shard_id(TABLE), 0))
    }
}

impl Stream {
    pub(super) fn of(database: &Database) -> Self {
        Self(database.clone())
    }

    /// Returns at most `limit` records from `place` on.
    ///
    /// # Errors
    ///
    /// The data cannot be read.
    pub async fn read(&self, place: Place, limit: usize) -> Result<Records, StartFailed> {
        let database = self.0.clone();
        let request = GetRecordsRequest { shard_iterator: place.0.clone(), limit: Some(limit) };
        // The database works synchronously, one request at a time.
        let read = tokio::task::spawn_blocking(move || database.get_records(request)).await;
        let read = read.map_err(StartFailed::new)?.map_err(StartFailed::new)?;
        let records = read.records.iter().map(serde_json::to_value).collect::<Result<_, _>>();
        let next = read.next_shard_iterator.map_or(place, Place);
        Ok(Records { records: records.map_err(StartFailed::new)?, next })
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

/// Returns whether a record of the stream matches one of these patterns of an event source's filter.
pub(super) fn is_wanted(record: &Value, patterns: &[Value]) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, Some(record)))
}

/// Implements the rules of Lambda's filters that the template uses: fields, alternatives, equality and `prefix`.
fn matches(pattern: &Value, value: Option<&Value>) -> bool {
    match pattern {
        Value::Object(fields) => fields.iter().all(|(name, pattern)| matches(pattern, value.and_then(|v| v.get(name)))),
        Value::Array(alternatives) => alternatives.iter().any(|alternative| {
            if let Some(prefix) = alternative.get("prefix").and_then(Value::as_str) {
                return value.and_then(Value::as_str).is_some_and(|text| text.starts_with(prefix));
            }
            value == Some(alternative)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_filter_lets_through_what_matches_one_of_its_patterns() {
        let patterns = [
            json!({ "eventName": ["INSERT"], "keys": { "sk": [{ "prefix": "entry#" }] } }),
            json!({ "eventName": ["MODIFY", "REMOVE"] }),
        ];
        for (record, is_wanted_by_one) in [
            (json!({ "eventName": "INSERT", "keys": { "sk": "entry#1" } }), true),
            (json!({ "eventName": "INSERT", "keys": { "sk": "account" } }), false),
            (json!({ "eventName": "INSERT" }), false),
            (json!({ "eventName": "REMOVE" }), true),
            (json!({ "keys": { "sk": "entry#1" } }), false),
        ] {
            assert_eq!(is_wanted(&record, &patterns), is_wanted_by_one, "{record}");
            assert!(is_wanted(&record, &[]), "no filter lets everything through");
        }
    }
}
