//! Redeeming: points spent on a reward.

use std::fmt;

use jiff::{Timestamp, ToSpan};

use crate::{
    draft::{Draft, KeyedRequest},
    ledger::{
        condition_fault::ConditionFault,
        entry::{Record, Redeemed},
        posting::{Posting, Unposted},
    },
    rules::{
        cap::Used,
        facts::Facts,
        program::{ActivityKind, Cost, Program, Reward},
    },
    state::{
        account::{Account, Inactive},
        counter::{CounterId, CounterNeeded, Counters, Take},
        hold::{HOLD_LOTS_MAX, HOLDS_MAX},
        lots::LotChange,
    },
    time::settle::Settled,
    values::{
        code::{Code, CodeSource, GivenCode},
        id::{LevelId, RewardId},
        likeness::Unknown,
        money::{Amount, Currency, Money},
        points::Points,
    },
};

/// A request to redeem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeem {
    /// The reward.
    pub reward: RewardId,
    /// The money to redeem for, if the reward costs points per money.
    pub money: Option<Money>,
    /// The length of the hold in seconds, if points are to be held instead of spent.
    pub hold_seconds: Option<i64>,
}

/// Why a redemption is refused, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedeemRefusal {
    /// The account does not spend.
    Inactive(Inactive),
    /// The program has no such reward.
    RewardNotFound(Unknown),
    /// The reward cannot be held.
    NotHoldable,
    /// The reward cannot be held for so long.
    HoldTooLong {
        /// The longest hold, in seconds.
        most: i64,
    },
    /// The reward costs points per money, and the request names no money or an amount of zero.
    MoneyMissing,
    /// The reward has a fixed cost, and the request names money.
    MoneyUnexpected,
    /// The money is in another currency than the program.
    CurrencyMismatch {
        /// The program's currency.
        expected: Currency,
        /// The request's currency.
        found: Currency,
    },
    /// It costs more than an account can have.
    PointsOverflow,
    /// It is not available at this time.
    RewardNotActive,
    /// It is for other tiers.
    RewardNotForTier {
        /// The tiers that it is for.
        tiers: Vec<LevelId>,
    },
    /// Its condition is false for this member, or could not be evaluated.
    RewardNotForMember {
        /// Why it could not be evaluated, if so.
        fault: Option<ConditionFault>,
    },
    /// The limit of the reward is reached for now.
    RewardLimitReached,
    /// No piece, or no code, is left.
    RewardOutOfStock,
    /// The account has the maximum number of open holds.
    HoldsFull,
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
            Self::Inactive(inactive) => inactive.fmt(f),
            Self::RewardNotFound(unknown) => unknown.fmt(f),
            Self::MoneyMissing => f.write_str(
                "the cost of this reward depends on an amount: send `money` with an amount above 0, such as { \"amount\": 400, \"currency\": \"EUR\" }",
            ),
            Self::MoneyUnexpected => f.write_str("this reward has a fixed cost, so leave out `money`"),
            Self::CurrencyMismatch { expected, found } => {
                write!(f, "the program's currency is {expected}, and the request is in {found}")
            }
            Self::PointsOverflow => write!(f, "this costs more than {} points", Points::MAX),
            Self::NotHoldable => f.write_str(
                "this reward cannot be held, so redeem it without `hold`; a reward can be held if it has `hold_seconds_max` and gives no codes",
            ),
            Self::HoldTooLong { most } => write!(f, "`seconds` must be 1 to {most}, the longest hold of this reward"),
            Self::HoldsFull => {
                write!(
                    f,
                    "an account can have {HOLDS_MAX} open holds, with points of {HOLD_LOTS_MAX} expiry dates in total"
                )
            }
            Self::RewardNotActive => f.write_str("this reward is not on offer at this time"),
            Self::RewardNotForTier { tiers } => {
                let tiers: Vec<_> = tiers.iter().map(|tier| format!("`{tier}`")).collect();
                write!(f, "this reward is only for members of the tier {}", tiers.join(" or "))
            }
            Self::RewardNotForMember { fault: None } => f.write_str("the reward's condition does not hold for this member"),
            Self::RewardNotForMember { fault: Some(fault) } => {
                write!(f, "the reward's condition could not be evaluated: {fault}")
            }
            Self::RewardLimitReached => f.write_str("the limit of this reward is reached for now"),
            Self::RewardOutOfStock => f.write_str("none of this reward is left"),
            Self::InsufficientPoints { cost, missing } => {
                write!(f, "this costs {cost} points, and the account has {missing} too few")
            }
        }
    }
}

