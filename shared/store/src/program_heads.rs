//! The head item of a program: its versions, and what each changes, without their documents.

use std::sync::Arc;

use jiff::Timestamp;
use regulars_domain::{
    id::{Actor, LevelId, ProgramId},
    version_head::{Differs, VersionHead},
};
use serde::{Deserialize, Serialize};

use crate::{
    fault::StoreFault,
    item::{Fields, Item, as_number, key_attributes, number, text},
    table::{LAST, VERSION, VERSIONS, head_key},
};

/// Maximum number of versions of a program.
///
/// Every function reads all heads in one item, up to twice a minute. A thousand take about 100 KB, which is 25 read
/// units; the limit of an item is 400 KB.
pub const VERSIONS_MAX: usize = 1_000;

/// Maximum size of all heads. Versions that each replace many levels reach this before [`VERSIONS_MAX`].
const BYTES_MAX: usize = 300_000;

/// The versions of a program as its head item lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramHeads {
    /// Grows with each change of the list, so that a writer can detect a concurrent change.
    pub(crate) revision: u64,
    /// The last number that a version got. The number of a withdrawn version is never used again.
    pub(crate) last: u64,
    /// The versions in the order of their numbers. Never empty.
    pub versions: Arc<[VersionHead]>,
}

impl ProgramHeads {
    /// Returns the newest version, which may not be in force yet.
    #[must_use]
    pub fn newest(&self) -> Option<&VersionHead> {
        self.versions.last()
    }

    /// Returns the version with this number.
    #[must_use]
    pub fn version(&self, number: u64) -> Option<&VersionHead> {
        self.versions.iter().find(|head| head.version == number)
    }

    /// Returns the version that was the newest when the newest one was published.
    pub(crate) fn before_newest(&self) -> Option<&VersionHead> {
        self.versions.iter().nth_back(1)
    }

    /// Returns these with one more version; `None` if there is no room.
    pub(crate) fn with(heads: Option<&Self>, head: &VersionHead) -> Option<Self> {
        let (revision, last) = heads.map_or((0, 0), |heads| (heads.revision, heads.last));
        let number = last.saturating_add(1);
        let before = heads.into_iter().flat_map(|heads| heads.versions.iter().cloned());
        let versions: Arc<[_]> = before.chain([VersionHead { version: number, ..head.clone() }]).collect();
        let heads = Self { revision: revision.saturating_add(1), last: number, versions };
        let has_room = heads.versions.len() <= VERSIONS_MAX && heads.text().is_ok_and(|text| text.len() <= BYTES_MAX);
        has_room.then_some(heads)
    }

    /// Returns these without the newest version.
    pub(crate) fn without_newest(&self) -> Self {
        let kept = self.versions.len().saturating_sub(1);
        let versions = self.versions.iter().take(kept).cloned().collect();
        Self { revision: self.revision.saturating_add(1), last: self.last, versions }
    }

    fn text(&self) -> Result<String, StoreFault> {
        let rows: Vec<_> = self.versions.iter().map(Row::from).collect();
        serde_json::to_string(&rows).map_err(|error| StoreFault::Broken(error.into()))
    }

    pub(crate) fn write(&self, program: &ProgramId) -> Result<Item, StoreFault> {
        let mut item = key_attributes(head_key(program));
        item.insert(VERSION.to_owned(), number(&self.revision));
        item.insert(LAST.to_owned(), number(&self.last));
        item.insert(VERSIONS.to_owned(), text(self.text()?));
        Ok(item)
    }

    pub(crate) fn read(item: &Item) -> Result<Self, StoreFault> {
        let fields = Fields::of("program", item);
        let rows: Vec<Row> = fields.required(VERSIONS, |value| serde_json::from_str(value.as_s().ok()?).ok())?;
        if rows.is_empty() {
            return Err(fields.corrupt(VERSIONS).into());
        }
        Ok(Self {
            revision: fields.required(VERSION, as_number)?,
            last: fields.required(LAST, as_number)?,
            versions: rows.into_iter().map(VersionHead::from).collect(),
        })
    }
}

