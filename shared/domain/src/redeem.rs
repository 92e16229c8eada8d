//! Redeeming: points spent on a reward.

use std::fmt;

use crate::{
    account::{Account, Status},
    counter::{CounterId, Counters, Take},
    draft::{Draft, Request},
    earning::facts::Facts,
    entry::{Kind, Redeemed},
    id::{LevelId, RewardId},
    money::{Amount, Currency, Money},
    points::Points,
    posting::Posting,
    program::{Cost, Program, Reward},
    settle::Settled,
};

/// A wish to redeem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeem {
    /// The reward.
    pub reward: RewardId,
    /// For how much money, where the reward costs points per money; otherwise none.
    pub money: Option<Money>,
}

/// Why nothing was redeemed, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedeemRefusal {
    /// The account is suspended.
    AccountSuspended,
    /// The account is closed.
    AccountClosed,
    /// The program has no such reward.
    RewardNotFound,
    /// The reward costs points per money, and no money was named, or none at all.
    MoneyMissing,
    /// The reward has a fixed cost, and money was named.
    MoneyUnexpected,
    /// The money is in another currency than the program.
    CurrencyMismatch {
        /// The program's currency.
        expected: Currency,
        /// The request's.
        found: Currency,
    },
    /// It costs more than an account can hold.
    PointsOverflow,
    /// It cannot be had at this time.
    RewardNotActive,
    /// It is for other tiers.
    RewardNotForTier {
        /// The tiers that it is for.
        tiers: Vec<LevelId>,
    },
    /// Its condition does not hold for this member, or cannot be told.
    RewardNotForMember {
        /// Why it cannot be told, if so.
        fault: Option<String>,
    },
    /// It was had as often, or for as many points, as it may be for now.
    RewardLimitReached,
    /// None is left.
    RewardOutOfStock,
    /// The account has too few points.
    InsufficientPoints {
        /// What it costs.
        cost: Points,
        /// How many points are missing.
        missing: Points,
    },
}

impl fmt::Display for RedeemRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccountSuspended => f.write_str("the account is suspended and neither earns nor spends"),
            Self::AccountClosed => f.write_str("the account is closed"),
            Self::RewardNotFound => f.write_str("the program has no such reward"),
            Self::MoneyMissing => f.write_str("this reward costs points per money: say for how much, more than 0"),
            Self::MoneyUnexpected => f.write_str("this reward has a fixed cost, so no money can be named"),
            Self::CurrencyMismatch { expected, found } => {
                write!(f, "the program counts in {expected}, and the request is in {found}")
            }
            Self::PointsOverflow => write!(f, "this costs more than {} points", Points::MAX),
            Self::RewardNotActive => f.write_str("this reward cannot be had at this time"),
            Self::RewardNotForTier { tiers } => {
                let tiers: Vec<_> = tiers.iter().map(LevelId::as_str).collect();
                write!(f, "this reward is for {}", tiers.join(", "))
            }
            Self::RewardNotForMember { fault: None } => f.write_str("this reward is not for this member"),
            Self::RewardNotForMember { fault: Some(fault) } => {
                write!(f, "whether this reward is for this member cannot be told: {fault}")
            }
            Self::RewardLimitReached => f.write_str("this reward was had as often as it may be for now"),
            Self::RewardOutOfStock => f.write_str("none of this reward is left"),
            Self::InsufficientPoints { cost, missing } => {
                write!(f, "this costs {cost} points, and {missing} are missing")
            }
        }
    }
}

impl Program {
    /// The counters that must be looked at before `reward` can be given: its stock, and a program-wide limit.
    #[must_use]
    pub fn reward_counters(&self, reward: &Reward, now: jiff::Timestamp) -> Vec<CounterId> {
        let stock = reward.stock.pieces().map(|_| reward.stock_counter());
        let limit = reward.limit.and_then(|limit| limit.counter(&reward.cap_owner(), self.date(now)));
        stock.into_iter().chain(limit).collect()
    }
}

impl Settled<'_> {
    /// Whether this member could have `reward` now, and what it would cost at the least.
    ///
    /// # Errors
    ///
    /// Why not: the same that [`redeem`] would say.
    pub fn can_redeem(&self, reward: &Reward, counters: &Counters) -> Result<Points, RedeemRefusal> {
        let cost = match reward.cost {
            Cost::Fixed(points) => points,
            Cost::PerMoney { .. } => Amount::new(1).and_then(|least| reward.cost.of(least)).unwrap_or_default(),
        };
        check_status(&self.0.account)?;
        check_reward(&self.0, reward, cost, counters)?;
        Ok(cost)
    }
}

