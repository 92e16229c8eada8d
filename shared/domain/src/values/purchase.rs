//! A purchase, as a till or a shop reports it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Number, json};

use crate::values::{
    fingerprint::{ACCRUAL, Content},
    instant::{self, OffsetTime},
    money::{Amount, Money},
    scalar::{Scalar, Scalars, or_default, scalars},
    text::Label,
};

/// Maximum number of lines of a purchase.
pub const LINES_MAX: usize = 200;

/// Maximum length of a receipt number, in characters.
const RECEIPT_LENGTH_MAX: usize = 64;

/// A purchase.
///
/// `tax`, `shipping`, `tip`, `paid_with_points` and `paid_with_gift_card` are parts of `total`. `discount` was already deducted from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
pub struct Purchase {
    /// When the purchase was made.
    pub occurred_at: Timestamp,
    /// The total that was paid.
    pub total: Money,
    /// The sales channel, such as `app`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Label>,
    /// The store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<Label>,
    /// The receipt number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// The parts of the total that are not lines.
    #[serde(flatten)]
    pub parts: Parts,
    /// Attributes that the shop defines: texts, whole numbers and booleans.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Scalar>,
    /// The lines of the order. Their amounts add up to no more than `total`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
}

/// Parts of a total that are not lines, in minor units of the purchase's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parts {
    /// Tax on top of the lines, in minor units.
    #[serde(skip_serializing_if = "is_nothing")]
    pub tax: Amount,
    /// Shipping costs, in minor units.
    #[serde(skip_serializing_if = "is_nothing")]
    pub shipping: Amount,
    /// The tip, in minor units.
    #[serde(skip_serializing_if = "is_nothing")]
    pub tip: Amount,
    /// The discount that was already taken off the total, in minor units.
    #[serde(skip_serializing_if = "is_nothing")]
    pub discount: Amount,
    /// The part of the total that was paid with points, in minor units.
    #[serde(skip_serializing_if = "is_nothing")]
    pub paid_with_points: Amount,
    /// The part of the total that was paid with a gift card, in minor units.
    #[serde(skip_serializing_if = "is_nothing")]
    pub paid_with_gift_card: Amount,
}

impl Parts {
    /// Returns each part with its name.
    pub(crate) fn named(&self) -> [(&'static str, Amount); 6] {
        [
            ("tax", self.tax),
            ("shipping", self.shipping),
            ("tip", self.tip),
            ("discount", self.discount),
            ("paid_with_points", self.paid_with_points),
            ("paid_with_gift_card", self.paid_with_gift_card),
        ]
    }
}

/// One line of a purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The id by which a return names the line. Without one, it is the line's position, from `"0"` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Label>,
    /// The article number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Label>,
    /// The category of the article.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Label>,
    /// The quantity: pieces or a weight.
    pub quantity: Quantity,
    /// The price of the whole line, in minor units of the purchase's currency.
    pub amount: Amount,
}

/// A quantity, 0 to 1,000,000, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i64);

impl Quantity {
    const THOUSANDTHS_MAX: i64 = 1_000_000_000;

    /// Returns the number of whole pieces.
    #[must_use]
    pub fn pieces(self) -> i64 {
        self.0.checked_div(1_000).unwrap_or_default()
    }

    /// The quantity zero.
    pub const ZERO: Self = Self(0);

    /// Returns a quantity of `thousandths` of a piece; `None` below zero or above the maximum.
    #[must_use]
    pub fn of_thousandths(thousandths: i64) -> Option<Self> {
        (0..=Self::THOUSANDTHS_MAX).contains(&thousandths).then_some(Self(thousandths))
    }

    /// Returns the quantity in thousandths of a piece.
    #[must_use]
    pub fn thousandths(self) -> i64 {
        self.0
    }

    /// Returns the sum of this and `other`.
    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns this less `other`, at least zero.
    #[must_use]
    pub(crate) fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }

    /// Parses a number with up to three decimals.
    fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(decimals) || decimals.trim_end_matches('0').len() > 3 {
            return None;
        }
        let thousandths = format!("{:0<3}", decimals.trim_end_matches('0')).parse::<i64>().ok()?;
        let whole = whole.parse::<i64>().ok()?.checked_mul(1_000)?;
        whole.checked_add(thousandths).filter(|thousandths| *thousandths <= Self::THOUSANDTHS_MAX).map(Self)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let whole = Self(Self::THOUSANDTHS_MAX).pieces();
        // Without `multipleOf`: 0.001 is no binary fraction, so most validators would reject 0.35.
        json_schema!({ "type": "number", "minimum": 0, "maximum": whole })
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?.to_string();
        Self::parse(&number).ok_or_else(|| de::Error::custom("must be 0 to 1000000, with at most three decimals"))
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (whole, decimals) = (self.pieces(), self.0.checked_rem(1_000).unwrap_or_default());
        let text = if decimals == 0 { whole.to_string() } else { format!("{whole}.{decimals:03}") };
        let number: Number = text.trim_end_matches(|end| text.contains('.') && end == '0').parse().map_err(|_| {
            // A number of digits with at most one point.
            serde::ser::Error::custom("a quantity is no number")
        })?;
        number.serialize(serializer)
    }
}

