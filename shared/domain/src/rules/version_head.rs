//! What is known of a version of a program without reading its document.

use jiff::Timestamp;

use crate::values::id::{Actor, LevelId};

/// What one version changes, compared with the version before it, of all that time does to an account by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Differs {
    /// Nothing: settling need not know of it.
    #[default]
    Nothing,
    /// Something, such as birthdays, plans, notices or what is forgotten, but not the tiers.
    Time,
    /// The tiers.
    Tiers,
}

/// What must be known of a version without reading its document.
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
    /// How many days back a purchase may be posted under it.
    pub backdating_days_max: i32,
    /// An earlier version whose levels it takes back.
    pub corrects: Option<u64>,
    /// Levels of the version before that have another id now: the old id, and the new one.
    pub replaces: Vec<(LevelId, LevelId)>,
}
