//! A wish to redeem, as it is asked.

use regulars_domain::{id::RewardId, money::Money, redeem::Redeem};
use serde::Deserialize;

/// The body of a redemption.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redemption {
    reward: RewardId,
    #[serde(default)]
    money: Option<Money>,
    #[serde(default)]
    hold: Option<HoldWish>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldWish {
    seconds: i64,
}

impl From<Redemption> for Redeem {
    fn from(Redemption { reward, money, hold }: Redemption) -> Self {
        Self { reward, money, hold_seconds: hold.map(|hold| hold.seconds) }
    }
}