/// The number of a receipt: 1 to 64 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Receipt(String);

impl Receipt {
    /// The number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl JsonSchema for Receipt {
    fn schema_name() -> Cow<'static, str> {
        "Receipt".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": format!("^[ -~]{{1,{RECEIPT_LENGTH_MAX}}}$") })
    }
}

impl<'de> Deserialize<'de> for Receipt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if is_printable && (1..=RECEIPT_LENGTH_MAX).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(de::Error::custom(format!("must be 1 to {RECEIPT_LENGTH_MAX} printable ASCII characters")))
        }
    }
}

/// A purchase as a till or a shop reports it. The lines and every part except `discount` are contained in `total`.
// The relations between the fields are checked afterwards, by `TryFrom`.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Purchase")]
#[serde(deny_unknown_fields)]
struct Written {
    /// When the purchase was made, with the offset from UTC.
    #[serde(deserialize_with = "instant::deserialize")]
    #[schemars(with = "OffsetTime")]
    occurred_at: Timestamp,
    /// The total that was paid.
    total: Money,
    /// The sales channel, such as `app`.
    #[serde(default)]
    channel: Option<Label>,
    /// The store.
    #[serde(default)]
    store: Option<Label>,
    /// The receipt number, of printable ASCII characters.
    #[serde(default)]
    receipt: Option<Receipt>,
    /// Tax on top of the lines, in minor units.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Amount>")]
    tax: Amount,
    /// Shipping costs, in minor units.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Amount>")]
    shipping: Amount,
    /// The tip, in minor units.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Amount>")]
    tip: Amount,
    /// The discount that was already taken off the total, in minor units.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Amount>")]
    discount: Amount,
    /// The part of the total that was paid with points, in minor units.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Amount>")]
    paid_with_points: Amount,
    /// The part of the total that was paid with a gift card, in minor units.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<Amount>")]
    paid_with_gift_card: Amount,
    /// Attributes that the shop defines: texts, whole numbers and booleans. Conditions read them as `purchase.attributes`.
    #[serde(default, deserialize_with = "scalars")]
    #[schemars(with = "Option<Scalars>")]
    attributes: BTreeMap<String, Scalar>,
    /// The lines of the order. Their amounts add up to no more than `total`.
    #[serde(default, deserialize_with = "lines")]
    #[schemars(with = "Option<Vec<Line>>", length(max = LINES_MAX))]
    lines: Vec<Line>,
}

impl TryFrom<Written> for Purchase {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { occurred_at, total, channel, store, receipt, tax, shipping, tip, attributes, lines, .. } =
            written;
        let Written { discount, paid_with_points, paid_with_gift_card, .. } = written;
        let parts = Parts { tax, shipping, tip, discount, paid_with_points, paid_with_gift_card };
        // The total does not contain the discount.
        let mut contained = parts.named().into_iter().filter(|(name, _)| *name != "discount");
        if let Some((name, _)) = contained.find(|(_, part)| *part > total.amount) {
            return Err(format!("`{name}` is a part of `total`, so it must not be more than the total"));
        }
        let purchase = Self { occurred_at, total, channel, store, receipt, parts, attributes, lines };
        let mut seen = BTreeSet::new();
        if let Some(id) = purchase.line_ids().into_iter().find(|id| !seen.insert(id.clone())) {
            return Err(format!(
                "two lines have the id {id}; a line without an `id` is named by its position, starting at 0"
            ));
        }
        Ok(purchase)
    }
}

impl Purchase {
    /// Returns the content of a request that posts it. It does not depend on how the purchase is written as JSON, so
    /// the fingerprint of its entry proves the stored facts.
    #[must_use]
    pub fn content(&self) -> Content {
        Content::of(ACCRUAL, &json!({ "purchase": self }))
    }

