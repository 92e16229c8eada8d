//! The body of a request to redeem.

use regulars_domain::{id::RewardId, money::Money, program::HOLD_SECONDS_MAX, redeem::Redeem};
use schemars::JsonSchema;
use serde::Deserialize;

/// A request to redeem a reward.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redemption {
    /// The reward.
    reward: RewardId,
    /// The money to redeem points for. Required if the reward costs points per money, and not allowed otherwise.
    #[serde(default)]
    money: Option<Money>,
    /// Reserves the points instead of spending them.
    #[serde(default)]
    hold: Option<HoldWish>,
}

/// A request to hold points.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HoldWish {
    /// The length of the hold in seconds. The reward limits it.
    #[schemars(range(min = 1, max = HOLD_SECONDS_MAX))]
    seconds: i64,
}

impl From<Redemption> for Redeem {
    fn from(Redemption { reward, money, hold }: Redemption) -> Self {
        Self { reward, money, hold_seconds: hold.map(|hold| hold.seconds) }
    }
}
