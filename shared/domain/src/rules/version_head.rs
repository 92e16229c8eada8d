//! The head of a version: its data without the document.

use jiff::Timestamp;

use crate::values::id::{Actor, LevelId};

/// The difference of a version from the one before it, in the effects of time on an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Differs {
    /// None: settling does not need the document.
    #[default]
    Nothing,
    /// Some, such as birthdays, plans, notices or what is dropped, but not the tiers.
    Time,
    /// The tiers.
    Tiers,
}

/// The data of a version without its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionHead {
    /// Its number. Numbers ascend, and a withdrawn version leaves a gap.
    pub version: u64,
    /// The first instant at which it decides. The first version also decides everything earlier.
    pub in_force_from: Timestamp,
    /// When it was published.
    pub published_at: Timestamp,
    /// Who published it, if that is known.
    pub actor: Option<Actor>,
    /// How it differs from the version before it.
    pub differs: Differs,
    /// The number of days for which a purchase may be backdated under it.
    pub backdating_days_max: i32,
    /// An earlier version whose levels it removes.
    pub corrects: Option<u64>,
    /// Levels of the version before whose id changed: the old id, and the new one.
    pub replaces: Vec<(LevelId, LevelId)>,
}
