//! `/rewards/{reward}/codes`: the codes of a reward, uploaded, counted, and looked up when somebody shows one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use regulars_api::http::{Answer, HttpRequest, Params, Problem};
use regulars_application::{engine::Engine, refusal::RefusalCode};
use regulars_domain::{
    code::{Code, CodeSource},
    id::{EntryId, MemberId, ProgramId, RewardId},
    redemption::RedemptionState,
};
use regulars_store::CodeFate;
use serde::{Deserialize, Serialize};

/// Most codes of one upload: it is done in transactions of a hundred, well within the time that the gateway waits.
const CODES_MAX: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    codes: Vec<Code>,
}

#[derive(Debug, Serialize)]
struct Uploaded {
    /// Codes that the reward did not have yet.
    added: u64,
    /// The others: it had them, free or given, or they came twice.
    known: u64,
}

#[derive(Debug, Serialize)]
struct Counted {
    /// Codes of the pool that nobody was given; `null` where there is no pool.
    left: Option<u64>,
    given: u64,
}

#[derive(Debug, Serialize)]
struct Found {
    code: String,
    given: bool,
    /// Whether it was given for a redemption that still stands.
    good: bool,
    redemption: Option<GivenFor>,
}

#[derive(Debug, Serialize)]
struct GivenFor {
    member: MemberId,
    id: EntryId,
    state: &'static str,
    occurred_at: Timestamp,
}

pub(crate) async fn upload(engine: &Engine, request: &HttpRequest, params: &Params) -> Result<Answer, Problem> {
    let Upload { codes } = request.json_body()?;
    if !(1..=CODES_MAX).contains(&codes.len()) {
        let detail = format!("codes must be 1 to {CODES_MAX} codes, not {}.", codes.len());
        return Err(Problem::body_malformed("/codes", detail));
    }
    let (program, reward, source) = reward(engine, params).await?;
    if source != CodeSource::Pool {
        let detail = format!("The codes of the reward `{reward}` do not come from a pool.");
        return Err(Problem::new(RefusalCode::RewardWithoutPool, detail));
    }
    let sent = u64::try_from(codes.len()).unwrap_or(u64::MAX);
    let codes: BTreeSet<Code> = codes.into_iter().collect();
    let added = engine.store.add_codes(&program, &reward, &codes).await?;
    Ok(Answer::ok(&Uploaded { added, known: sent.saturating_sub(added) }))
}

pub(crate) async fn count(engine: &Engine, params: &Params) -> Result<Answer, Problem> {
    let (program, reward, source) = reward(engine, params).await?;
    let count = engine.store.count_codes(&program, &reward).await?;
    let left = (source == CodeSource::Pool).then_some(count.left);
    Ok(Answer::ok(&Counted { left, given: count.given }))
}

pub(crate) async fn read(engine: &Engine, params: &Params) -> Result<Answer, Problem> {
    let (program, reward, _) = reward(engine, params).await?;
    let code: Code = params.id("code", RefusalCode::CodeNotFound)?;
    let unknown = || Problem::new(RefusalCode::CodeNotFound, format!("The reward `{reward}` has no such code."));
    let fate = engine.store.code(&program, &reward, &code).await?.ok_or_else(unknown)?;
    let code = code.as_str().to_owned();
    let CodeFate::Given { member, redemption } = fate else {
        return Ok(Answer::ok(&Found { code, given: false, good: false, redemption: None }));
    };
    let recorded = engine.store.entry(&program, &member, &redemption).await?;
    let recorded = recorded.ok_or_else(|| Problem::fault("a code was given for a redemption that is not there"))?;
    // A reward with codes is never held, so no hold has a say in what became of it.
    let state = RedemptionState::of(&recorded, &[]);
    let redemption =
        GivenFor { member, id: redemption, state: state.name(), occurred_at: recorded.sealed.entry.occurred_at };
    let good = matches!(state, RedemptionState::Captured | RedemptionState::PartlyReversed);
    Ok(Answer::ok(&Found { code, given: true, good, redemption: Some(redemption) }))
}

/// The program and the reward that a path names, and where the reward's codes come from.
async fn reward(engine: &Engine, params: &Params) -> Result<(ProgramId, RewardId, CodeSource), Problem> {
    let now = engine.clock.now();
    let (program_id, versions) = params.versions(engine, now).await?;
    let program = versions.at(now)?;
    let id: RewardId = params.id("reward", RefusalCode::RewardNotFound)?;
    let unknown = || Problem::new(RefusalCode::RewardNotFound, format!("The program has no reward `{id}`."));
    let codes = program.reward(&id).ok_or_else(unknown)?.codes;
    Ok((program_id, id, codes))
}
