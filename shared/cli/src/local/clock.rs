//! `/local/clock`: moves the time, so that a year of expiries and tiers can be watched in a minute. The time is stored
//! next to the data, because entries have it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use regulars_api::http::{Answer, Problem, Request};
use regulars_application::clock::MovableClock;
use regulars_application::refusal::RefusalCode;
use regulars_domain::instant;
use serde::{Deserialize, Serialize};

use super::dynamo::Data;
use super::failure::StartFailed;
use crate::reason::reason;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instant {
    #[serde(deserialize_with = "instant::deserialize")]
    now: Timestamp,
}

/// The clock of the system, and the file that stores the time to which it was moved.
#[derive(Debug, Clone)]
pub(crate) struct KeptClock {
    clock: MovableClock,
    /// `None` if nothing is stored.
    file: Option<PathBuf>,
    /// A message for the person who starts the server.
    notice: Option<String>,
}

impl KeptClock {
    /// Returns the clock that was stored with `data`, or one at `wanted` if that is later. Without either, the clock
    /// follows the machine's.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub(crate) fn open(data: &Data, wanted: Option<Timestamp>) -> Result<Self, StartFailed> {
        let file = match data {
            Data::Memory => None,
            Data::File(path) => Some(beside(path)),
        };
        let kept = file.as_deref().map(read_kept).transpose()?.flatten();
        let notice = match (kept, wanted) {
            (Some(kept), Some(wanted)) if wanted < kept => Some(format!(
                "the clock stands at {kept}, where it was when the data were last used, because {wanted} is earlier"
            )),
            (Some(kept), None) => Some(format!("the clock stands at {kept}, where it was moved to")),
            (Some(_) | None, Some(_)) | (None, None) => None,
        };
        let clock = match kept.max(wanted) {
            Some(instant) => MovableClock::standing_at(instant),
            None => MovableClock::default(),
        };
        let kept_clock = Self { clock, file, notice };
        kept_clock
            .keep()
            .map_err(|error| StartFailed::new(format!("the clock cannot be stored: {}", reason(&error))))?;
        Ok(kept_clock)
    }

    /// Returns the clock.
    pub(crate) fn clock(&self) -> &MovableClock {
        &self.clock
    }

    /// Returns the message about the clock for the person who starts the server.
    pub(crate) fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Returns the time.
    pub(crate) fn read(&self) -> Answer<Instant> {
        Answer::ok(&Instant { now: self.clock.now() })
    }

    /// Moves the clock to the instant in the body, and returns the time.
    pub(crate) fn move_to(&self, request: Request<'_>) -> Result<Answer<Instant>, Problem> {
        let instant: Instant = request.json_body()?;
        self.clock.move_to(instant.now).map_err(|refused| {
            Problem::new(
                RefusalCode::ClockMovedBack,
                format!("The clock is at {}, and does not move back to {}.", refused.now, refused.instant),
            )
        })?;
        self.keep().map_err(Problem::fault)?;
        Ok(self.read())
    }

    /// Stores the time of the clock, completely or not at all.
    fn keep(&self) -> io::Result<()> {
        let (Some(file), Some(instant)) = (&self.file, self.clock.stands_at()) else { return Ok(()) };
        let written = file.with_extension("clock.new");
        fs::write(&written, format!("{instant}\n"))?;
        fs::rename(written, file)
    }
}

/// Returns the file that stores the clock of the data in `path`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".clock");
    PathBuf::from(name)
}

/// Reads the time to which the clock was moved, if it was.
fn read_kept(file: &Path) -> Result<Option<Timestamp>, StartFailed> {
    let unread = |error: &dyn std::fmt::Display| StartFailed::new(format!("cannot read {}: {error}", file.display()));
    match fs::read_to_string(file) {
        Ok(text) => {
            text.trim().parse().map(Some).map_err(|_| {
                unread(&"it does not contain an instant; delete it to reset the clock to the machine's time")
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unread(&reason(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_clock_goes_on_from_where_it_was_moved_and_never_back() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::File(folder.path().join("local.db"));
        let open = |wanted: Option<&str>| KeptClock::open(&data, wanted.map(instant)).unwrap();
        let follows = open(None);
        assert_eq!((follows.clock().stands_at(), follows.notice()), (None, None));
        let moved = open(Some("2030-01-01T00:00:00Z"));
        moved.clock().move_to(instant("2031-01-01T00:00:00Z")).unwrap();
        moved.keep().unwrap();
        for (wanted, stands_at, notice) in [
            (None, "2031-01-01T00:00:00Z", "the clock stands at 2031-01-01T00:00:00Z, where it was moved to"),
            (
                Some("2030-06-01T00:00:00Z"),
                "2031-01-01T00:00:00Z",
                "the clock stands at 2031-01-01T00:00:00Z, where it was when the data were last used, because \
                 2030-06-01T00:00:00Z is earlier",
            ),
        ] {
            let again = open(wanted);
            assert_eq!(again.clock().stands_at(), Some(instant(stands_at)), "{wanted:?}");
            assert_eq!(again.notice(), Some(notice), "{wanted:?}");
        }
        let later = open(Some("2032-01-01T00:00:00Z"));
        assert_eq!((later.clock().stands_at(), later.notice()), (Some(instant("2032-01-01T00:00:00Z")), None));
    }

    #[test]
    fn a_clock_file_that_cannot_be_read_is_one_clear_line() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("local.db.clock"), "soon").unwrap();
        let refused = KeptClock::open(&Data::File(folder.path().join("local.db")), None).unwrap_err();
        assert!(refused.to_string().starts_with("cannot read "), "{refused}");
    }

    #[test]
    fn data_in_memory_keeps_no_clock() {
        let clock = KeptClock::open(&Data::Memory, Some(instant("2030-01-01T00:00:00Z"))).unwrap();
        assert_eq!(clock.clock().now(), instant("2030-01-01T00:00:00Z"));
        assert_eq!(clock.file, None);
    }
}
