//! The view of a reward in the catalogue, and whether the member can redeem it.

use regulars_application::{command::counter_missing, failure::Failure, refusal::Refusal};
use regulars_domain::{
    code::Code,
    counter::Counters,
    id::{LevelId, RewardId},
    posting::Unposted,
    program::{Cost, Reward, RewardKind},
    settle::Settled,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A reward of the catalogue, and whether the member can redeem it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RewardView {
    /// The reward.
    id: RewardId,
    /// The name shown to people.
    name: String,
    /// The kind of the reward.
    kind: RewardKind,
    /// The price in points.
    cost: CostView,
    /// The pieces left; `null` if the stock is unlimited.
    stock_left: Option<i64>,
    /// The tiers whose members can redeem the reward; empty if all members can.
    tiers: Vec<LevelId>,
    /// Whether the member can redeem the reward now.
    available: bool,
    /// The reason why the member cannot redeem the reward now; `null` if the member can.
    reason: Option<Reason>,
}

/// The price of a reward.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct CostView {
    /// The number of points.
    points: i64,
    /// The amount of money, in minor units, that the points pay for, if the reward costs points per money.
    #[serde(skip_serializing_if = "Option::is_none")]
    per: Option<i64>,
}

/// The reason why a member cannot redeem a reward.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "RewardRefusal")]
struct Reason {
    /// The problem code with which a redemption would be rejected.
    code: &'static str,
    /// The reason in words.
    detail: String,
    /// The points that are missing, if that is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<i64>,
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code().as_str(),
            detail: refusal.detail().to_owned(),
            missing: refusal.members().get("missing").and_then(Value::as_i64),
        }
    }
}

impl RewardView {
    /// Returns the view of `reward` for the member of the account `settled`, given its counters, and a free code of its
    /// pool, if it has one.
    ///
    /// # Errors
    ///
    /// The reward's counters were not read completely, which is an internal error.
    pub fn new(
        reward: &Reward,
        settled: &Settled<'_>,
        counters: &Counters,
        code: Option<&Code>,
    ) -> Result<Self, Failure> {
        let refusal = match settled.can_redeem(reward, counters, code) {
            Ok(_) => None,
            Err(Unposted::Refused(refusal)) => Some(refusal),
            Err(Unposted::Needs(needed)) => return Err(counter_missing(&needed)),
        };
        let stock_left = settled.stock_left(reward, counters).map_err(|needed| counter_missing(&needed))?;
        Ok(Self {
            id: reward.id.clone(),
            name: reward.name.clone(),
            kind: reward.kind,
            cost: match reward.cost {
                Cost::Fixed(points) => CostView { points: points.get(), per: None },
                Cost::PerMoney { points, per } => CostView { points, per: Some(per) },
            },
            stock_left,
            tiers: reward.tiers.clone(),
            available: refusal.is_none(),
            reason: refusal.map(|refusal| Reason::from(Refusal::from(refusal))),
        })
    }
}
