//! The scheduled run: the due accounts of one shard, page by page, for as long as there is time.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};
use regulars_api::{
    caught::caught,
    command::Subject,
    deadline::Deadline,
    engine::Engine,
    event::EventRefused,
    http::{Code, Problem},
};
use regulars_domain::id::{MemberId, ProgramId};
use regulars_store::{DUE_SHARDS, Due, DueCursor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Accounts looked up at a time. Small, so that memory stays flat and little is done twice after a crash.
const PAGE_SIZE: u32 = 50;

/// No further page is begun with less time than this left: a page takes about a second, and retries may take more.
const PAGE_TIME: Duration = Duration::from_secs(10);

/// So many of a page's accounts are reviewed at a time ([`review_page`] spells them out). A review waits for the table
/// nearly all of its time; with more, one shard would write faster than its part of the index takes.
const LANES: usize = 4;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    shard: u16,
    through: Date,
    #[serde(default)]
    cursor: Option<String>,
}

/// How far the run has come in this shard, and what it did on this call.
#[derive(Debug, Serialize)]
struct Report {
    shard: u16,
    through: Date,
    /// Where to go on; `null` when the shard is done.
    cursor: Option<String>,
    /// Accounts that were due and looked at.
    reviewed: u64,
    /// Those of them whose ledger got an entry.
    changed: u64,
    /// Those that others kept changing; they are still due, and tomorrow's run finds them.
    conflicted: u64,
    /// Those that are broken, each named in the log; they are still due too.
    failed: u64,
}

/// Reviews accounts of the shard that are due through the event's date.
pub(crate) async fn review(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    let Event { shard, through, cursor } = serde_json::from_value(event).map_err(EventRefused::unreadable)?;
    if shard >= DUE_SHARDS {
        return Err(EventRefused::unreadable(format!("shard is {shard}, and shards are 0 to 255")));
    }
    let latest = latest_date(engine.clock.now());
    if through > latest {
        return Err(EventRefused::unreadable(format!("through is {through}, and nowhere is it later than {latest}")));
    }
    let mut cursor = cursor.map(|text| DueCursor::parse(&text, shard)).transpose().map_err(EventRefused::unreadable)?;
    if let Some(day) = cursor.as_ref().map(DueCursor::review_on).filter(|day| *day > through) {
        return Err(EventRefused::unreadable(format!("the cursor is at {day}, and the run goes through {through}")));
    }
    let mut report = Report { shard, through, cursor: None, reviewed: 0, changed: 0, conflicted: 0, failed: 0 };
    loop {
        let page = engine.store.due(shard, through, cursor.as_ref(), PAGE_SIZE).await.map_err(EventRefused::fault)?;
        let fates = Box::pin(review_page(page.items, |due| review_one(engine, due, deadline))).await;
        let fates = fates.map_err(EventRefused::fault)?;
        for fate in fates {
            report.count(fate);
        }
        cursor = page.next;
        if cursor.is_none() || deadline.remaining() < PAGE_TIME {
            break;
        }
    }
    report.cursor = cursor.map(|cursor| cursor.to_string());
    let Report { reviewed, changed, conflicted, failed, .. } = report;
    tracing::info!(shard, reviewed, changed, conflicted, failed, done = report.cursor.is_none(), "reviewed");
    serde_json::to_value(report).map_err(EventRefused::fault)
}

/// Reviews accounts by `review`, [`LANES`] of them at a time. A store that does not answer ends all of them; a panic is the
/// failure of one.
async fn review_page<F>(accounts: Vec<Due>, review: impl Fn(Due) -> F) -> Result<Vec<Fate>, Problem>
where
    F: Future<Output = Result<Fate, Problem>>,
{
    let waiting = Mutex::new(accounts.into_iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let lane = || async {
        let mut fates = Vec::new();
        while let Some(due) = next() {
            let (program, member) = (due.program.clone(), due.member.clone());
            fates.push(match caught(review(due)).await {
                Ok(reviewed) => reviewed?,
                Err(panicked) => failed(&program, &member, &panicked.into()),
            });
        }
        Ok::<_, Problem>(fates)
    };
    let lanes: [Vec<Fate>; LANES] = tokio::try_join!(lane(), lane(), lane(), lane())?.into();
    Ok(lanes.into_iter().flatten().collect())
}

/// What became of an account that was listed as due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is not due after all, or gone.
    NotDue,
    Unchanged,
    Changed,
    Conflicted,
    Failed,
}

