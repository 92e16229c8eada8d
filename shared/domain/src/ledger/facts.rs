//! The facts of a purchase, stored next to its entry. Returns and amendments are assessed with them, and they explain
//! why a purchase gave its points.
//!
//! They are outside of the hashed text, so that they can be erased. The entry's fingerprint proves them.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize, de};

use crate::{
    state::{
        account::{AttributeValue, Bought},
        qualifying::Qualifying,
    },
    values::{
        id::{AttributeId, LevelId, PlanId},
        money::{Amount, Currency, Money},
        purchase::{Line, Parts, Purchase, Quantity, Receipt},
        scalar::Scalar,
        text::Label,
    },
};

/// The format in which this release writes facts.
const FACTS_FORMAT: u32 = 1;

/// What conditions can read about a member, as of just before a purchase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberThen {
    /// The member's level, by its id under the rules that decided.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<LevelId>,
    /// The member's plan, and its earning percentage.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<(PlanId, i64)>,
    /// The day on which the member joined.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub enrolled_on: Option<Date>,
    /// The member's attributes.
    #[serde(rename = "a", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<AttributeId, AttributeValue>,
    /// The member's earlier purchases.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub bought: Option<Bought>,
    /// The amounts that counted toward a tier in the period of the purchase.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Qualifying>,
}

/// The facts of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseFacts {
    /// The purchase, as the shop sent it.
    pub purchase: Purchase,
    /// What conditions could read about the member; `None` for an amendment, which is assessed with those of the
    /// purchase that it amends.
    pub member: Option<MemberThen>,
}

/// The stored form of facts: short names, and a list for each line, because storage is paid by the kilobyte.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(rename = "v")]
    format: u32,
    #[serde(rename = "o")]
    occurred_at: Timestamp,
    #[serde(rename = "t")]
    total: Amount,
    #[serde(rename = "u")]
    currency: Currency,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    channel: Option<Label>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    store: Option<Label>,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
    /// Tax, shipping, tip, discount, paid with points, paid with a gift card.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    parts: Option<[Amount; 6]>,
    #[serde(rename = "a", default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, Scalar>,
    #[serde(rename = "l", default, skip_serializing_if = "Vec::is_empty")]
    lines: Vec<WrittenLine>,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    member: Option<MemberThen>,
}

/// Article, category, quantity, amount, and the line's name if it has one.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenLine {
    Named(Option<Label>, Option<Label>, Quantity, Amount, Label),
    Plain(Option<Label>, Option<Label>, Quantity, Amount),
}

impl From<Line> for WrittenLine {
    fn from(Line { id, sku, category, quantity, amount }: Line) -> Self {
        match id {
            Some(id) => Self::Named(sku, category, quantity, amount, id),
            None => Self::Plain(sku, category, quantity, amount),
        }
    }
}

impl From<WrittenLine> for Line {
    fn from(line: WrittenLine) -> Self {
        match line {
            WrittenLine::Named(sku, category, quantity, amount, id) => {
                Self { id: Some(id), sku, category, quantity, amount }
            }
            WrittenLine::Plain(sku, category, quantity, amount) => Self { id: None, sku, category, quantity, amount },
        }
    }
}

impl PurchaseFacts {
    /// Returns the text in which they are stored.
    ///
    /// # Panics
    ///
    /// Never: all facts can be written as JSON.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { purchase, member } = self.clone();
        let Purchase { occurred_at, total, channel, store, receipt, parts, attributes, lines } = purchase;
        let written = Written {
            format: FACTS_FORMAT,
            occurred_at,
            total: total.amount,
            currency: total.currency,
            channel,
            store,
            receipt,
            parts: (parts != Parts::default()).then(|| parts.named().map(|(_, part)| part)),
            attributes,
            lines: lines.into_iter().map(WrittenLine::from).collect(),
            member,
        };
        serde_json::to_string(&written).expect("facts have only string keys, whole numbers and quantities")
    }

    /// Reads facts from the text in which they are stored.
    ///
    /// # Errors
    ///
    /// The text is malformed, or has the format of a later release.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        let written: Written = serde_json::from_str(text)?;
        if written.format > FACTS_FORMAT {
            return Err(de::Error::custom(format!("format {} is later than {FACTS_FORMAT}", written.format)));
        }
        let Written { occurred_at, total, currency, channel, store, receipt, parts, .. } = written;
        let [tax, shipping, tip, discount, paid_with_points, paid_with_gift_card] = parts.unwrap_or_default();
        let purchase = Purchase {
            occurred_at,
            total: Money { amount: total, currency },
            channel,
            store,
            receipt,
            parts: Parts { tax, shipping, tip, discount, paid_with_points, paid_with_gift_card },
            attributes: written.attributes,
            lines: written.lines.into_iter().map(Line::from).collect(),
        };
        Ok(Self { purchase, member: written.member })
    }
}
