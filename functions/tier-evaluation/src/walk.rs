//! The accounts of a run, page by page: the due ones of a shard, or all of a segment of the table.

use jiff::civil::Date;
use regulars_application::{engine::Engine, event::EventRefused, failure::Failure};
use regulars_store::{DueCursor, SegmentCursor};

use crate::report::AccountName;

/// Due accounts per page. Small, so that memory stays flat and little is repeated after a crash.
const DUE_PAGE: u32 = 50;

/// Items of a segment per page. Some of them are accounts.
const SEGMENT_PAGE: u32 = 200;

/// A position in the run.
#[derive(Debug)]
pub(crate) enum Walk {
    /// Accounts that are due through a day, in the order of their days.
    Due { through: Date, after: Option<DueCursor> },
    /// All accounts, in no order.
    All { after: Option<SegmentCursor> },
}

/// An account to review.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) account: AccountName,
    /// The day on which it is due; `None` in a run over all accounts.
    pub(crate) review_on: Option<Date>,
}

impl Walk {
    /// Returns the position of `cursor` in the due accounts of `shard`, or in `all` accounts.
    ///
    /// # Errors
    ///
    /// The cursor does not belong to this run.
    pub(crate) fn from_cursor(
        all: bool,
        shard: u16,
        through: Date,
        cursor: Option<&str>,
    ) -> Result<Self, EventRefused> {
        if all {
            let after = cursor.map(SegmentCursor::parse).transpose().map_err(EventRefused::unreadable)?;
            return Ok(Self::All { after });
        }
        let after = cursor.map(|text| DueCursor::parse(text, shard)).transpose().map_err(EventRefused::unreadable)?;
        if let Some(day) = after.as_ref().map(DueCursor::review_on).filter(|day| *day > through) {
            return Err(EventRefused::unreadable(format!(
                "the cursor is at {day}, and the run goes through {through}"
            )));
        }
        Ok(Self::Due { through, after })
    }

    /// Returns where the next call continues; `None` at the end.
    pub(crate) fn cursor(&self) -> Option<String> {
        match self {
            Self::Due { after, .. } => after.as_ref().map(ToString::to_string),
            Self::All { after } => after.as_ref().map(ToString::to_string),
        }
    }

    /// Returns the next accounts of `shard`, and advances.
    ///
    /// # Errors
    ///
    /// The store's fault.
    pub(crate) async fn next(&mut self, engine: &Engine, shard: u16) -> Result<Vec<Candidate>, Failure> {
        match self {
            Self::Due { through, after } => {
                let page = engine.store.due(shard, *through, after.as_ref(), DUE_PAGE).await?;
                *after = page.next;
                let due = page.items.into_iter().map(|due| Candidate {
                    account: AccountName { program: due.program, member: due.member },
                    review_on: Some(due.review_on),
                });
                Ok(due.collect())
            }
            Self::All { after } => {
                let page = engine.store.accounts_of_segment(shard, after.as_ref(), SEGMENT_PAGE).await?;
                *after = page.next;
                let all = page
                    .accounts
                    .into_iter()
                    .map(|(program, member)| Candidate { account: AccountName { program, member }, review_on: None });
                Ok(all.collect())
            }
        }
    }
}
