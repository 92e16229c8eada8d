//! `POST /members/{member}/redemptions`: points for a reward, once for ever under their key.

use regulars_api::{
    command::asked,
    deadline::Deadline,
    engine::Engine,
    http::{Answer, BODY_BYTES_MAX, Params, Problem, Request},
    view::{AccountView, EntryView, RedemptionView},
};
use regulars_domain::{
    id::RewardId,
    money::Money,
    redeem::{self, Redeem},
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Redemption {
    reward: RewardId,
    #[serde(default)]
    money: Option<Money>,
}

#[derive(Debug, Serialize)]
struct Redeemed {
    entry: Option<EntryView>,
    redemption: Option<RedemptionView>,
    account: AccountView,
}

pub(crate) async fn redeem(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let asked = asked(request, "redemption", &request.json_value(BODY_BYTES_MAX)?)?;
    let Redemption { reward, money } = request.json_body()?;
    let subject = engine.subject(params).await?;
    let found = subject.program.reward(&reward);
    let counters = found.map(|reward| subject.program.reward_counters(reward, engine.clock.now())).unwrap_or_default();
    let wish = Redeem { reward, money };
    let done = engine
        .act(&subject, &counters, &asked, deadline, |settled, counters| {
            redeem::redeem(settled, &asked, &wish, counters)
        })
        .await?;
    let redeemed = Redeemed {
        redemption: done.entry.as_ref().and_then(RedemptionView::new),
        entry: done.entry.as_ref().map(EntryView::from),
        account: AccountView::from(&engine.settled(&subject, done.account)),
    };
    Ok(if done.replayed { Answer::replayed(&redeemed) } else { Answer::created(&redeemed) })
}
