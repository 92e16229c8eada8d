//! `POST /members/{member}/quotes`: the result of an accrual or a redemption, by the same decision, without writing it.

use regulars_api::{
    http::{Answer, Call, Json, Problem},
    view::{Accrued, Redeemed, Redemption},
};
use regulars_application::{
    codes,
    command::{KeyedRequest, counter_missing},
    engine::Engine,
    failure::Failure,
    refusal::Refusal,
    subject::Subject,
};
use regulars_domain::{
    account::Account,
    aftermath::Recorded,
    earn::earn,
    id::{EntryId, IdempotencyKey},
    occasion::Occasion,
    posting::{Posting, Unposted},
    program::Finding,
    redeem::{self, Redeem},
    referral::Referrer,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::accruals::Accrual;

/// An accrual or a redemption to quote.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Quote {
    /// An accrual.
    Accrual(Accrual),
    /// A redemption.
    Redemption(Redemption),
}

/// The answer that the request itself would get now, without what only a written entry has.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Quoted {
    /// The answer to the accrual.
    Accrual(Box<Accrued>),
    /// The answer to the redemption.
    Redemption(Box<Redeemed>),
}

pub(crate) async fn quote(
    Call { engine, request, params, .. }: Call<'_, Engine, Json<Quote>>,
) -> Result<Answer<Quoted>, Problem> {
    let quote = request.json_body()?;
    let id: IdempotencyKey = "quote".parse().map_err(Problem::fault)?;
    let keyed = request.keyed_as(id.into(), "quote", &Value::Null);
    let mut subject = params.subject(engine).await?;
    let account = engine.account_in_use(&mut subject).await?;
    let quoted = match quote {
        Quote::Accrual(accrual) => {
            Quoted::Accrual(Box::new(accrual_quote(engine, &mut subject, account, &keyed, accrual).await?))
        }
        Quote::Redemption(redemption) => {
            Quoted::Redemption(Box::new(redemption_quote(engine, &subject, account, &keyed, redemption).await?))
        }
    };
    Ok(Answer::ok(&quoted))
}

async fn accrual_quote(
    engine: &Engine,
    subject: &mut Subject,
    account: Account,
    keyed: &KeyedRequest,
    accrual: Accrual,
) -> Result<Accrued, Failure> {
    let occasion = Occasion::from(accrual);
    let happened_at = occasion.occurred_at();
    engine.load_rules_at(subject, happened_at).await?;
    let mut needed = subject.rules_at(happened_at)?.earning_counters(&occasion);
    let settled = engine.settled(subject, account.clone())?;
    let referrer = match settled.referrer(&occasion, subject.rules_at(happened_at)?).cloned() {
        Some(member) => {
            needed.extend(subject.rules_at(happened_at)?.earning_counters(&Occasion::Referral(happened_at)));
            engine.referrer_account(subject, &member).await?
        }
        None => None,
    };
    let counters = engine.store.counters(&subject.program_id, &needed).await?;
    let settled = engine.settled(subject, account)?;
    let referrer = referrer.map(|account| engine.settled(subject, account)).transpose()?;
    let referrer = referrer.map_or(Referrer::Gone, Referrer::Ready);
    let posting = earn(settled, keyed, &occasion, subject.rules_at(happened_at)?, &counters, referrer)
        .map_err(|unposted| quoted(unposted, "/accrual"))?;
    let entry = would_be(&posting, &keyed.entry);
    let accrued = Accrued::new(entry.as_ref(), &posting.explanations, &engine.settled(subject, posting.own.account)?);
    // In the body of a quote, the accrual is a field.
    let within = |warning: Finding| Finding { at: format!("/accrual{}", warning.at), ..warning };
    let warnings = subject.rules_at(happened_at)?.warnings(&occasion).into_iter().map(within).collect();
    Ok(accrued.with_warnings(warnings).quoted())
}

async fn redemption_quote(
    engine: &Engine,
    subject: &Subject,
    account: Account,
    keyed: &KeyedRequest,
    redemption: Redemption,
) -> Result<Redeemed, Failure> {
    let wish = Redeem::from(redemption);
    let settled = engine.settled(subject, account)?;
    let needs = codes::needs(settled.program(), &wish.reward, settled.now());
    let counters = engine.store.counters(&subject.program_id, &needs.counters).await?;
    let free = engine.store.free_codes(&subject.program_id, &needs.codes).await?;
    let made = codes::made_for(settled.program(), &wish.reward)?;
    let code = made.as_ref().or(free.get(&wish.reward));
    let posting =
        redeem::redeem(settled, keyed, &wish, &counters, code).map_err(|unposted| quoted(unposted, "/redemption"))?;
    let entry = would_be(&posting, &keyed.entry);
    let settled = engine.settled(subject, posting.own.account)?;
    Ok(Redeemed::new(entry.as_ref(), entry.as_ref(), &settled).quoted())
}

/// Returns why the request at the JSON pointer `within` of the body cannot be quoted. All shards of the counters were
/// read, so a request for more of them is a fault.
fn quoted<R: Into<Refusal>>(unposted: Unposted<R>, within: &str) -> Failure {
    match unposted {
        Unposted::Refused(refusal) => Failure::Refused(refusal.into().within(within)),
        Unposted::Needs(needed) => counter_missing(&needed),
    }
}

/// Returns the entry that would answer the request.
fn would_be(posting: &Posting, id: &EntryId) -> Option<Recorded> {
    let sealed = posting.own.entries.iter().find(|sealed| sealed.entry.id == *id)?;
    Some(Recorded::new(&posting.own.account.member, sealed.clone()))
}
