//! A reward of the catalogue, and whether this member can have it.

use regulars_application::{command::counter_missing, failure::Failure, refusal::Refusal};
use regulars_domain::{
    code::Code,
    counter::Counters,
    id::{LevelId, RewardId},
    posting::Unposted,
    program::{Cost, Reward},
    settle::Settled,
};
use serde::Serialize;
use serde_json::Value;

/// A reward, and whether this member can have it now.
#[derive(Clone, Debug, Serialize)]
pub struct RewardView {
    id: RewardId,
    name: String,
    kind: &'static str,
    cost: CostView,
    stock_left: Option<i64>,
    tiers: Vec<LevelId>,
    available: bool,
    reason: Option<Reason>,
}

#[derive(Clone, Debug, Serialize)]
struct CostView {
    points: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    per: Option<i64>,
}

/// Why not: what redeeming it would be refused with.
#[derive(Clone, Debug, Serialize)]
struct Reason {
    code: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Value>,
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code().as_str(),
            detail: refusal.detail().to_owned(),
            missing: refusal.members().get("missing").cloned(),
        }
    }
}

impl RewardView {
    /// The view of `reward` for the member whose account is `settled`, given what has gone of it, and a free code of
    /// its pool, if it has one.
    ///
    /// # Errors
    ///
    /// Not all of the reward's counters was read: it is a fault of ours.
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
            kind: reward.kind.name(),
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
