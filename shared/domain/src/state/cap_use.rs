//! The use of caps that an account stores.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    state::weight::number_bytes,
    values::{
        calendar::Interval,
        id::{EntitlementId, IdMalformed, RewardId, RuleId},
    },
};

/// What a cap limits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapOwner {
    /// An earning rule.
    Rule(RuleId),
    /// A reward.
    Reward(RewardId),
    /// An entitlement of a level or a plan.
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

/// The bytes that an owner takes in an account without its uses: its name, and a map.
pub(crate) fn owner_bytes(owner: &CapOwner) -> usize {
    const MAP_BYTES: usize = 4;
    let (name, id) = match owner {
        CapOwner::Rule(id) => ("rule/", id.as_str()),
        CapOwner::Reward(id) => ("reward/", id.as_str()),
        CapOwner::Entitlement(id) => ("entitlement/", id.as_str()),
    };
    name.len().saturating_add(id.len()).saturating_add(MAP_BYTES)
}

/// The bytes that the use of one interval takes in an account: its name, such as `d20261122`, the number, and a byte for the pair.
pub(crate) fn use_bytes(used: i64) -> usize {
    const INTERVAL_BYTES: usize = 10;
    number_bytes(used).saturating_add(INTERVAL_BYTES)
}

/// The use of each cap, by interval: times or points, depending on what the cap counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapUse(BTreeMap<CapOwner, BTreeMap<Interval, i64>>);

impl CapUse {
    /// Each owner with its use by interval.
    pub fn iter(&self) -> impl Iterator<Item = (&CapOwner, &BTreeMap<Interval, i64>)> {
        self.0.iter()
    }

    /// Returns the use of the cap of `owner` in `interval`.
    #[must_use]
    pub fn of(&self, owner: &CapOwner, interval: Interval) -> i64 {
        self.0.get(owner).and_then(|by_interval| by_interval.get(&interval)).copied().unwrap_or_default()
    }

    /// Returns every use, as changes of an empty account.
    pub(crate) fn changes(&self) -> impl Iterator<Item = CapChange> {
        let all =
            self.0.iter().flat_map(|(owner, uses)| uses.iter().map(move |(interval, used)| (owner, interval, used)));
        all.map(|(owner, interval, used)| CapChange(owner.clone(), *interval, *used))
    }

    /// Applies `change`. The use never goes below zero: the interval may have been forgotten before.
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

    /// The bytes that it takes in an account, as DynamoDB counts them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of_owner = |(owner, uses): (&CapOwner, &BTreeMap<Interval, i64>)| {
            let uses = uses.values().map(|used| use_bytes(*used));
            uses.fold(owner_bytes(owner), usize::saturating_add)
        };
        self.0.iter().map(of_owner).fold(0, usize::saturating_add)
    }

    /// Retains the uses for which `keeps` returns true.
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
