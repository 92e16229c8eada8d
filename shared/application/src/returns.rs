//! The body of a return, over HTTP and in a message of the queue.

use std::collections::BTreeSet;

use regulars_domain::{
    money::{Amount, Money},
    purchase::{Quantity, Receipt},
    returned::ReturnedLine,
    reversal::{Return, Reversal},
    text::Label,
};
use serde::Deserialize;

use crate::{body::told, refusal::Refusal};

/// A return in one of its four forms, with the shop's data about it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnBody {
    #[serde(default, deserialize_with = "told")]
    returned: Option<Vec<Line>>,
    #[serde(default, deserialize_with = "told")]
    refund: Option<Money>,
    #[serde(default, deserialize_with = "told")]
    refunded_total: Option<Money>,
    #[serde(default)]
    receipt: Option<Receipt>,
    #[serde(default)]
    store: Option<Label>,
    #[serde(default)]
    reason: Option<Label>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(rename = "line")]
    name: Label,
    #[serde(default, deserialize_with = "told")]
    quantity: Option<Quantity>,
    #[serde(default, deserialize_with = "told")]
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
        let detail = "Name the lines that came back; without returned, the whole purchase came back.";
        return Err(Refusal::body_malformed("/returned", detail));
    }
    let mut seen = BTreeSet::new();
    if let Some(place) = lines.iter().position(|line| !seen.insert(line.name.as_str().to_owned())) {
        let detail = "A return names each line once.";
        return Err(Refusal::body_malformed(format!("/returned/{place}/line"), detail));
    }
    Ok(lines.into_iter().map(|Line { name, quantity, amount }| ReturnedLine { line: name, quantity, amount }).collect())
}
