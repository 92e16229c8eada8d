//! Caps: how often, or for how many points, a rule or a reward may be used.

use std::{fmt, str::FromStr};

use jiff::civil::Date;

use crate::{
    account::{Account, CapUse},
    calendar::Every,
    counter::{CounterId, Counters, Take},
    id::{EntitlementId, IdMalformed, RewardId, RuleId},
    points::Points,
};

/// What a cap limits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapOwner {
    /// An earning rule.
    Rule(RuleId),
    /// A reward.
    Reward(RewardId),
    /// What a level or a plan gives without points.
    Entitlement(EntitlementId),
}

impl fmt::Display for CapOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(id) => write!(f, "rule/{id}"),
            Self::Reward(id) => write!(f, "reward/{id}"),
            Self::Entitlement(id) => write!(f, "entitlement/{id}"),
        }
    }
}

impl FromStr for CapOwner {
    type Err = IdMalformed;

    fn from_str(text: &str) -> Result<Self, IdMalformed> {
        match text.split_once('/') {
            Some(("reward", id)) => id.parse().map(Self::Reward),
            Some(("entitlement", id)) => id.parse().map(Self::Entitlement),
            Some((_, id)) => id.parse().map(Self::Rule),
            None => text.parse().map(Self::Rule),
        }
    }
}

/// What a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Uses.
    Times,
    /// Points given or spent.
    Points,
}

/// Over whom a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// Each member for himself.
    Member,
    /// All members together.
    Program,
}

/// A cap: `{ "points": 200, "per": "member", "every": "month" }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// How many.
    pub most: i64,
    /// Of what.
    pub unit: Unit,
    /// Over whom.
    pub per: Per,
    /// In which interval.
    pub every: Every,
}

impl Cap {
    /// The counter that this cap of `owner` needs on `date`; `None` if the account itself holds the use.
    #[must_use]
    pub fn counter(&self, owner: &CapOwner, date: Date) -> Option<CounterId> {
        match self.per {
            Per::Member => None,
            Per::Program => Some(CounterId::Cap { owner: owner.clone(), from: self.every.starting(date) }),
        }
    }

    /// How much of this cap of `owner` is used on `date`.
    pub(crate) fn used(&self, owner: &CapOwner, date: Date, cap_use: &CapUse, counters: &Counters) -> i64 {
        match self.counter(owner, date) {
            Some(counter) => counters.taken(&counter),
            None => cap_use
                .get(owner)
                .and_then(|by_interval| by_interval.get(&self.every.starting(date)))
                .copied()
                .unwrap_or_default(),
        }
    }

    /// How much of this cap of `owner` is left on `date`.
    fn left(&self, owner: &CapOwner, date: Date, cap_use: &CapUse, counters: &Counters) -> i64 {
        self.most.saturating_sub(self.used(owner, date, cap_use, counters)).max(0)
    }

    /// How many of `wanted` points this cap of `owner` lets through on `date`.
    #[must_use]
    pub fn clip(&self, wanted: Points, owner: &CapOwner, date: Date, cap_use: &CapUse, counters: &Counters) -> Points {
        let left = self.left(owner, date, cap_use, counters);
        match self.unit {
            Unit::Times if left > 0 => wanted,
            Unit::Times => Points::ZERO,
            Unit::Points => wanted.min(Points::new(left)),
        }
    }

    /// Records that `owner` gave or took `points` on `date`: in the account, or as a take from the program's counter.
    #[must_use]
    pub fn use_up(&self, points: Points, owner: &CapOwner, date: Date, account: &mut Account) -> Option<Take> {
        let amount = match self.unit {
            Unit::Times => 1,
            Unit::Points => points.get(),
        };
        if let Some(counter) = self.counter(owner, date) {
            return Some(Take { counter, amount, most: self.most });
        }
        let by_interval = account.cap_use.entry(owner.clone()).or_default();
        let used = by_interval.entry(self.every.starting(date)).or_default();
        *used = used.saturating_add(amount);
        None
    }

    /// Takes back that `owner` gave or took `points` on `date`, and with them one use, if `is_whole`.
    #[must_use]
    pub fn give_back(
        &self,
        points: Points,
        is_whole: bool,
        owner: &CapOwner,
        date: Date,
        account: &mut Account,
    ) -> Option<Take> {
        let amount = match self.unit {
            Unit::Times => i64::from(is_whole),
            Unit::Points => points.get(),
        };
        if amount == 0 {
            return None;
        }
        if let Some(counter) = self.counter(owner, date) {
            return Some(Take { counter, amount: amount.saturating_neg(), most: self.most });
        }
        let used = account.cap_use.get_mut(owner).and_then(|uses| uses.get_mut(&self.every.starting(date)));
        if let Some(used) = used {
            *used = used.saturating_sub(amount).max(0);
        }
        None
    }

    /// The first day on which use recorded for the interval that starts on `start` no longer matters to anything that
    /// may still be posted, given how many days back that may lie.
    #[must_use]
    pub fn forgotten_on(&self, start: Date, backdating_days_max: i32) -> Option<Date> {
        self.every.following(start).map(|end| crate::calendar::days_after(end, backdating_days_max))
    }
}
