//! `POST /rewards/{reward}/codes/{code}/use`: uses a code, or an amount of its balance.

use regulars_api::{
    http::{Answer, Call, Keyed, Once, Optional, Problem},
    view::{CodeUsed, CodeView},
};
use regulars_application::{
    body::told,
    codes::code_not_found,
    engine::Engine,
    refusal::{Refusal, RefusalCode},
};
use regulars_domain::{code_use::use_code, id::RewardId, money::Money};
use regulars_store::Needs;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// A use of a code.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CodeUse")]
pub(crate) struct Use {
    /// The amount to use, if the code has a balance.
    #[serde(default, deserialize_with = "told")]
    #[schemars(with = "Money")]
    money: Option<Money>,
}

pub(crate) async fn use_once(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Optional<Use>>>,
) -> Result<Answer<CodeUsed, Once>, Problem> {
    let program = params.program()?;
    let reward: RewardId = params.id("reward", RefusalCode::RewardNotFound)?;
    let Use { money } = request.json_body_or_default()?;
    let kept = engine.code(&program, &reward, params.get("code")).await?;
    let Some(holder) = &kept.holder else { return Err(code_not_found(&reward).into()) };
    let keyed = request.keyed(&format!("code use {reward} {}", kept.code), &json!(money))?;
    let needs = Needs { given_codes: vec![(reward.clone(), kept.code.clone())], ..Needs::default() };
    let mut subject = engine.subject(program.clone(), holder.member.clone()).await?;
    let mut after = None;
    let done = engine
        .act_in_steps(&mut subject, &needs, &keyed, deadline, |_, settled, found| {
            let code = found.given_code(&reward, &kept.code).flatten().ok_or_else(|| code_not_found(&reward))?;
            let posting = use_code(settled, &keyed, code, money).map_err(Refusal::from)?;
            after = posting.changed_codes.first().cloned();
            Ok(posting)
        })
        .await?;
    let code = match after.filter(|_| !done.replayed) {
        Some(after) => after,
        None => engine.code(&program, &reward, kept.code.as_str()).await?,
    };
    let today = subject.program()?.date(subject.now);
    let used = CodeUsed::new(done.entry.as_ref(), CodeView::new(&code, today));
    Ok(Answer::once(&used, done.replayed))
}
