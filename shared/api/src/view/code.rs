//! The view of a code of a reward.

use jiff::civil::Date;
use regulars_domain::{
    code::{Code, CodeState, KeptCode},
    money::Money,
};
use schemars::JsonSchema;
use serde::Serialize;

/// A code of a reward. It names no member, so that a till can read it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CodeView {
    /// The code.
    code: Code,
    /// The state of the code.
    state: CodeState,
    /// The last day on which the code can be used; `null` if it does not expire.
    expires_on: Option<Date>,
    /// The money that the code was worth when it was given, if it has a balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Money>,
    /// The balance that is left, regardless of the state of the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<Money>,
}

impl CodeView {
    /// Returns the view of `kept` on `today`, a day of the program's time zone.
    #[must_use]
    pub fn new(kept: &KeptCode, today: Date) -> Self {
        Self {
            code: kept.code.clone(),
            state: kept.state(today),
            expires_on: kept.terms.expires_on,
            value: kept.terms.value,
            balance: kept.balance(),
        }
    }
}
