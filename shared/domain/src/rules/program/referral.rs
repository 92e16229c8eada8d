//! What a referral pays, and which purchase of the friend pays it.

use crate::{
    rules::{
        node::Node,
        schema::{Field, integer},
    },
    values::{money::AMOUNT_MAX, points::Points},
};

/// `"referral": { "first_purchase_at_least": 500, "friend_points": 50 }`. The referrer gets what the earning rules on
/// `referral` give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReferralPolicy {
    /// The minimum total of the purchase that pays, in minor units.
    pub first_purchase_at_least: i64,
    /// The points that the friend gets.
    pub friend_points: Points,
}

/// The fields of the referral policy.
pub(super) const FIELDS: [Field; 2] = [
    Field::required(
        "first_purchase_at_least",
        "The minimum total of the friend's purchase that pays for a referral, in minor units.",
        || integer(0..=AMOUNT_MAX),
    ),
    Field::required("friend_points", "The points that the friend gets.", || integer(0..=Points::MAX.get())),
];

pub(super) fn read(node: &Node<'_>) -> Option<ReferralPolicy> {
    let fields = node.fields(&FIELDS)?;
    let least = fields.required("first_purchase_at_least").and_then(|node| node.integer(0..=AMOUNT_MAX));
    let points = fields.required("friend_points").and_then(|node| node.integer(0..=Points::MAX.get()));
    Some(ReferralPolicy { first_purchase_at_least: least?, friend_points: Points::new(points?) })
}
