//! The versions of a program: which rules were in force when, and which ones an account must be settled under.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{Timestamp, civil::Date};

use crate::{
    rules::{
        open_days::OpenDays,
        program::{Program, Tiers},
        version_head::{Differs, VersionHead},
    },
    state::account::Account,
    values::{
        calendar::{days_after, start_of},
        id::LevelId,
    },
};

/// The document of a version is needed for a decision, and was not loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionMissing(pub u64);

/// The versions of one program, and the documents of those that were loaded.
///
/// Versions in this list are never withdrawn once they are in force, and never change. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Versions {
    heads: Arc<[VersionHead]>,
    programs: BTreeMap<u64, Arc<Program>>,
}

impl Versions {
    /// Returns versions in the order of their numbers, at least one, with the documents that were loaded.
    #[must_use]
    pub fn new(heads: Arc<[VersionHead]>, programs: BTreeMap<u64, Arc<Program>>) -> Self {
        Self { heads, programs }
    }

    /// Returns all heads, oldest first.
    #[must_use]
    pub fn heads(&self) -> &[VersionHead] {
        &self.heads
    }

    /// Adds the document of a version.
    pub fn add(&mut self, program: Arc<Program>) {
        self.programs.insert(program.version, program);
    }

    /// Returns the number of the version in force at `instant`.
    #[must_use]
    pub fn in_force_at(&self, instant: Timestamp) -> u64 {
        let begun = self.heads.iter().rev().find(|head| head.in_force_from <= instant);
        begun.or(self.heads.first()).map_or(0, |head| head.version)
    }

    /// Returns the rules in force at `instant`.
    ///
    /// # Errors
    ///
    /// Their document was not loaded.
    pub fn at(&self, instant: Timestamp) -> Result<&Program, VersionMissing> {
        self.program(self.in_force_at(instant))
    }

    /// Returns the rules of `version`.
    ///
    /// # Errors
    ///
    /// Their document was not loaded.
    pub fn program(&self, version: u64) -> Result<&Program, VersionMissing> {
        self.programs.get(&version).map(Arc::as_ref).ok_or(VersionMissing(version))
    }

    /// Returns the next version after `version` that changes the effects of time, if it is in force at `instant`.
    #[must_use]
    pub fn next_begun(&self, version: u64, instant: Timestamp) -> Option<&VersionHead> {
        self.after(version, instant).find(|head| head.differs != Differs::Nothing)
    }

    /// Returns versions after `version` that are in force at `instant`.
    fn after(&self, version: u64, instant: Timestamp) -> impl Iterator<Item = &VersionHead> {
        self.heads.iter().filter(move |head| head.version > version && head.in_force_from <= instant)
    }

    /// Returns the version that introduced the tiers of `version`, and since when they are in force; `None` if these
    /// are the program's first.
    #[must_use]
    pub fn tiers_since(&self, version: u64) -> (u64, Option<Timestamp>) {
        let until = || self.heads.iter().filter(|head| head.version <= version);
        match until().rev().find(|head| head.differs == Differs::Tiers) {
            Some(head) => (head.version, Some(head.in_force_from)),
            None => (self.heads.first().map_or(version, |head| head.version), None),
        }
    }

    /// Returns the id under the rules of `later` of the level `level` under those of `version`.
    #[must_use]
    pub fn renamed(&self, level: &LevelId, version: u64, later: u64) -> LevelId {
        let between = self.heads.iter().filter(|head| head.version > version && head.version <= later);
        between.fold(level.clone(), |level, head| {
            head.replaces.iter().find(|(old, _)| *old == level).map_or(level, |(_, new)| new.clone())
        })
    }

    /// Returns the versions that must be loaded to settle `account` up to `now` and to decide about it: those that it
    /// is settled through, those behind earlier promises, plans, debts and holds, and the one in force.
    #[must_use]
    pub fn missing(&self, account: &Account, now: Timestamp) -> Vec<u64> {
        let now = now.max(account.settled_at);
        let walked = self.after(account.program_version, now).filter(|head| head.differs != Differs::Nothing);
        let mut needed: Vec<_> = walked.map(|head| head.version).collect();
        // A level of these rules is promised under the version that introduced their tiers.
        let (promises_under, _) = self.tiers_since(account.program_version);
        needed.extend([account.program_version, promises_under, self.in_force_at(now)]);
        needed.extend(account.promised.iter().map(|promise| promise.version));
        needed.extend(account.plans.iter().map(|term| term.version));
        needed.extend(account.referral_debts.iter().map(|debt| debt.version));
        needed.extend(account.holds.iter().map(|hold| hold.program_version));
        needed.sort_unstable();
        needed.dedup();
        needed.retain(|version| !self.programs.contains_key(version));
        needed
    }

    /// Returns the days for which something can still be posted on `today` under the rules of `program` in force.
    ///
    /// A purchase may be backdated by as many days as its own version allows. Versions that come into force later today
    /// do not count: the data of an account must not depend on when it is touched.
    pub(crate) fn open_days(&self, program: &Program, today: Date) -> OpenDays {
        let year_ago = start_of(&program.zone, days_after(today, YEAR_DAYS.saturating_neg()));
        let next =
            |place: usize| self.heads.get(place.saturating_add(1)).filter(|next| next.version <= program.version);
        let begun = self.heads.iter().enumerate().filter(|(place, head)| {
            head.version <= program.version && next(*place).is_none_or(|next| next.in_force_from > year_ago)
        });
        let spans = begun.map(|(place, head)| {
            let earliest = days_after(today, head.backdating_days_max.saturating_neg());
            // The first version also decides everything earlier.
            let first = if place == 0 { earliest } else { program.date(head.in_force_from).max(earliest) };
            // A till's clock may be ahead, past midnight.
            let last = next(place).map_or(days_after(today, 1), |next| program.date(next.in_force_from));
            (first, last)
        });
        OpenDays::new(today, spans)
    }
}

/// The maximum number of days for which a purchase may be backdated, plus one for the time zone.
const YEAR_DAYS: i32 = 366;

/// The rules in force at one instant, among all versions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'p> {
    pub(crate) versions: &'p Versions,
    pub(crate) program: &'p Program,
}

impl<'p> Rules<'p> {
    /// Returns the rules of `version`.
    pub(crate) fn of(versions: &'p Versions, version: u64) -> Result<Self, VersionMissing> {
        Ok(Self { versions, program: versions.program(version)? })
    }

    pub(crate) fn tiers(self) -> Option<&'p Tiers> {
        self.program.tiers.as_ref()
    }

    /// Returns the version that introduced these tiers.
    pub(crate) fn tiers_version(self) -> u64 {
        self.versions.tiers_since(self.program.version).0
    }

    /// Returns the first day with these tiers; the earliest date if they are the program's first.
    pub(crate) fn tiers_since(self) -> Date {
        let (_, since) = self.versions.tiers_since(self.program.version);
        since.map_or(Date::MIN, |since| self.program.date(since))
    }

    /// Returns the days for which something can still be posted on `today`.
    pub(crate) fn open_days(self, today: Date) -> OpenDays {
        self.versions.open_days(self.program, today)
    }
}

impl From<Program> for Versions {
    /// Returns versions with this version only, which decides everything.
    fn from(program: Program) -> Self {
        let head = VersionHead {
            version: program.version,
            in_force_from: Timestamp::MIN,
            published_at: Timestamp::MIN,
            actor: None,
            differs: Differs::Nothing,
            backdating_days_max: program.points.backdating_days_max,
            corrects: None,
            replaces: Vec::new(),
        };
        Self::new([head].into(), BTreeMap::from([(program.version, Arc::new(program))]))
    }
}