impl Report {
    fn count(&mut self, fate: Fate) {
        let of_its_own = match fate {
            Fate::NotDue => return,
            Fate::Unchanged => None,
            Fate::Changed => Some(&mut self.changed),
            Fate::Conflicted => Some(&mut self.conflicted),
            Fate::Failed => Some(&mut self.failed),
        };
        for count in of_its_own.into_iter().chain([&mut self.reviewed]) {
            *count = count.saturating_add(1);
        }
    }
}

async fn review_one(engine: &Engine, due: Due, deadline: Deadline) -> Result<Fate, Problem> {
    let now = engine.clock.now();
    let Some(versions) = engine.programs.versions(&engine.store, &due.program, now).await? else {
        tracing::error!(program = due.program.as_str(), "an account is due in a program that is not published");
        return Ok(Fate::NotDue);
    };
    let mut subject = Subject { program_id: due.program, versions, member: due.member, now };
    // Where the day has not begun yet, nothing is due before tomorrow's run.
    if due.review_on > subject.program()?.date(now) {
        return Ok(Fate::NotDue);
    }
    match engine.change(&mut subject, deadline, |settled| Ok::<_, Problem>(settled.review())).await {
        Ok(done) if done.grew => Ok(Fate::Changed),
        Ok(_) => Ok(Fate::Unchanged),
        Err(problem) if problem.code() == Code::Busy => Ok(Fate::Conflicted),
        // The index follows the table within moments, and the account may be gone by now.
        Err(problem) if problem.code() == Code::MemberNotFound => Ok(Fate::NotDue),
        Err(problem) if problem.code() == Code::StoreUnavailable => Err(problem),
        // One broken account must not keep the rest of its shard waiting night after night.
        Err(problem) => Ok(failed(&subject.program_id, &subject.member, &problem)),
    }
}

/// Names an account that cannot be reviewed in the log.
fn failed(program: &ProgramId, member: &MemberId, problem: &Problem) -> Fate {
    let (program, member) = (program.as_str(), member.as_str());
    tracing::error!(program, member, cause = problem.cause(), "a due account cannot be reviewed");
    Fate::Failed
}

/// The latest date that it is anywhere, in the zone that is first into every day.
fn latest_date(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::fixed(Offset::constant(14))).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_account_at_which_the_engine_panics_counts_as_failed_and_the_others_are_reviewed() {
        let due = |number: usize| Due {
            review_on: "2027-01-01".parse().unwrap(),
            program: "demo".parse().unwrap(),
            member: format!("m-{number}").parse().unwrap(),
        };
        let fates = review_page((0..9).map(due).collect(), |due| async move {
            tokio::task::yield_now().await;
            assert!(due.member.as_str() != "m-3", "the engine is broken");
            Ok(Fate::Changed)
        });
        let fates = fates.await.unwrap();
        assert_eq!(fates.len(), 9);
        assert_eq!(fates.iter().filter(|fate| **fate == Fate::Failed).count(), 1);
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_ends_the_page() {
        let due = Due {
            review_on: "2027-01-01".parse().unwrap(),
            program: "demo".parse().unwrap(),
            member: "m-1".parse().unwrap(),
        };
        let ended = review_page(vec![due], |_| async { Err(Problem::store_unavailable("on fire")) }).await;
        assert_eq!(ended.unwrap_err().code(), Code::StoreUnavailable);
    }
}