/// Returns the text of one head, as the item of its version stores it.
pub(crate) fn write_head(head: &VersionHead) -> Result<String, StoreFault> {
    serde_json::to_string(&Row::from(head)).map_err(|error| StoreFault::Broken(error.into()))
}

/// Reads the head that [`write_head`] wrote; `None` if the text is not a head.
pub(crate) fn read_head(text: &str) -> Option<VersionHead> {
    Some(serde_json::from_str::<Row>(text).ok()?.into())
}

/// The stored form of a head: short names, without default values.
#[derive(Serialize, Deserialize)]
struct Row {
    v: u64,
    from: Timestamp,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Actor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    differs: Option<Difference>,
    back: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    corrects: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaces: Vec<(LevelId, LevelId)>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Difference {
    Time,
    Tiers,
}

impl From<&VersionHead> for Row {
    fn from(head: &VersionHead) -> Self {
        Self {
            v: head.version,
            from: head.in_force_from,
            at: head.published_at,
            by: head.actor.clone(),
            differs: match head.differs {
                Differs::Nothing => None,
                Differs::Time => Some(Difference::Time),
                Differs::Tiers => Some(Difference::Tiers),
            },
            back: head.backdating_days_max,
            corrects: head.corrects,
            replaces: head.replaces.clone(),
        }
    }
}

impl From<Row> for VersionHead {
    fn from(row: Row) -> Self {
        Self {
            version: row.v,
            in_force_from: row.from,
            published_at: row.at,
            actor: row.by,
            differs: match row.differs {
                None => Differs::Nothing,
                Some(Difference::Time) => Differs::Time,
                Some(Difference::Tiers) => Differs::Tiers,
            },
            backdating_days_max: row.back,
            corrects: row.corrects,
            replaces: row.replaces,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(version: u64) -> VersionHead {
        VersionHead {
            version,
            in_force_from: "2026-11-22T12:01:00.123Z".parse().unwrap(),
            published_at: "2026-11-22T12:00:00.123Z".parse().unwrap(),
            actor: Some("x".repeat(64).parse().unwrap()),
            differs: Differs::Tiers,
            backdating_days_max: 365,
            corrects: Some(version.saturating_sub(1)),
            replaces: Vec::new(),
        }
    }

    #[test]
    fn every_field_of_a_head_reads_back() {
        let pair = |one: &str, other: &str| (one.parse().unwrap(), other.parse().unwrap());
        let plain = VersionHead { actor: None, differs: Differs::Nothing, corrects: None, ..head(1) };
        let time = VersionHead { differs: Differs::Time, replaces: vec![pair("a", "b"), pair("c", "b")], ..head(3) };
        let heads = ProgramHeads { revision: 5, last: 4, versions: [plain, time, head(4)].into() };
        assert_eq!(ProgramHeads::read(&heads.write(&"demo".parse().unwrap()).unwrap()).unwrap(), heads);
    }

    #[test]
    fn a_thousand_versions_fit_into_an_item_and_one_more_is_refused() {
        let full = (1..=1_000).fold(None, |heads: Option<ProgramHeads>, _| {
            Some(ProgramHeads::with(heads.as_ref(), &head(0)).expect("there is room"))
        });
        let full = full.unwrap();
        assert_eq!((full.versions.len(), full.last, full.revision), (VERSIONS_MAX, 1_000, 1_000));
        assert!(full.text().unwrap().len() < BYTES_MAX, "{}", full.text().unwrap().len());
        assert_eq!(ProgramHeads::with(Some(&full), &head(0)), None);
    }

    #[test]
    fn versions_that_replace_many_levels_never_outgrow_the_item() {
        let id = |n: usize| format!("{}{n:04}", "x".repeat(60)).parse().unwrap();
        let crowded = VersionHead { replaces: (0..20).map(|n| (id(n), id(n + 1_000))).collect(), ..head(0) };
        let mut heads = ProgramHeads::with(None, &crowded);
        let mut versions = 0;
        while let Some(more) = heads {
            versions = more.versions.len();
            assert!(more.text().unwrap().len() <= BYTES_MAX);
            heads = ProgramHeads::with(Some(&more), &crowded);
        }
        assert!((90..VERSIONS_MAX).contains(&versions), "{versions}");
    }
}
