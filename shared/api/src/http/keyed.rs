//! A request under its `Idempotency-Key`, as the application takes it, and who makes it.

use regulars_application::command::KeyedRequest;
use regulars_domain::{
    entry::By,
    fingerprint::Content,
    id::{EntryId, IdempotencyKey},
};
use serde_json::Value;

use super::{
    caller::Caller,
    problem::{Problem, ProblemCode},
    request::HttpRequest,
};

impl HttpRequest {
    /// This request for `operation`, under its key; `content` is what else tells it from another.
    ///
    /// # Errors
    ///
    /// Those of [`HttpRequest::idempotency_key`] and [`HttpRequest::actor`].
    pub fn keyed(&self, operation: &str, content: &Value) -> Result<KeyedRequest, Problem> {
        self.keyed_as(self.idempotency_key()?.into(), operation, content)
    }

    /// As [`HttpRequest::keyed`], for a request that is the same however its body is written.
    ///
    /// # Errors
    ///
    /// Those of [`HttpRequest::keyed`].
    pub fn keyed_by(&self, content: Content) -> Result<KeyedRequest, Problem> {
        let entry = self.idempotency_key()?.into();
        Ok(KeyedRequest { entry, content, by: self.by(), actor: self.actor()? })
    }

    /// As [`HttpRequest::keyed`], under an entry id that is not the caller's to choose.
    ///
    /// # Errors
    ///
    /// Those of [`HttpRequest::actor`].
    pub fn keyed_as(&self, entry: EntryId, operation: &str, content: &Value) -> Result<KeyedRequest, Problem> {
        Ok(KeyedRequest { entry, content: Content::of(operation, content), by: self.by(), actor: self.actor()? })
    }

    /// Who asks, as an entry tells it.
    #[must_use]
    pub fn by(&self) -> By {
        match self.caller() {
            Caller::Operator => By::Operator,
            Caller::Member(_) => By::Member,
        }
    }

    /// The `Idempotency-Key`. A request is carried out once under each key.
    ///
    /// # Errors
    ///
    /// `idempotency_key_missing`; `idempotency_key_malformed` if it is not 1 to 64 of `A-Z a-z 0-9 . _ : -`.
    pub fn idempotency_key(&self) -> Result<IdempotencyKey, Problem> {
        let Some(value) = self.headers().get("idempotency-key") else {
            return Err(Problem::new(
                ProblemCode::IdempotencyKeyMissing,
                "Send the order or receipt number as the header Idempotency-Key.",
            ));
        };
        let key = value.to_str().ok().and_then(|text| text.parse().ok());
        key.ok_or_else(|| {
            let detail = "Idempotency-Key is 1 to 64 of A-Z a-z 0-9 . _ : -";
            Problem::new(ProblemCode::IdempotencyKeyMalformed, detail)
        })
    }
}
