//! Money as whole minor units of one currency: cents, kuruş, yen.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Maximum amount of money in one request, in minor units: a trillion less one, or about ten billion euros.
pub const AMOUNT_MAX: i64 = 999_999_999_999;

/// An ISO 4217 currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// Returns the number of decimals of a minor unit: 2 for EUR, 0 for JPY. `None` if the standard names none, as for
    /// gold.
    #[must_use]
    pub fn exponent(self) -> Option<u16> {
        self.0.exponent()
    }

    /// Returns the code of three letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }
}

/// The text is not an ISO 4217 code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyUnknown;

impl fmt::Display for CurrencyUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be an ISO 4217 code in capitals, such as EUR")
    }
}

impl std::error::Error for CurrencyUnknown {}

impl FromStr for Currency {
    type Err = CurrencyUnknown;

    fn from_str(text: &str) -> Result<Self, CurrencyUnknown> {
        // The crate also accepts lower case. Only capitals are accepted here, so that equal bodies have one form.
        iso_currency::Currency::from_code(text)
            .filter(|currency| currency.code() == text)
            .map(Self)
            .ok_or(CurrencyUnknown)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let letters = 'A'..='Z';
        let pairs = letters.clone().flat_map(|first| letters.clone().map(move |second| (first, second)));
        let texts = pairs.flat_map(|(first, second)| letters.clone().map(move |third| [first, second, third]));
        let codes: Vec<_> = texts.filter_map(|text| String::from_iter(text).parse::<Self>().ok()).collect();
        json_schema!({
            "type": "string",
            "enum": codes.iter().map(|currency| currency.code()).collect::<Vec<_>>(),
            "description": "An ISO 4217 currency code.",
        })
    }
}

/// Returns `whole * part / of` rounded down, and 0 where `of` is 0.
pub(crate) fn share(whole: i64, part: i64, of: i64) -> i64 {
    let share = i128::from(whole).saturating_mul(part.into()).checked_div(of.into()).unwrap_or_default();
    i64::try_from(share).unwrap_or_default()
}

/// Reduces `amounts`, which add up to `whole`, in proportion, so that they add up to `left`.
///
/// Each share is rounded down, and the rest goes to the first amounts, so that no unit is lost.
pub(crate) fn in_proportion(amounts: &[i64], left: i64, whole: i64) -> Vec<i64> {
    let mut shares: Vec<_> = amounts.iter().map(|amount| share(*amount, left, whole)).collect();
    let given = shares.iter().fold(0_i64, |sum, share| sum.saturating_add(*share));
    let mut rest = left.saturating_sub(given);
    for (share, amount) in shares.iter_mut().zip(amounts) {
        if rest > 0 && *share < *amount {
            *share = share.saturating_add(1);
            rest = rest.saturating_sub(1);
        }
    }
    shares
}

/// An amount of minor units, 0 to [`AMOUNT_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Amount(i64);

impl Amount {
    /// Returns an amount of `minor_units`; `None` below zero or above [`AMOUNT_MAX`].
    #[must_use]
    pub fn new(minor_units: i64) -> Option<Self> {
        (0..=AMOUNT_MAX).contains(&minor_units).then_some(Self(minor_units))
    }

    /// Returns the number of minor units.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Returns the sum, at most [`AMOUNT_MAX`].
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).min(AMOUNT_MAX))
    }

    /// Returns the difference, at least 0.
    pub(crate) fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": AMOUNT_MAX })
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(deserializer)?)
            .ok_or_else(|| de::Error::custom(format!("must be 0 to {AMOUNT_MAX}, in minor units")))
    }
}

/// Money: an amount of minor units in a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object such as { \"amount\": 1250, \"currency\": \"EUR\" }")]
pub struct Money {
    /// The amount in minor units of the currency: 1250 is 12.50 EUR, or 1250 JPY.
    pub amount: Amount,
    /// The currency.
    pub currency: Currency,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_never_negative_or_unbounded() {
        let read = |text: &str| serde_json::from_str::<Money>(text).map(|money| money.amount.get());
        assert_eq!(read(r#"{"amount":1250,"currency":"EUR"}"#).unwrap(), 1250);
        assert_eq!(read(r#"{"amount":999999999999,"currency":"JPY"}"#).unwrap(), AMOUNT_MAX);
        for bad in [
            r#"{"amount":-1,"currency":"EUR"}"#,
            r#"{"amount":1000000000000,"currency":"EUR"}"#,
            r#"{"amount":12.5,"currency":"EUR"}"#,
            r#"{"amount":1,"currency":"eur"}"#,
            r#"{"amount":1,"currency":"EURO"}"#,
            r#"{"amount":1,"currency":"EUR","vat":1}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
