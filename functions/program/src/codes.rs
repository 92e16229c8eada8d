//! `/rewards/{reward}/codes`: uploads, counts, reads and voids the codes of a reward.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use regulars_api::{
    http::{Answer, Call, Empty, Json, Nothing, Params, Problem},
    view::CodeView,
};
use regulars_application::{
    codes::code_not_found,
    engine::Engine,
    refusal::{Refusal, RefusalCode},
};
use regulars_domain::{
    code::{Code, CodeEnd, CodeSource, Holder, KeptCode},
    id::{EntryId, MemberId, ProgramId, RewardId},
    redeem::RedeemRefusal,
    redemption::RedemptionState,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Maximum number of codes of one upload: it needs transactions of a hundred, well within the gateway's time limit.
const CODES_MAX: usize = 500;

/// Codes to add to the pool of a reward.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CodeUpload")]
pub(crate) struct Upload {
    /// The codes.
    #[schemars(length(min = 1, max = CODES_MAX))]
    codes: Vec<Code>,
}

/// The result of an upload of codes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CodesUploaded")]
pub(crate) struct Uploaded {
    /// The number of codes that were new.
    added: u64,
    /// The number of codes that the reward already had, or that occurred twice.
    known: u64,
}

/// The number of codes of a reward.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CodeCount")]
pub(crate) struct Counted {
    /// The number of free codes in the pool; `null` if the reward has no pool.
    left: Option<u64>,
    /// The number of codes that were given to members.
    given: u64,
}

/// A code of a reward, and the redemption that it was given for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CodeFound")]
pub(crate) struct Found {
    #[serde(flatten)]
    code: CodeView,
    /// The redemption that the code was given for; `null` while the code is free.
    redemption: Option<GivenFor>,
}

/// The redemption that a code was given for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CodeRedemption")]
struct GivenFor {
    /// The member who was given the code.
    member: MemberId,
    /// The id of the redemption.
    id: EntryId,
    /// The state of the redemption.
    state: RedemptionState,
    /// When the redemption happened.
    occurred_at: Timestamp,
}

pub(crate) async fn upload(
    Call { engine, request, params, .. }: Call<'_, Engine, Json<Upload>>,
) -> Result<Answer<Uploaded>, Problem> {
    let Upload { codes } = request.json_body()?;
    if !(1..=CODES_MAX).contains(&codes.len()) {
        let detail = format!("`codes` must have 1 to {CODES_MAX} items, not {}.", codes.len());
        return Err(Problem::body_malformed("/codes", detail));
    }
    let (program, reward, source) = reward(engine, params).await?;
    if source != CodeSource::Pool {
        let detail =
            format!("Codes can be added only to a reward with `\"codes\": \"pool\"`, and `{reward}` is not one.");
        return Err(Problem::new(RefusalCode::RewardWithoutPool, detail));
    }
    let sent = u64::try_from(codes.len()).unwrap_or(u64::MAX);
    let codes: BTreeSet<Code> = codes.into_iter().collect();
    let added = engine.store.add_codes(&program, &reward, &codes).await?;
    Ok(Answer::ok(&Uploaded { added, known: sent.saturating_sub(added) }))
}

pub(crate) async fn count(Call { engine, params, .. }: Call<'_, Engine, Nothing>) -> Result<Answer<Counted>, Problem> {
    let (program, reward, source) = reward(engine, params).await?;
    let count = engine.store.count_codes(&program, &reward).await?;
    let left = (source == CodeSource::Pool).then_some(count.left);
    Ok(Answer::ok(&Counted { left, given: count.given }))
}

pub(crate) async fn read(Call { engine, params, .. }: Call<'_, Engine, Nothing>) -> Result<Answer<Found>, Problem> {
    let (program, reward, today) = place(engine, params).await?;
    let kept = engine.code(&program, &reward, params.get("code")).await?;
    found(engine, &program, &kept, today).await
}

/// Voids a code permanently. It writes no entry, because a code is not part of an account. Repeating it changes
/// nothing.
pub(crate) async fn void(
    Call { engine, request, params, .. }: Call<'_, Engine, Empty>,
) -> Result<Answer<Found>, Problem> {
    request.no_body()?;
    let (program, reward, today) = place(engine, params).await?;
    let kept = engine.code(&program, &reward, params.get("code")).await?;
    let kept = engine.store.void_code(&program, &reward, &kept.code).await?.ok_or_else(|| code_not_found(&reward))?;
    if kept.end == Some(CodeEnd::Used) {
        return Err(Problem::new(RefusalCode::CodeUsed, "The code was already used, so it cannot be voided."));
    }
    found(engine, &program, &kept, today).await
}

/// Answers with a code, and the redemption that it was given for.
async fn found(engine: &Engine, program: &ProgramId, kept: &KeptCode, today: Date) -> Result<Answer<Found>, Problem> {
    let redemption = match &kept.holder {
        Some(holder) => Some(given_for(engine, program, holder).await?),
        None => None,
    };
    Ok(Answer::ok(&Found { code: CodeView::new(kept, today), redemption }))
}

async fn given_for(engine: &Engine, program: &ProgramId, holder: &Holder) -> Result<GivenFor, Problem> {
    let Holder { member, redemption } = holder;
    let recorded = engine.store.entry(program, member, redemption).await?;
    let recorded = recorded.ok_or_else(|| Problem::fault("a code was given for a redemption that does not exist"))?;
    // A reward with codes cannot be held, so the state does not depend on open holds.
    let state = RedemptionState::of(&recorded, &[]);
    let (member, id) = (member.clone(), redemption.clone());
    Ok(GivenFor { member, id, state, occurred_at: recorded.sealed.entry.occurred_at })
}

/// Returns the program, the reward in the path of a code, and today. A code outlives its reward, so the reward need not
/// be in the current rules.
async fn place(engine: &Engine, params: &Params) -> Result<(ProgramId, RewardId, Date), Problem> {
    let now = engine.clock.now();
    let (program, versions) = params.versions(engine, now).await?;
    let today = versions.at(now)?.date(now);
    Ok((program, params.id("reward", RefusalCode::RewardNotFound)?, today))
}

/// Returns the program and the reward in a path, and where the reward's codes come from.
async fn reward(engine: &Engine, params: &Params) -> Result<(ProgramId, RewardId, CodeSource), Problem> {
    let now = engine.clock.now();
    let (program_id, versions) = params.versions(engine, now).await?;
    let program = versions.at(now)?;
    let id: RewardId = params.id("reward", RefusalCode::RewardNotFound)?;
    let codes = program
        .reward(&id)
        .ok_or_else(|| Refusal::from(RedeemRefusal::RewardNotFound(program.unknown_reward(&id))))?
        .codes;
    Ok((program_id, id, codes))
}
