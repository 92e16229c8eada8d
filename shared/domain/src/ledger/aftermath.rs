//! What became of an entry since it was written: kept beside it, because an entry itself never changes.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use crate::{
    ledger::chain::Sealed,
    values::{
        id::{EntryId, MemberId, RuleId},
        points::Points,
        purchase::Purchase,
        returned::Returned,
    },
};

/// How a redemption ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its hold was captured, all of it or a part.
    Captured,
    /// Its hold was cancelled.
    Cancelled,
    /// It was captured, and undone afterwards.
    Reversed,
}

/// An entry, and the member in whose ledger it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The member.
    pub member: MemberId,
    /// The entry.
    pub entry: EntryId,
}

/// What an accrual comes to after returns and amendments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccrualNow {
    /// What came back of the purchase as it was last amended.
    pub returned: Returned,
    /// The newest amendment, if there is one: the purchase is what it says.
    pub amended: Option<Place>,
    /// The points that each line of the breakdown gives now.
    pub given: BTreeMap<String, Points>,
    /// The steps that it takes now toward each rule that remembers them.
    pub steps: BTreeMap<RuleId, i64>,
    /// The returns and amendments, oldest first.
    pub entries: Vec<Place>,
    /// Whether nothing is left of it.
    pub is_undone: bool,
}

/// What became of an entry since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// How often something was done about it.
    pub changes: u64,
    /// Of an accrual that was returned or amended: what it comes to now.
    pub accrual: Option<AccrualNow>,
    /// Of an accrual that waited for confirmation: the day on which it came.
    pub confirmed_on: Option<Date>,
    /// Of a redemption: how it ended, if it was held or undone.
    pub ending: Option<Ending>,
    /// Of a captured hold: the points captured.
    pub captured: Points,
    /// Of a redemption: the points that were given back of what it spent.
    pub given_back: Points,
    /// Of a redemption: what was given back of the money that it stood for, in minor units.
    pub money_back: i64,
}

/// An entry, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The member in whose ledger it stands.
    pub member: MemberId,
    /// The entry.
    pub sealed: Sealed,
    /// What became of it.
    pub aftermath: Aftermath,
    /// The purchase as the newest amendment told it, where this was read too.
    pub amended: Option<Purchase>,
}

/// A change of what became of an entry, committed only if nobody changed it meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The member in whose ledger the entry stands.
    pub member: MemberId,
    /// The entry.
    pub entry: EntryId,
    /// What became of it now. Its `changes` is one more than was read.
    pub aftermath: Aftermath,
}

impl Recorded {
    /// Returns an entry that was written just now, and of which nothing has become yet.
    #[must_use]
    pub fn new(member: &MemberId, sealed: Sealed) -> Self {
        Self { member: member.clone(), sealed, aftermath: Aftermath::default(), amended: None }
    }

    /// Returns where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { member: self.member.clone(), entry: self.sealed.entry.id.clone() }
    }

    /// Returns the purchase that it records, as it was last amended; `None` if it records none, or the facts were erased.
    #[must_use]
    pub fn purchase(&self) -> Option<&Purchase> {
        if self.is_amended() {
            return self.amended.as_ref();
        }
        self.sealed.facts.as_deref().map(|facts| &facts.purchase)
    }

    /// Returns what came back of the purchase.
    #[must_use]
    pub fn returned(&self) -> Returned {
        self.aftermath.accrual.as_ref().map(|now| now.returned.clone()).unwrap_or_default()
    }

    /// Returns whether it is a purchase that was amended.
    #[must_use]
    pub fn is_amended(&self) -> bool {
        self.aftermath.accrual.as_ref().is_some_and(|now| now.amended.is_some())
    }

    /// Returns whether it is an accrual of which nothing is left.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        self.aftermath.accrual.as_ref().is_some_and(|now| now.is_undone)
    }

    /// Returns the entries that acted on the accrual, oldest first.
    #[must_use]
    pub fn acted_on_by(&self) -> &[Place] {
        self.aftermath.accrual.as_ref().map_or(&[], |now| &now.entries)
    }

    /// Returns what the accrual comes to now.
    pub(crate) fn accrual_now(&self) -> AccrualNow {
        if let Some(now) = &self.aftermath.accrual {
            return now.clone();
        }
        let entry = &self.sealed.entry;
        let lines = entry.breakdown().iter().filter(|line| !line.given.is_zero());
        AccrualNow {
            given: lines.map(|line| (line.rule.clone(), line.given)).collect(),
            steps: entry.effects.steps.iter().map(|(rule, change)| (rule.clone(), change.taken)).collect(),
            ..AccrualNow::default()
        }
    }

    /// Returns the accrual once it comes to `now`, and was `amended` to this purchase if it was.
    pub(crate) fn with(&self, now: AccrualNow, amended: Option<&Purchase>) -> Self {
        let aftermath = Aftermath { accrual: Some(now), ..self.aftermath.clone() };
        Self { aftermath, amended: amended.cloned().or_else(|| self.amended.clone()), ..self.clone() }
    }

    /// Returns the points that the accrual gives now: less than it gave at first where something was taken back.
    #[must_use]
    pub fn gives(&self) -> Points {
        self.accrual_now().given.values().copied().sum()
    }

    /// Returns the mark that something was done about this entry.
    pub(crate) fn mark(&self, change: impl FnOnce(&mut Aftermath)) -> Mark {
        let mut aftermath = self.aftermath.clone();
        aftermath.changes = aftermath.changes.saturating_add(1);
        change(&mut aftermath);
        Mark { member: self.member.clone(), entry: self.sealed.entry.id.clone(), aftermath }
    }
}
