//! The aftermath of an entry: what happened to it since. It is stored next to the entry, because an entry itself never
//! changes.

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
    /// Its hold was captured, completely or in part.
    Captured,
    /// Its hold was cancelled.
    Cancelled,
    /// It was captured and later reversed.
    Reversed,
}

/// An entry, and the member whose ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The member.
    pub member: MemberId,
    /// The entry.
    pub entry: EntryId,
}

/// The current state of an accrual, after returns and amendments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccrualNow {
    /// What was returned of the purchase since its newest amendment.
    pub returned: Returned,
    /// The newest amendment, if any. The purchase is as it says.
    pub amended: Option<Place>,
    /// The points that each line of the breakdown gives now.
    pub given: BTreeMap<String, Points>,
    /// The steps that it takes now toward each rule.
    pub steps: BTreeMap<RuleId, i64>,
    /// The returns and amendments, oldest first.
    pub entries: Vec<Place>,
    /// Whether the purchase was returned completely.
    pub is_undone: bool,
}

/// What happened to an entry since it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// The number of changes.
    pub changes: u64,
    /// For an accrual that was returned or amended: its current state.
    pub accrual: Option<AccrualNow>,
    /// For an accrual that waited for a confirmation: the day of the confirmation.
    pub confirmed_on: Option<Date>,
    /// For a redemption: how it ended, if it was held or reversed.
    pub ending: Option<Ending>,
    /// For a captured hold: the points captured.
    pub captured: Points,
    /// For a redemption: the points returned.
    pub given_back: Points,
    /// For a redemption: the money returned, in minor units.
    pub money_back: i64,
}

/// An entry and its aftermath.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The member whose ledger has it.
    pub member: MemberId,
    /// The entry.
    pub sealed: Sealed,
    /// Its aftermath.
    pub aftermath: Aftermath,
    /// The purchase of the newest amendment, if it was read.
    pub amended: Option<Purchase>,
}

/// A change of an entry's aftermath, committed only if it was not changed in the meantime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The member whose ledger has the entry.
    pub member: MemberId,
    /// The entry.
    pub entry: EntryId,
    /// The new aftermath. Its `changes` is one more than was read.
    pub aftermath: Aftermath,
}

impl Recorded {
    /// Returns a new entry, without an aftermath.
    #[must_use]
    pub fn new(member: &MemberId, sealed: Sealed) -> Self {
        Self { member: member.clone(), sealed, aftermath: Aftermath::default(), amended: None }
    }

    /// Returns the entry and its ledger.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { member: self.member.clone(), entry: self.sealed.entry.id.clone() }
    }

    /// Returns the recorded purchase, as of its newest amendment; `None` if the entry records none, or the facts were
    /// erased.
    #[must_use]
    pub fn purchase(&self) -> Option<&Purchase> {
        if self.is_amended() {
            return self.amended.as_ref();
        }
        self.sealed.facts.as_deref().map(|facts| &facts.purchase)
    }

    /// Returns what was returned of the purchase.
    #[must_use]
    pub fn returned(&self) -> Returned {
        self.aftermath.accrual.as_ref().map(|now| now.returned.clone()).unwrap_or_default()
    }

    /// Returns whether it is a purchase that was amended.
    #[must_use]
    pub fn is_amended(&self) -> bool {
        self.aftermath.accrual.as_ref().is_some_and(|now| now.amended.is_some())
    }

    /// Returns whether it is an accrual that was returned completely.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        self.aftermath.accrual.as_ref().is_some_and(|now| now.is_undone)
    }

    /// Returns the entries that acted on the accrual, oldest first.
    #[must_use]
    pub fn acted_on_by(&self) -> &[Place] {
        self.aftermath.accrual.as_ref().map_or(&[], |now| &now.entries)
    }

    /// Returns the current state of the accrual.
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

    /// Returns the accrual with the state `now`, and with the purchase `amended` if there is one.
    pub(crate) fn with(&self, now: AccrualNow, amended: Option<&Purchase>) -> Self {
        let aftermath = Aftermath { accrual: Some(now), ..self.aftermath.clone() };
        Self { aftermath, amended: amended.cloned().or_else(|| self.amended.clone()), ..self.clone() }
    }

    /// Returns the points that the accrual gives now, after returns.
    #[must_use]
    pub fn gives(&self) -> Points {
        self.accrual_now().given.values().copied().sum()
    }

    /// Returns the mark for a change of this entry's aftermath.
    pub(crate) fn mark(&self, change: impl FnOnce(&mut Aftermath)) -> Mark {
        let mut aftermath = self.aftermath.clone();
        aftermath.changes = aftermath.changes.saturating_add(1);
        change(&mut aftermath);
        Mark { member: self.member.clone(), entry: self.sealed.entry.id.clone(), aftermath }
    }
}
