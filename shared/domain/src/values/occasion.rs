//! What points are earned for, as a caller tells it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::values::{
    id::ActivityType,
    money::{Amount, Money},
    text::{LABEL_LENGTH_MAX, Label},
};

/// Most lines of a purchase.
pub const LINES_MAX: usize = 200;

/// Most attributes of an activity.
pub const ACTIVITY_ATTRIBUTES_MAX: usize = 20;

/// A purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purchase {
    /// When it was made.
    pub occurred_at: Timestamp,
    /// What was paid.
    pub total: Money,
    /// How it was made, such as `app`.
    #[serde(default)]
    pub channel: Option<Label>,
    /// Where it was made.
    #[serde(default)]
    pub store: Option<Label>,
    /// What was bought. At most 200 lines.
    #[serde(default, deserialize_with = "lines")]
    pub lines: Vec<Line>,
}

/// One line of a purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The article.
    #[serde(default)]
    pub sku: Option<Label>,
    /// Its category.
    #[serde(default)]
    pub category: Option<Label>,
    /// How many pieces, 1 to 10,000.
    pub quantity: Quantity,
    /// What all of them cost together, in minor units of the purchase's currency.
    pub amount: Amount,
}

/// A number of pieces, 1 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Quantity(i64);

impl Quantity {
    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let quantity = i64::deserialize(deserializer)?;
        if (1..=10_000).contains(&quantity) {
            Ok(Self(quantity))
        } else {
            Err(de::Error::custom("a quantity must be 1 to 10000"))
        }
    }
}

fn lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Line>, D::Error> {
    let lines = Vec::<Line>::deserialize(deserializer)?;
    if lines.len() > LINES_MAX {
        return Err(de::Error::custom(format!("a purchase must have at most {LINES_MAX} lines")));
    }
    Ok(lines)
}

/// A value of an activity's attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A short text.
    Text(Label),
}

/// Something a member did that is no purchase: wrote a review, filled in a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// What kind of thing.
    #[serde(rename = "type")]
    pub kind: ActivityType,
    /// When.
    pub occurred_at: Timestamp,
    /// What else is to be said of it: at most 20 numbers, short texts, or truths.
    #[serde(default, deserialize_with = "attributes")]
    pub attributes: BTreeMap<String, Scalar>,
}

fn attributes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Scalar>, D::Error> {
    let attributes = BTreeMap::<String, Scalar>::deserialize(deserializer)?;
    if attributes.len() > ACTIVITY_ATTRIBUTES_MAX || attributes.keys().any(|name| name.len() > LABEL_LENGTH_MAX) {
        let most = format!("an activity must have at most {ACTIVITY_ATTRIBUTES_MAX} attributes with short names");
        return Err(de::Error::custom(most));
    }
    Ok(attributes)
}

/// What points are earned for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A purchase.
    Purchase(Purchase),
    /// An activity.
    Activity(Activity),
    /// Joining the program.
    Enrollment(Timestamp),
    /// A birthday: its first moment.
    Birthday(Timestamp),
    /// A friend's purchase that pays whoever brought the friend.
    Referral(Timestamp),
}

impl Occasion {
    /// When it happened.
    #[must_use]
    pub fn occurred_at(&self) -> Timestamp {
        match self {
            Self::Purchase(purchase) => purchase.occurred_at,
            Self::Activity(activity) => activity.occurred_at,
            Self::Enrollment(at) | Self::Birthday(at) | Self::Referral(at) => *at,
        }
    }

    /// What was paid, in minor units.
    #[must_use]
    pub fn spend(&self) -> i64 {
        match self {
            Self::Purchase(purchase) => purchase.total.amount.get(),
            Self::Activity(_) | Self::Enrollment(_) | Self::Birthday(_) | Self::Referral(_) => 0,
        }
    }

    /// The lines bought.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        match self {
            Self::Purchase(purchase) => &purchase.lines,
            Self::Activity(_) | Self::Enrollment(_) | Self::Birthday(_) | Self::Referral(_) => &[],
        }
    }
}
