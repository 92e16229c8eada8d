//! Occasions: what points are earned for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::values::{
    fingerprint::{ACCRUAL, Content},
    id::ActivityType,
    instant::{self, OffsetTime},
    purchase::{Line, Purchase},
    scalar::{Scalar, Scalars, scalars},
};

/// Something other than a purchase that a member did, such as writing a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// The type of the activity, such as `review`.
    #[serde(rename = "type")]
    pub kind: ActivityType,
    /// When the activity took place, with the offset from UTC.
    #[serde(deserialize_with = "instant::deserialize")]
    #[schemars(with = "OffsetTime")]
    pub occurred_at: Timestamp,
    /// Attributes that the caller defines: texts, whole numbers and booleans. Conditions read them as `activity.attributes`.
    #[serde(default, deserialize_with = "scalars")]
    #[schemars(with = "Option<Scalars>")]
    pub attributes: BTreeMap<String, Scalar>,
}

impl Activity {
    /// Returns the content of a request that posts it, which does not depend on how the activity is written as JSON.
    #[must_use]
    pub fn content(&self) -> Content {
        Content::of(ACCRUAL, &json!({ "activity": self }))
    }
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
    /// A friend's purchase that pays the referrer.
    Referral(Timestamp),
}

impl Occasion {
    /// Returns when it happened.
    #[must_use]
    pub fn occurred_at(&self) -> Timestamp {
        match self {
            Self::Purchase(purchase) => purchase.occurred_at,
            Self::Activity(activity) => activity.occurred_at,
            Self::Enrollment(at) | Self::Birthday(at) | Self::Referral(at) => *at,
        }
    }

    /// Returns the purchase, if it is one.
    #[must_use]
    pub fn purchase(&self) -> Option<&Purchase> {
        if let Self::Purchase(purchase) = self { Some(purchase) } else { None }
    }

    /// Returns the activity, if it is one.
    #[must_use]
    pub fn activity(&self) -> Option<&Activity> {
        if let Self::Activity(activity) = self { Some(activity) } else { None }
    }

    /// Returns the lines of the purchase; none for other occasions.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        self.purchase().map_or(&[], |purchase| &purchase.lines)
    }
}
