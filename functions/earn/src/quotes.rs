//! `POST /members/{member}/quotes`: what an accrual or a redemption would do, by the same decision, nothing written.

use regulars_api::{
    codes,
    command::asked_as,
    engine::Engine,
    http::{Answer, Params, Problem, Request},
    view::{Accrued, Redeemed, Redemption},
};
use regulars_domain::{
    aftermath::Recorded,
    earn::earn,
    earning::Occasion,
    id::{EntryId, IdempotencyKey},
    posting::Posting,
    redeem::{self, Redeem},
};
use serde::Deserialize;
use serde_json::Value;

use crate::accruals::Accrual;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Quote {
    Accrual(Accrual),
    Redemption(Redemption),
}

pub(crate) async fn quote(engine: &Engine, request: &Request, params: &Params) -> Result<Answer, Problem> {
    let quote: Quote = request.json_body()?;
    let id: IdempotencyKey = "quote".parse().map_err(Problem::fault)?;
    let asked = asked_as(id.into(), request, "quote", &Value::Null);
    let subject = engine.subject(params).await?;
    let program = &subject.program;
    let settled = engine.view(&subject).await?;
    match quote {
        Quote::Accrual(accrual) => {
            let occasion = Occasion::from(accrual);
            let mut needed = program.earning_counters(&occasion);
            let referrer = match settled.referrer(&occasion) {
                Some(member) => {
                    needed.extend(program.earning_counters(&Occasion::Referral(occasion.occurred_at())));
                    engine.view_referrer(&subject, member).await?
                }
                None => None,
            };
            let counters = engine.store.counters(&subject.program_id, &needed).await?;
            let posting = earn(settled, &asked, &occasion, &counters, referrer)?;
            let entry = would_be(&posting, &asked.entry);
            Ok(Answer::ok(&Accrued::new(entry.as_ref(), &engine.settled(&subject, posting.own.account)).quoted()))
        }
        Quote::Redemption(redemption) => {
            let wish = Redeem::from(redemption);
            let needs = codes::needs(program, &wish.reward, engine.clock.now());
            let counters = engine.store.counters(&subject.program_id, &needs.counters).await?;
            let free = engine.store.free_codes(&subject.program_id, &needs.codes).await?;
            let made = codes::made_for(program, &wish.reward)?;
            let code = made.as_ref().or(free.get(&wish.reward));
            let posting = redeem::redeem(settled, &asked, &wish, &counters, code)?;
            let entry = would_be(&posting, &asked.entry);
            let settled = engine.settled(&subject, posting.own.account);
            Ok(Answer::ok(&Redeemed::new(entry.as_ref(), entry.as_ref(), &settled).quoted()))
        }
    }
}

/// The entry that would have answered the request.
fn would_be(posting: &Posting, id: &EntryId) -> Option<Recorded> {
    let sealed = posting.own.entries.iter().find(|sealed| sealed.entry.id == *id)?;
    Some(Recorded::new(&posting.own.account.member, sealed.clone()))
}
