//! The body of a return, over HTTP and in a message of the queue.

use std::collections::BTreeSet;

use regulars_domain::{
    money::{Amount, Money},
    purchase::{Quantity, Receipt},
    returned::ReturnedLine,
    reversal::{Return, Reversal},
    text::Label,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{body::told, refusal::Refusal};

/// A return. At most one of `returned`, `refund` and `refunded_total` says what was returned. Without them, the whole purchase was.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Return", extend("not" = json!({
    "anyOf": [
        { "required": ["returned", "refund"] },
        { "required": ["returned", "refunded_total"] },
        { "required": ["refund", "refunded_total"] },
    ],
})))]
#[serde(deny_unknown_fields)]
pub struct ReturnBody {
    /// The lines of this return.
    #[serde(default, deserialize_with = "told")]
    #[schemars(with = "Vec<Line>", length(min = 1))]
    returned: Option<Vec<Line>>,
    /// The amount of this return.
    #[serde(default, deserialize_with = "told")]
    #[schemars(with = "Money")]
    refund: Option<Money>,
    /// The sum of all refunds of the purchase so far, this one included.
    #[serde(default, deserialize_with = "told")]
    #[schemars(with = "Money")]
    refunded_total: Option<Money>,
    /// The receipt number of the return.
    #[serde(default)]
    receipt: Option<Receipt>,
    /// The store that took the goods back.
    #[serde(default)]
    store: Option<Label>,
    /// The reason, as a code of the operator.
    #[serde(default)]
    reason: Option<Label>,
}

/// A line of a return.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ReturnedLine")]
#[serde(deny_unknown_fields)]
struct Line {
    /// The id of the line.
    #[serde(rename = "line")]
    name: Label,
    /// The returned quantity. Without it, the rest of the line if its whole amount is refunded.
    #[serde(default, deserialize_with = "told")]
    #[schemars(with = "Quantity")]
    quantity: Option<Quantity>,
    /// The refunded amount, in minor units. Without it, the share of the quantity.
    #[serde(default, deserialize_with = "told")]
    #[schemars(with = "Amount")]
    amount: Option<Amount>,
}

impl ReturnBody {
    /// Returns the requested reversal.
    ///
    /// # Errors
    ///
    /// `body_malformed` if the return has more than one form, no lines, or one line twice.
    pub fn reversal(self) -> Result<Reversal, Refusal> {
        let Self { returned, refund, refunded_total, receipt, store, reason } = self;
        let returned = match (returned, refund, refunded_total) {
            (None, None, None) => Return::Everything,
            (Some(lines), None, None) => Return::Lines(distinct(lines)?),
            (None, Some(money), None) => Return::Refund(money),
            (None, None, Some(money)) => Return::RefundedTotal(money),
            (Some(_), _, _) | (None, Some(_), Some(_)) => {
                let detail = "A return has one of returned (its lines), refund (its amount) and refunded_total (all amounts so \
                    far), not several.";
                return Err(Refusal::body_malformed("", detail));
            }
        };
        Ok(Reversal { returned, receipt, store, reason })
    }
}

fn distinct(lines: Vec<Line>) -> Result<Vec<ReturnedLine>, Refusal> {
    if lines.is_empty() {
        let detail = "`returned` must name at least one line. Leave it out to return the whole purchase.";
        return Err(Refusal::body_malformed("/returned", detail));
    }
    let mut seen = BTreeSet::new();
    if let Some(place) = lines.iter().position(|line| !seen.insert(line.name.as_str().to_owned())) {
        let detail = "A return can name each line only once.";
        return Err(Refusal::body_malformed(format!("/returned/{place}/line"), detail));
    }
    Ok(lines.into_iter().map(|Line { name, quantity, amount }| ReturnedLine { line: name, quantity, amount }).collect())
}
