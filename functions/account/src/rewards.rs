//! `GET /members/{member}/rewards`: the catalogue, and for each reward whether this member can have it, and if not, why.

use regulars_api::{
    http::{Answer, Call, Problem},
    view::RewardView,
};
use regulars_application::{codes, engine::Engine};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Catalogue {
    rewards: Vec<RewardView>,
}

pub(crate) async fn list(Call { engine, params, .. }: Call<'_, Engine>) -> Result<Answer, Problem> {
    let mut subject = params.subject(engine).await?;
    let account = engine.account_in_use(&mut subject).await?;
    let settled = engine.settled(&subject, account)?;
    let (program, now) = (settled.program(), settled.now());
    let rewards = &program.rewards;
    let counted: Vec<_> = rewards.iter().flat_map(|reward| program.reward_counters(reward, now)).collect();
    let counters = engine.store.counters(&subject.program_id, &counted).await?;
    let codes = engine.store.free_codes(&subject.program_id, &codes::pools(rewards)).await?;
    let view = |reward| RewardView::new(reward, &settled, &counters, codes.get(&reward.id));
    let rewards = rewards.iter().map(view).collect::<Result<_, _>>()?;
    Ok(Answer::ok(&Catalogue { rewards }))
}
