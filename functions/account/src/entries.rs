//! `GET /members/{member}/entries`: the ledger, newest first, page by page, or one entry.

use regulars_api::{
    http::{Answer, Call, Nothing, Problem},
    view::EntryDetail,
};
use regulars_application::{engine::Engine, refusal::RefusalCode};
use regulars_domain::{
    account::Account,
    aftermath::Recorded,
    id::{MemberId, ProgramId},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    cursor::{self, Cursor},
    filter::{Filter, Place},
};

/// Maximum number of pages per request, so that a filter with few matches costs a bounded amount.
const READS_MAX: usize = 5;

/// The number of entries of a page to which a filter is applied.
const FILTERED_PAGE: u32 = 100;

/// A page of the ledger.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Statement {
    /// The entries: newest first, or oldest first if the request has `after_seq`.
    entries: Vec<EntryDetail>,
    /// The `cursor` of the next page; `null` on the last page.
    next_cursor: Option<String>,
}

/// Returns a page of the statement. It first commits the effects of time that are not yet in the ledger, so that a
/// statement always adds up to the balance of the account. The ledgers of members who were merged into this one follow
/// its own, unless entries are requested in order.
pub(crate) async fn list(
    Call { engine, request, params, deadline }: Call<'_, Engine, Nothing>,
) -> Result<Answer<Statement>, Problem> {
    let limit = request.limit()?;
    let asked = Filter::asked(&request)?;
    let start = Cursor::of(&request)?;
    let mut subject = params.subject(engine).await?;
    let done = engine.review(&mut subject, deadline).await?;
    let walk = Walk {
        engine,
        program: &subject.program_id,
        filter: asked.within(&subject.program()?.zone),
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let (entries, next) = walk.from(&done.account, start).await?;
    Ok(Answer::ok(&Statement {
        entries: entries.iter().map(|entry| EntryDetail::new(entry, &done.account)).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}

pub(crate) async fn read(
    Call { engine, request, params, .. }: Call<'_, Engine, Nothing>,
) -> Result<Answer<EntryDetail>, Problem> {
    let mut subject = params.subject(engine).await?.in_ledger(request.ledger()?);
    let id = params.entry()?;
    let account = engine.account(&mut subject).await?;
    let settled = engine.settled(&subject, account)?;
    let Some(entry) = engine.entry(&subject, settled.account(), &id).await? else {
        return Err(Problem::new(RefusalCode::EntryNotFound, format!("The member has no entry `{id}`.")));
    };
    Ok(Answer::ok(&EntryDetail::new(&entry, settled.account())))
}

/// Reads pages of ledgers until enough entries match, or enough was read.
pub(crate) struct Walk<'e> {
    pub(crate) engine: &'e Engine,
    pub(crate) program: &'e ProgramId,
    pub(crate) filter: Filter,
    pub(crate) limit: usize,
}

impl Walk<'_> {
    /// Returns entries of `account` from `start`, and where the next page begins.
    pub(crate) async fn from(
        &self,
        account: &Account,
        start: Cursor,
    ) -> Result<(Vec<Recorded>, Option<Cursor>), Problem> {
        match start {
            Cursor::After(seq) => self.forward(&account.member, seq, account.seq).await,
            Cursor::Before { seq, ledger } => {
                let ledgers: Vec<&MemberId> = account.ledgers().collect();
                self.back(&ledgers, seq, ledger.as_ref()).await
            }
        }
    }

    /// Returns entries from the newest back, and where the next page begins: before `seq` of the ledger of `from`, or
    /// of the first of `ledgers`.
    async fn back(
        &self,
        ledgers: &[&MemberId],
        seq: Option<u64>,
        from: Option<&MemberId>,
    ) -> Result<(Vec<Recorded>, Option<Cursor>), Problem> {
        let own = ledgers.first().copied();
        let wanted = from.or(own);
        let mut later = ledgers.iter().copied().skip_while(|member| Some(*member) != wanted);
        let mut ledger = later.next().ok_or_else(cursor::malformed)?;
        let (mut before, mut found) = (seq, Vec::new());
        for _ in 0..READS_MAX {
            let page = self.engine.store.entries(self.program, ledger, before, self.page()).await?;
            let mut next = page.next;
            for entry in page.items {
                let seq = entry.sealed.entry.seq;
                match self.filter.place(&entry.sealed.entry) {
                    Place::Matches => found.push(entry),
                    Place::After | Place::OtherKind => {}
                    // All older entries were posted no later.
                    Place::Before => {
                        next = None;
                        break;
                    }
                }
                if found.len() >= self.limit {
                    next = Some(seq).filter(|seq| *seq > 1);
                    break;
                }
            }
            before = next;
            if before.is_none() {
                let Some(following) = later.next() else { return Ok((found, None)) };
                ledger = following;
            }
            if found.len() >= self.limit || self.filter.is_empty() {
                break;
            }
        }
        let ledger = Some(ledger).filter(|ledger| Some(*ledger) != own).cloned();
        Ok((found, Some(Cursor::Before { seq: before, ledger })))
    }

    /// Returns entries of `member` in order, those after `seq`, and where the next page begins. `newest` is the `seq`
    /// of the newest entry.
    async fn forward(
        &self,
        member: &MemberId,
        seq: u64,
        newest: u64,
    ) -> Result<(Vec<Recorded>, Option<Cursor>), Problem> {
        let (mut after, mut found) = (seq, Vec::new());
        for _ in 0..READS_MAX {
            let page = self.engine.store.entries_after(self.program, member, after, self.page()).await?;
            let mut is_over = page.next.is_none();
            for entry in page.items {
                let seq = entry.sealed.entry.seq;
                match self.filter.place(&entry.sealed.entry) {
                    Place::Matches => found.push(entry),
                    Place::Before | Place::OtherKind => {}
                    Place::After => {
                        is_over = true;
                        break;
                    }
                }
                after = seq;
                if found.len() >= self.limit {
                    is_over = after >= newest;
                    break;
                }
            }
            if is_over {
                return Ok((found, None));
            }
            if found.len() >= self.limit {
                break;
            }
        }
        Ok((found, Some(Cursor::After(after))))
    }

    fn page(&self) -> u32 {
        if self.filter.is_empty() { u32::try_from(self.limit).unwrap_or(FILTERED_PAGE) } else { FILTERED_PAGE }
    }
}