    /// Returns the id of each line.
    #[must_use]
    pub fn line_ids(&self) -> Vec<String> {
        let lines = self.lines.iter().enumerate();
        lines
            .map(|(place, line)| line.id.as_ref().map_or_else(|| place.to_string(), |id| id.as_str().to_owned()))
            .collect()
    }

    /// Returns the position of the line `id`.
    #[must_use]
    pub fn place_of(&self, id: &str) -> Option<usize> {
        self.line_ids().iter().position(|known| known == id)
    }

    /// Returns the amount outside of the lines, in minor units.
    #[must_use]
    pub fn outside_lines(&self) -> i64 {
        self.total.amount.get().saturating_sub(self.lines_total()).max(0)
    }

    /// Returns the sum of the lines, in minor units.
    #[must_use]
    pub fn lines_total(&self) -> i64 {
        self.lines.iter().fold(0, |sum, line| sum.saturating_add(line.amount.get()))
    }
}

fn lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Line>, D::Error> {
    let lines: Vec<Line> = or_default(deserializer)?;
    if lines.len() > LINES_MAX {
        return Err(de::Error::custom(format!("must have at most {LINES_MAX} lines")));
    }
    Ok(lines)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_nothing(amount: &Amount) -> bool {
    amount.get() == 0
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn purchase(fields: &Value) -> Result<Purchase, String> {
        let mut purchase =
            json!({ "occurred_at": "2026-11-21T12:00:00Z", "total": { "amount": 1_000, "currency": "EUR" } });
        purchase.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(purchase).map_err(|error| error.to_string())
    }

    #[test]
    fn a_quantity_is_a_number_of_pieces_or_a_weight() {
        for (written, pieces) in [
            ("0", Some(0)),
            ("1", Some(1)),
            ("1.0", Some(1)),
            ("0.35", Some(0)),
            ("14.25", Some(14)),
            ("2.999", Some(2)),
            ("0.001", Some(0)),
            ("14250", Some(14_250)),
            ("1000000", Some(1_000_000)),
            ("1000000.001", None),
            ("1000001", None),
            ("0.0005", None),
            ("-1", None),
            ("-0.5", None),
            ("\"1\"", None),
            ("null", None),
            ("1e3", Some(1_000)),
        ] {
            let quantity = serde_json::from_str::<Quantity>(written).ok();
            assert_eq!(quantity.map(Quantity::pieces), pieces, "{written}");
            if let Some(quantity) = quantity {
                let text = serde_json::to_string(&quantity).unwrap();
                assert_eq!(serde_json::from_str::<Quantity>(&text).unwrap(), quantity, "{text}");
            }
        }
        assert_eq!(serde_json::to_string(&Quantity::parse("0.350").unwrap()).unwrap(), "0.35");
        assert_eq!(serde_json::to_string(&Quantity::parse("200").unwrap()).unwrap(), "200");
    }

    #[test]
    fn what_fields_say_of_each_other_agrees() {
        let line = |id: &str| json!({ "id": id, "quantity": 1, "amount": 1 });
        for (fields, expected) in [
            (json!({}), None),
            (json!({ "tax": 1_000, "shipping": 1_000 }), None),
            (json!({ "tax": 1_001 }), Some("`tax` is a part of `total`")),
            (json!({ "paid_with_points": 1_001 }), Some("`paid_with_points` is a part")),
            (json!({ "discount": 5_000 }), None),
            (json!({ "tip": -1 }), Some("")),
            (json!({ "receipt": "till3-0042" }), None),
            (json!({ "receipt": "" }), Some("1 to 64 printable")),
            (json!({ "receipt": "x".repeat(65) }), Some("1 to 64 printable")),
            (json!({ "receipt": "caf\u{e9}" }), Some("1 to 64 printable")),
            (json!({ "lines": [line("a"), line("b")] }), None),
            (json!({ "lines": [line("a"), line("a")] }), Some("two lines have the id a")),
            (json!({ "lines": [line("1"), { "quantity": 1, "amount": 1 }] }), Some("two lines have the id 1")),
            (json!({ "attributes": { "payment": "card", "items": 3, "gift": true } }), None),
            (json!({ "attributes": { "basket": [1] } }), Some("")),
        ] {
            let read = purchase(&fields);
            match expected {
                None => {
                    let purchase = read.unwrap();
                    let again: Purchase = serde_json::from_value(serde_json::to_value(&purchase).unwrap()).unwrap();
                    assert_eq!(again, purchase, "{fields}");
                }
                Some(words) => assert!(read.as_ref().is_err_and(|error| error.contains(words)), "{fields}: {read:?}"),
            }
        }
    }
}
