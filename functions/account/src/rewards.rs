//! `GET /members/{member}/rewards`: the catalogue, page by page, with for each reward whether this member can have it,
//! and if not, why.

use jiff::Timestamp;
use regulars_api::{
    http::{Answer, Call, Limit, Nothing, Parameter, Problem},
    view::RewardView,
};
use regulars_application::{codes, engine::Engine};
use regulars_domain::{
    counter::CounterId,
    id::RewardId,
    program::{Program, Reward},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cursor;

/// The query parameters of the catalogue.
pub(crate) const PARAMETERS: [Parameter; 2] = [
    Parameter::once::<Limit>("limit", "The maximum number of rewards on a page."),
    Parameter::once::<RewardId>("cursor", "The `next_cursor` of the previous page."),
];

/// Maximum number of counters that a page reads: stock, and limits per program. A counter is eight items of half a read
/// unit each, and a hundred items are one round trip.
const COUNTERS_MAX: usize = 24;

/// Maximum number of pools in which a page looks for a free code. Each needs one or two queries of half a unit.
const POOLS_MAX: usize = 24;

/// A page of the catalogue of rewards.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Catalogue {
    /// The rewards, in the order of the program document.
    rewards: Vec<RewardView>,
    /// The `cursor` of the next page; `null` on the last page.
    next_cursor: Option<RewardId>,
}

pub(crate) async fn list(
    Call { engine, request, params, .. }: Call<'_, Engine, Nothing>,
) -> Result<Answer<Catalogue>, Problem> {
    let limit = usize::try_from(request.limit()?).unwrap_or(usize::MAX);
    let mut subject = params.subject(engine).await?;
    let account = engine.account_in_use(&mut subject).await?;
    let settled = engine.settled(&subject, account)?;
    let (program, now) = (settled.program(), settled.now());
    let rest = behind(&program.rewards, request.cursor()).ok_or_else(cursor::malformed)?;
    let Page { rewards, counters, pools } = Page::first_of(rest, program, now, limit);
    let next = rewards.last().filter(|_| rewards.len() < rest.len());
    let counters = engine.store.counters(&subject.program_id, &counters).await?;
    let codes = engine.store.free_codes(&subject.program_id, &pools).await?;
    let view = |reward: &Reward| RewardView::new(reward, &settled, &counters, codes.get(&reward.id));
    let next_cursor = next.map(|reward| reward.id.clone());
    let rewards = rewards.iter().map(view).collect::<Result<_, _>>()?;
    Ok(Answer::ok(&Catalogue { rewards, next_cursor }))
}

/// Returns the rewards after the one that `cursor` names, or all of them without a cursor; `None` if the program no
/// longer has that reward.
fn behind<'r>(rewards: &'r [Reward], cursor: Option<&str>) -> Option<&'r [Reward]> {
    let Some(last) = cursor else { return Some(rewards) };
    let mut rest = rewards.iter();
    rest.find(|reward| reward.id.as_str() == last)?;
    Some(rest.as_slice())
}

/// A page of the catalogue, and what must be read for it.
#[derive(Debug)]
struct Page<'r> {
    rewards: &'r [Reward],
    counters: Vec<CounterId>,
    pools: Vec<RewardId>,
}

impl<'r> Page<'r> {
    /// Returns the first of `rewards`, at most `limit`, and as many as a page may read counters and pools for; at least
    /// one, because one reward needs less than that.
    fn first_of(rewards: &'r [Reward], program: &Program, now: Timestamp, limit: usize) -> Self {
        let (mut counters, mut pools, mut count) = (Vec::new(), Vec::new(), 0_usize);
        for reward in rewards.iter().take(limit) {
            let counted: Vec<CounterId> = program.reward_counters(reward, now).into_iter().collect();
            let pooled = codes::pools([reward]);
            let is_full = counters.len().saturating_add(counted.len()) > COUNTERS_MAX
                || pools.len().saturating_add(pooled.len()) > POOLS_MAX;
            if is_full {
                break;
            }
            counters.extend(counted);
            pools.extend(pooled);
            count = count.saturating_add(1);
        }
        Self { rewards: rewards.get(..count).unwrap_or(rewards), counters, pools }
    }
}
