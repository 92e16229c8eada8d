//! A warning in an answer.

use regulars_domain::program::Finding;
use schemars::JsonSchema;
use serde::Serialize;

/// A warning about an accepted request.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WarningView {
    /// A JSON pointer (RFC 6901) into the body of the request.
    at: String,
    /// The kind of warning: a stable code.
    code: &'static str,
    /// The warning, in a sentence.
    message: String,
}

impl From<Finding> for WarningView {
    fn from(Finding { at, code, message }: Finding) -> Self {
        Self { at, code, message }
    }
}
