//! A code of a reward as it is answered.

use jiff::civil::Date;
use regulars_domain::{
    code::{Code, KeptCode},
    money::Money,
};
use serde::Serialize;

/// A code of a reward. It names no member, so that a till can read it.
#[derive(Clone, Debug, Serialize)]
pub struct CodeView {
    code: Code,
    state: &'static str,
    expires_on: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Money>,
    /// The value less what was used of it, whatever the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<Money>,
}

impl CodeView {
    /// Returns the view of `kept` on `today`, a day of the program's time zone.
    #[must_use]
    pub fn new(kept: &KeptCode, today: Date) -> Self {
        Self {
            code: kept.code.clone(),
            state: kept.state(today).name(),
            expires_on: kept.terms.expires_on,
            value: kept.terms.value,
            balance: kept.balance(),
        }
    }
}
