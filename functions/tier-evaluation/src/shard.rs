//! The scheduled run: reviews the accounts of one shard, page by page, until its time is used up.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};
use regulars_application::{
    call::{Call, Ended, Reviewed},
    caught::caught,
    command::Done,
    deadline::Deadline,
    engine::Engine,
    event::{self, EventRefused},
    failure::Failure,
    refusal::RefusalCode,
    tally::tallied,
};
use regulars_store::DUE_SHARDS;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    report::{AccountName, Fate, Report},
    walk::{Candidate, Walk},
};

/// No further page starts with less time than this left: a page takes about a second, and retries may take more.
const PAGE_TIME: Duration = Duration::from_secs(10);

/// Accounts of a page that are reviewed concurrently ([`review_page`] spells them out). A review spends nearly all of
/// its time waiting for the table. With more lanes, one shard would write faster than its part of the index allows.
const LANES: usize = 4;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    shard: u16,
    through: Date,
    #[serde(default)]
    cursor: Option<String>,
    /// Whether to review every account, due or not, for the night after a change of rules.
    #[serde(default)]
    all: bool,
}

/// Reviews accounts of the shard that are due through the event's date, or all accounts, and logs the line of the call. The
/// runtime logs an event that is rejected.
pub(crate) async fn review(engine: &Engine, event: Value, deadline: Deadline) -> Result<Value, EventRefused> {
    let began = Instant::now();
    let (reviewed, tally) = tallied(review_shard(engine, event, deadline)).await;
    let report = reviewed?;
    let Report { shard, reviewed, changed, conflicted, failed, .. } = report;
    let is_done = report.cursor.is_none();
    let reviewed = Reviewed { shard, is_done, reviewed, changed, conflicted, failed };
    Call::new("review", began, Ended::Done).that_reviewed(reviewed).log(&tally);
    serde_json::to_value(report).map_err(EventRefused::fault)
}

async fn review_shard(engine: &Engine, event: Value, deadline: Deadline) -> Result<Report, EventRefused> {
    let Event { shard, through, cursor, all } = event::read(event)?;
    if shard >= DUE_SHARDS {
        return Err(EventRefused::unreadable(format!("shard is {shard}, and shards are 0 to 255")));
    }
    let latest = latest_date(engine.clock.now());
    if through > latest {
        return Err(EventRefused::unreadable(format!(
            "through is {through}, and the latest date of any time zone is {latest}"
        )));
    }
    let mut walk = Walk::from_cursor(all, shard, through, cursor.as_deref())?;
    let mut report = Report::new(shard, through);
    loop {
        let page = walk.next(engine, shard).await.map_err(EventRefused::fault)?;
        let fates = Box::pin(review_page(page, |candidate| review_one(engine, candidate, deadline))).await;
        for fate in fates.map_err(EventRefused::fault)? {
            report.count(fate);
        }
        report.cursor = walk.cursor();
        if report.cursor.is_none() || deadline.remaining() < PAGE_TIME {
            return Ok(report);
        }
    }
}

/// Reviews accounts with `review`, [`LANES`] of them concurrently. A store that does not answer ends all of them; a
/// panic is the failure of one.
async fn review_page<F>(accounts: Vec<Candidate>, review: impl Fn(Candidate) -> F) -> Result<Vec<Fate>, Failure>
where
    F: Future<Output = Result<Fate, Failure>>,
{
    let waiting = Mutex::new(accounts.into_iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let lane = || async {
        let mut fates = Vec::new();
        while let Some(candidate) = next() {
            let account = candidate.account.clone();
            fates.push(match caught(review(candidate)).await {
                Ok(reviewed) => reviewed?,
                Err(panicked) => failed(account, &panicked.into()),
            });
        }
        Ok::<_, Failure>(fates)
    };
    let lanes: [Vec<Fate>; LANES] = tokio::try_join!(lane(), lane(), lane(), lane())?.into();
    Ok(lanes.into_iter().flatten().collect())
}

/// Reviews one account and returns the result.
///
/// # Errors
///
/// The store does not answer. Any other error concerns this account only: a broken account must not block the rest of
/// its shard every night.
async fn review_one(engine: &Engine, candidate: Candidate, deadline: Deadline) -> Result<Fate, Failure> {
    let Candidate { account, review_on } = candidate;
    match reviewed(engine, &account, review_on, deadline).await {
        Ok(None) => Ok(Fate::NotDue),
        Ok(Some(done)) => Ok(if done.grew { Fate::Changed } else { Fate::Unchanged }),
        // The index follows the table within moments, and the account may no longer exist.
        Err(Failure::Refused(refusal)) if refusal.code() == RefusalCode::MemberNotFound => Ok(Fate::NotDue),
        Err(Failure::Busy) => Ok(Fate::Conflicted(account)),
        Err(failure) if failure.retryable() => Err(failure),
        Err(failure) => Ok(failed(account, &failure)),
    }
}

/// Logs an account that cannot be reviewed.
fn failed(account: AccountName, failure: &Failure) -> Fate {
    let cause = failure.cause().map(ToString::to_string);
    let (program, member, code) = (account.program.as_str(), account.member.as_str(), failure.code());
    tracing::error!(program, member, code, cause, "an account cannot be reviewed");
    Fate::Failed(account)
}

/// Reviews an account; returns `None` if the day on which it is due has not begun in its program's zone. Nothing is due
/// then before the next run.
async fn reviewed(
    engine: &Engine,
    account: &AccountName,
    review_on: Option<Date>,
    deadline: Deadline,
) -> Result<Option<Done>, Failure> {
    let mut subject = engine.subject(account.program.clone(), account.member.clone()).await?;
    let today = subject.program()?.date(subject.now);
    if review_on.is_some_and(|day| day > today) {
        return Ok(None);
    }
    engine.review(&mut subject, deadline).await.map(Some)
}

/// Returns the latest date anywhere on Earth, in the zone where each day begins first.
fn latest_date(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::fixed(Offset::constant(14))).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(member: &str) -> Candidate {
        let account = AccountName { program: "demo".parse().unwrap(), member: member.parse().unwrap() };
        Candidate { account, review_on: None }
    }

    #[tokio::test]
    async fn an_account_at_which_the_engine_panics_counts_as_failed_and_the_others_are_reviewed() {
        let candidates = (0..9).map(|number| candidate(&format!("m-{number}"))).collect();
        let fates = review_page(candidates, |candidate| async move {
            tokio::task::yield_now().await;
            assert!(candidate.account.member.as_str() != "m-3", "the engine is broken");
            Ok(Fate::Changed)
        });
        let fates = fates.await.unwrap();
        assert_eq!(fates.len(), 9);
        let failed: Vec<_> = fates.iter().filter(|fate| matches!(fate, Fate::Failed(_))).collect();
        assert!(matches!(failed[..], [Fate::Failed(account)] if account.member.as_str() == "m-3"));
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_ends_the_page() {
        let ended = review_page(vec![candidate("m-1")], |_| async { Err(Failure::unavailable("on fire")) }).await;
        assert_eq!(ended.err().map(|failure| failure.code()), Some("store_unavailable"));
    }
}