impl Program {
    /// Returns the counters that a redemption of `reward` needs: its stock, and a limit per program.
    #[must_use]
    pub fn reward_counters(&self, reward: &Reward, now: Timestamp) -> Vec<CounterId> {
        let stock = reward.stock.pieces().map(|_| reward.stock_counter());
        let limit = reward.limit.and_then(|limit| limit.counter(&reward.cap_owner(), self.date(now)));
        stock.into_iter().chain(limit).collect()
    }
}

impl Program {
    /// Returns the counters of the reward `id`; none if there is no such reward.
    #[must_use]
    pub fn counters_of(&self, id: &RewardId, now: Timestamp) -> Vec<CounterId> {
        self.reward(id).map(|reward| self.reward_counters(reward, now)).unwrap_or_default()
    }
}

impl Settled<'_> {
    /// Checks whether this member could redeem `reward` now, and returns the minimum cost. `code` is a free code of its
    /// pool, if there is one.
    ///
    /// # Errors
    ///
    /// The refusal that [`redeem`] would return. Or more must be read of a counter first.
    pub fn can_redeem(
        &self,
        reward: &Reward,
        counters: &Counters,
        code: Option<&Code>,
    ) -> Result<Points, Unposted<RedeemRefusal>> {
        let cost = match reward.cost {
            Cost::Fixed(points) => points,
            Cost::PerMoney { .. } => Amount::new(1).and_then(|least| reward.cost.of(least)).unwrap_or_default(),
        };
        self.0.account.check_active().map_err(RedeemRefusal::Inactive)?;
        check_reward(&self.0, reward, cost, (counters, code), false)?;
        Ok(cost)
    }

    /// Returns how many pieces of `reward` are left; `None` if its stock is unlimited. A piece on hold is free again
    /// from the instant at which the hold ends, for all members.
    ///
    /// # Errors
    ///
    /// Its stock was not read completely.
    pub fn stock_left(&self, reward: &Reward, counters: &Counters) -> Result<Option<i64>, CounterNeeded> {
        let Some(pieces) = reward.stock.pieces() else { return Ok(None) };
        let taken = self.0.counted(counters).taken(&reward.stock_counter())?;
        Ok(Some(pieces.saturating_sub(taken).max(0)))
    }
}

/// Spends points of `settled` on a reward. `code` is the code to give, if the reward has codes: generated for this
/// redemption, or free in the reward's pool; none if the pool is empty.
///
/// # Errors
///
/// Refusals are checked in the order of [`RedeemRefusal`]; the first that applies wins. Or more must be read of a counter
/// first.
pub fn redeem(
    settled: Settled<'_>,
    request: &KeyedRequest,
    wish: &Redeem,
    counters: &Counters,
    code: Option<&Code>,
) -> Result<Posting, Unposted<RedeemRefusal>> {
    let mut draft = settled.0;
    draft.account.check_active().map_err(RedeemRefusal::Inactive)?;
    let program = draft.rules.program;
    let reward = program
        .reward(&wish.reward)
        .ok_or_else(|| RedeemRefusal::RewardNotFound(program.unknown_reward(&wish.reward)))?;
    let hold_expires_at = hold_end(reward, wish.hold_seconds, draft.now)?;
    let cost = cost(program, reward, wish.money)?;
    check_reward(&draft, reward, cost, (counters, code), hold_expires_at.is_some())?;
    let code = match reward.codes {
        CodeSource::None => None,
        CodeSource::Generated | CodeSource::Pool => Some(code.ok_or(RedeemRefusal::RewardOutOfStock)?.clone()),
    };

    let today = draft.today();
    let terms = reward.code_terms(today);
    if let Some(code) = code.clone() {
        let member = draft.account.member.clone();
        let (redemption, is_pooled) = (request.entry.clone(), reward.codes == CodeSource::Pool);
        draft.give_code(GivenCode { reward: reward.id.clone(), code, member, redemption, is_pooled, terms });
    }
    let redeemed = Redeemed {
        reward: reward.id.clone(),
        money: wish.money,
        code,
        code_expires_on: terms.expires_on,
        code_value: terms.value,
        hold_expires_at,
        extended_to: None,
    };
    let mut entry = draft.entry_for(request, Record::Redemption(redeemed.clone()), draft.now);
    // A hold may be cancelled, so it extends points only when it is captured.
    if hold_expires_at.is_none() {
        draft.extend(&mut entry, program, (ActivityKind::Redemption, today), None);
    }
    entry.effects.take(&draft.account, cost);
    let extended_to = entry.effects.extended_day(&draft.account);
    if extended_to.is_some_and(|day| entry.taken().any(|LotChange(expiry, _)| expiry.extended_to(day) != expiry)) {
        entry.record = Record::Redemption(Redeemed { extended_to, ..redeemed });
    }
    if hold_expires_at.is_some() {
        entry.effects.held = cost;
    }
    let member = draft.account.member.clone();
    let counted = |take: Take| match hold_expires_at {
        Some(ends_at) => take.reserved_by(&member, &request.entry, ends_at),
        None => take,
    };
    if let Some(limit) = reward.limit {
        let used = match limit.use_up(cost, &reward.cap_owner(), today) {
            Used::OfProgram(take) => Used::OfProgram(counted(take)),
            used @ (Used::OfMember(_) | Used::Nothing) => used,
        };
        draft.record_use(&mut entry, used);
    }
    draft.take(reward.stock_take().map(counted));
    draft.post_command(entry);
    Ok(draft.finish())
}

