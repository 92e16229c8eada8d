//! `POST /members/{member}/accruals/{entry}/reversals`: what a refund takes back.

use regulars_api::{
    http::{Answer, HttpRequest, Params, Problem},
    view::Reversed,
};
use regulars_application::{
    body::told,
    command::{Done, KeyedRequest, Undecided, acted_on},
    deadline::Deadline,
    engine::Engine,
    failure::Failure,
    referrals::settled_referrer,
    refusal::Refusal,
    subject::Subject,
};
use regulars_domain::{
    aftermath::Recorded,
    id::{EntryId, MemberId},
    money::Money,
    referral,
    reversal::{self, Return},
    settle::Settled,
};
use regulars_store::{Found, Needs};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reversal {
    #[serde(default, deserialize_with = "told")]
    refund: Option<Money>,
    #[serde(default, deserialize_with = "told")]
    refunded_total: Option<Money>,
}

/// What comes back, of the fields that tell it: at most one of them.
///
/// # Errors
///
/// `body_malformed` at `at` if there are both.
pub(crate) fn returned(refund: Option<Money>, refunded_total: Option<Money>, at: &str) -> Result<Return, Refusal> {
    match (refund, refunded_total) {
        (None, None) => Ok(Return::Everything),
        (Some(money), None) => Ok(Return::Refund(money)),
        (None, Some(money)) => Ok(Return::RefundedTotal(money)),
        (Some(_), Some(_)) => {
            let detail = "A return is told as refund (this time) or as refunded_total (in all so far), not as both.";
            Err(Refusal::body_malformed(at, detail))
        }
    }
}

/// What a request to reverse `entry` is fingerprinted as, along with its body.
pub(crate) fn operation(entry: &EntryId) -> String {
    format!("reversal {entry}")
}

pub(crate) async fn reverse(
    engine: &Engine,
    request: &HttpRequest,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let entry = params.entry()?;
    let body = request.body()?;
    let keyed = request.keyed(&operation(&entry), body.value())?;
    let Reversal { refund, refunded_total } = body.object()?;
    let returned = returned(refund, refunded_total, "")?;
    let mut subject = params.subject(engine).await?;
    let done = act(engine, &mut subject, &keyed, &entry, returned, deadline).await?;
    let accrual = engine.entry(&done.account, &entry).await?;
    let settled = engine.settled(&subject, done.account)?;
    let reversed = Reversed::new(done.entry.as_ref(), accrual.as_ref(), &settled);
    Ok(Answer::once(&reversed, done.replayed))
}

/// Takes back what a refund of `entry` stands for, whichever way it was asked.
pub(crate) async fn act(
    engine: &Engine,
    subject: &mut Subject,
    keyed: &KeyedRequest,
    entry: &EntryId,
    returned: Return,
    deadline: Deadline,
) -> Result<Done, Failure> {
    let needs = Needs { entries: vec![(subject.member.clone(), entry.clone())], ..Needs::default() };
    engine
        .act_in_steps(subject, &needs, keyed, deadline, |subject, settled, found| {
            let accrual = acted_on(subject, settled.account(), found, entry)?;
            let along = match referral::paid_along(accrual).filter(|_| reversal::is_whole(accrual, returned)) {
                Some((referrer, paid)) => paid_to(subject, &settled, found, referrer, &paid)?,
                None => None,
            };
            reversal::reverse(settled, keyed, accrual, returned, along)
                .map_err(|refusal| Undecided::Refused(refusal.into()))
        })
        .await
}

/// The account of the member who referred the friend, and the entry that paid for it; `None` if one of them is not there.
fn paid_to<'p, 'f>(
    subject: &'p Subject,
    own: &Settled<'_>,
    found: &'f Found,
    member: &MemberId,
    paid: &EntryId,
) -> Result<Option<(Settled<'p>, &'f Recorded)>, Undecided> {
    let Some(recorded) = found.entry(member, paid) else {
        let entries = vec![(member.clone(), paid.clone())];
        return Err(Undecided::LookAt(Needs { entries, ..Needs::default() }));
    };
    if let Some(recorded) = recorded {
        subject.versions.program(recorded.sealed.entry.program_version)?;
    }
    Ok(settled_referrer(subject, own, found, member, &[])?.zip(recorded))
}