/// Spends points of `settled` on a reward.
///
/// # Errors
///
/// Refusals are looked for in the order of [`RedeemRefusal`]; the first that applies wins.
pub fn redeem(
    settled: Settled<'_>,
    request: &Request,
    wish: &Redeem,
    counters: &Counters,
) -> Result<Posting, RedeemRefusal> {
    let mut draft = settled.0;
    check_status(&draft.account)?;
    let program = draft.program;
    let reward = program.reward(&wish.reward).ok_or(RedeemRefusal::RewardNotFound)?;
    let cost = cost(program, reward, wish.money)?;
    check_reward(&draft, reward, cost, counters)?;

    let mut entry = draft.entry_for(request, Kind::Redemption, draft.now);
    entry.points = -cost;
    entry.spendable = -cost;
    entry.lots = draft.account.lots.take(cost);
    entry.redeemed = Some(Redeemed { reward: reward.id.clone(), money: wish.money });
    if let Some(limit) = reward.limit {
        let today = draft.today();
        let take = limit.use_up(cost, &reward.cap_owner(), today, &mut draft.account);
        draft.take(take);
    }
    draft.take(reward.stock.pieces().map(|stock| Take { counter: reward.stock_counter(), amount: 1, most: stock }));
    draft.post(entry);
    Ok(draft.finish())
}

fn check_status(account: &Account) -> Result<(), RedeemRefusal> {
    match account.status {
        Status::Active => Ok(()),
        Status::Suspended => Err(RedeemRefusal::AccountSuspended),
        Status::Closed => Err(RedeemRefusal::AccountClosed),
    }
}

fn cost(program: &Program, reward: &Reward, money: Option<Money>) -> Result<Points, RedeemRefusal> {
    match (reward.cost, money) {
        (Cost::Fixed(_), Some(_)) => Err(RedeemRefusal::MoneyUnexpected),
        (Cost::Fixed(points), None) => Ok(points),
        (Cost::PerMoney { .. }, None) => Err(RedeemRefusal::MoneyMissing),
        (Cost::PerMoney { .. }, Some(money)) if money.amount.get() == 0 => Err(RedeemRefusal::MoneyMissing),
        (Cost::PerMoney { .. }, Some(money)) if money.currency != program.currency => {
            Err(RedeemRefusal::CurrencyMismatch { expected: program.currency, found: money.currency })
        }
        (Cost::PerMoney { .. }, Some(money)) => reward.cost.of(money.amount).ok_or(RedeemRefusal::PointsOverflow),
    }
}

/// What stands between a member and a reward of this cost: first what the member can do nothing about.
fn check_reward(draft: &Draft<'_>, reward: &Reward, cost: Points, counters: &Counters) -> Result<(), RedeemRefusal> {
    let account = &draft.account;
    if !reward.active.contains(&draft.program.zone, draft.now) {
        return Err(RedeemRefusal::RewardNotActive);
    }
    if !reward.tiers.is_empty() && !account.tier.as_ref().is_some_and(|tier| reward.tiers.contains(tier)) {
        return Err(RedeemRefusal::RewardNotForTier { tiers: reward.tiers.clone() });
    }
    if let Some(condition) = &reward.when {
        let facts = Facts::new(draft.program, account, account.tier.as_ref(), draft.now);
        match condition.holds(facts.context()) {
            Ok(true) => {}
            Ok(false) => return Err(RedeemRefusal::RewardNotForMember { fault: None }),
            Err(fault) => return Err(RedeemRefusal::RewardNotForMember { fault: Some(fault) }),
        }
    }
    if let Some(limit) = reward.limit {
        let through = limit.clip(cost, &reward.cap_owner(), draft.today(), &account.cap_use, counters);
        if through < cost {
            return Err(RedeemRefusal::RewardLimitReached);
        }
    }
    if reward.stock.pieces().is_some_and(|stock| counters.taken(&reward.stock_counter()) >= stock) {
        return Err(RedeemRefusal::RewardOutOfStock);
    }
    let spendable = account.lots.total();
    if spendable < cost {
        return Err(RedeemRefusal::InsufficientPoints { cost, missing: cost - spendable });
    }
    Ok(())
}