/// Returns the instant at which a hold of `seconds` ends by itself; `None` without a hold.
fn hold_end(reward: &Reward, seconds: Option<i64>, now: Timestamp) -> Result<Option<Timestamp>, RedeemRefusal> {
    let Some(seconds) = seconds else { return Ok(None) };
    let most = reward.hold_seconds_max.ok_or(RedeemRefusal::NotHoldable)?;
    if !(1..=most).contains(&seconds) {
        return Err(RedeemRefusal::HoldTooLong { most });
    }
    Ok(Some(now.checked_add(seconds.seconds()).unwrap_or(Timestamp::MAX)))
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

/// Checks whether a member can have a reward at this cost. Reasons that the member cannot influence come first.
fn check_reward(
    draft: &Draft<'_>,
    reward: &Reward,
    cost: Points,
    (counters, code): (&Counters, Option<&Code>),
    is_hold: bool,
) -> Result<(), Unposted<RedeemRefusal>> {
    let account = &draft.account;
    // What an ended hold reserved is free, this member's or another's.
    let counters = &draft.counted(counters);
    if !reward.active.contains(&draft.rules.program.zone, draft.now) {
        return Err(RedeemRefusal::RewardNotActive.into());
    }
    if !reward.tiers.is_empty() && !account.tier.as_ref().is_some_and(|tier| reward.tiers.contains(tier)) {
        return Err(RedeemRefusal::RewardNotForTier { tiers: reward.tiers.clone() }.into());
    }
    if let Some(condition) = &reward.when {
        let member = draft.member_now();
        let facts = Facts::new(draft.rules.program, &member, draft.now);
        match condition.holds(&facts) {
            Ok(true) => {}
            Ok(false) => return Err(RedeemRefusal::RewardNotForMember { fault: None }.into()),
            Err(fault) => return Err(RedeemRefusal::RewardNotForMember { fault: Some(fault) }.into()),
        }
    }
    if let Some(limit) = reward.limit {
        let through = limit.clip(cost, &reward.cap_owner(), draft.today(), &account.cap_use, counters);
        let through = through.map_err(Unposted::Needs)?;
        if through < cost {
            return Err(RedeemRefusal::RewardLimitReached.into());
        }
    }
    if let Some(stock) = reward.stock.pieces()
        && counters.left(&reward.stock_counter(), stock, 1).map_err(Unposted::Needs)? < 1
    {
        return Err(RedeemRefusal::RewardOutOfStock.into());
    }
    if reward.codes == CodeSource::Pool && code.is_none() {
        return Err(RedeemRefusal::RewardOutOfStock.into());
    }
    if is_hold && is_full(account, cost) {
        return Err(RedeemRefusal::HoldsFull.into());
    }
    let spendable = account.lots.total();
    if spendable < cost {
        return Err(RedeemRefusal::InsufficientPoints { cost, missing: cost - spendable }.into());
    }
    Ok(())
}

/// Returns whether `account` has no room for a hold of `cost`.
fn is_full(account: &Account, cost: Points) -> bool {
    let held: usize = account.holds.iter().map(|hold| hold.lots.len()).sum();
    let mut left = cost;
    let lots = account.lots.iter().take_while(|(_, points)| {
        let is_needed = left > Points::ZERO;
        left -= *points;
        is_needed
    });
    account.holds.len() >= HOLDS_MAX || held.saturating_add(lots.count()) > HOLD_LOTS_MAX
}
