//! Caps: how often, or for how many points, a rule or a reward may be used.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    calendar::{Every, Interval},
    counter::{CounterId, CounterNeeded, Counters, Take},
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

    /// How many of `wanted` points this cap of `owner` lets through on `date`.
    ///
    /// # Errors
    ///
    /// Too little was read of the counter behind the cap.
    pub fn clip(
        &self,
        wanted: Points,
        owner: &CapOwner,
        date: Date,
        cap_use: &CapUse,
        counters: &Counters,
    ) -> Result<Points, CounterNeeded> {
        if wanted.is_zero() {
            return Ok(wanted);
        }
        let amount = match self.unit {
            Unit::Times => 1,
            Unit::Points => wanted.get(),
        };
        let left = match self.counter(owner, date) {
            Some(counter) => counters.left(&counter, self.most, amount)?,
            None => self.most.saturating_sub(cap_use.of(owner, Interval::of(self.every, date))).max(0),
        };
        Ok(match self.unit {
            Unit::Times if left > 0 => wanted,
            Unit::Times => Points::ZERO,
            Unit::Points => wanted.min(Points::new(left)),
        })
    }

    /// What it means that `owner` gave or took `points` on `date`: a change of the account, or a take from the program's
    /// counter.
    #[must_use]
    pub(crate) fn use_up(&self, points: Points, owner: &CapOwner, date: Date) -> Used {
        let amount = match self.unit {
            Unit::Times => 1,
            Unit::Points => points.get(),
        };
        self.used_by(amount, owner, date)
    }

    /// What it means that `owner` did not give or take `points` on `date` after all, and with them one use, if `is_whole`.
    #[must_use]
    pub(crate) fn give_back(&self, points: Points, is_whole: bool, owner: &CapOwner, date: Date) -> Used {
        let amount = match self.unit {
            Unit::Times => i64::from(is_whole),
            Unit::Points => points.get(),
        };
        self.used_by(amount.saturating_neg(), owner, date)
    }

    fn used_by(&self, amount: i64, owner: &CapOwner, date: Date) -> Used {
        match self.counter(owner, date) {
            _ if amount == 0 => Used::Nothing,
            Some(counter) => Used::OfProgram(Take { counter, amount, most: self.most }),
            None => Used::OfMember(CapChange(owner.clone(), Interval::of(self.every, date), amount)),
        }
    }
}

/// What a use of a cap changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Used {
    /// Nothing.
    Nothing,
    /// The member's account.
    OfMember(CapChange),
    /// A counter over all members.
    OfProgram(Take),
}

/// A signed change of the use of a cap, as a ledger entry records it: `["rule/review","d20261122",1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapChange(pub CapOwner, pub Interval, pub i64);

impl Serialize for CapChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0.to_string(), self.1.to_string(), self.2).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CapChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (owner, interval, amount) = <(String, String, i64)>::deserialize(deserializer)?;
        let owner = owner.parse().map_err(de::Error::custom)?;
        Ok(Self(owner, interval.parse().map_err(de::Error::custom)?, amount))
    }
}

/// How much of each cap is used, by interval: times or points, whichever the cap counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapUse(BTreeMap<CapOwner, BTreeMap<Interval, i64>>);

impl CapUse {
    /// Each owner with its use by interval.
    pub fn iter(&self) -> impl Iterator<Item = (&CapOwner, &BTreeMap<Interval, i64>)> {
        self.0.iter()
    }

    /// How much of the cap of `owner` is used in `interval`.
    #[must_use]
    pub fn of(&self, owner: &CapOwner, interval: Interval) -> i64 {
        self.0.get(owner).and_then(|by_interval| by_interval.get(&interval)).copied().unwrap_or_default()
    }

    /// Every use, as changes of an account without any.
    pub(crate) fn changes(&self) -> impl Iterator<Item = CapChange> {
        let all =
            self.0.iter().flat_map(|(owner, uses)| uses.iter().map(move |(interval, used)| (owner, interval, used)));
        all.map(|(owner, interval, used)| CapChange(owner.clone(), *interval, *used))
    }

    /// Makes `change`. A use below nothing is none: what was given back may have been forgotten before.
    pub(crate) fn apply(&mut self, CapChange(owner, interval, amount): &CapChange) {
        let by_interval = self.0.entry(owner.clone()).or_default();
        let used = by_interval.entry(*interval).or_default();
        *used = used.saturating_add(*amount).max(0);
        if *used == 0 {
            by_interval.remove(interval);
        }
        if by_interval.is_empty() {
            self.0.remove(owner);
        }
    }

    /// Keeps what `keeps` says of each use.
    pub(crate) fn retain(&mut self, keeps: impl Fn(&CapOwner, Interval) -> bool) {
        self.0.retain(|owner, by_interval| {
            by_interval.retain(|interval, _| keeps(owner, *interval));
            !by_interval.is_empty()
        });
    }
}

impl FromIterator<(CapOwner, BTreeMap<Interval, i64>)> for CapUse {
    fn from_iter<I: IntoIterator<Item = (CapOwner, BTreeMap<Interval, i64>)>>(parts: I) -> Self {
        Self(parts.into_iter().collect())
    }
}
