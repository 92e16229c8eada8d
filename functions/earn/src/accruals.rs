//! `POST /members/{member}/accruals`: posts a purchase or an activity, exactly once per key.

use regulars_api::{
    http::{Answer, Call, Json, Keyed, Once, Problem},
    view::Accrued,
};
use regulars_application::{
    command::{Done, KeyedRequest, Undecided},
    deadline::Deadline,
    engine::Engine,
    failure::Failure,
    referrals::referrer,
    subject::Subject,
};
use regulars_domain::{
    earn::earn,
    fingerprint::Content,
    occasion::{Activity, Occasion},
    purchase::Purchase,
    referral::Referrer,
};
use regulars_store::Needs;
use schemars::JsonSchema;
use serde::Deserialize;

/// A purchase or an activity of a member.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Accrual {
    /// A purchase.
    Purchase(Purchase),
    /// An activity.
    Activity(Activity),
}

impl From<Accrual> for Occasion {
    fn from(accrual: Accrual) -> Self {
        match accrual {
            Accrual::Purchase(purchase) => Self::Purchase(purchase),
            Accrual::Activity(activity) => Self::Activity(activity),
        }
    }
}

impl Accrual {
    /// Returns the content for the fingerprint of the request.
    pub(crate) fn content(&self) -> Content {
        match self {
            Self::Purchase(purchase) => purchase.content(),
            Self::Activity(activity) => activity.content(),
        }
    }
}

pub(crate) async fn accrue(
    Call { engine, request, params, deadline }: Call<'_, Engine, Keyed<Json<Accrual>>>,
) -> Result<Answer<Accrued, Once>, Problem> {
    let accrual = request.json_body()?;
    let keyed = request.keyed_by(accrual.content())?;
    let mut subject = params.subject(engine).await?;
    let occasion = Occasion::from(accrual);
    let done = act(engine, &mut subject, &keyed, &occasion, deadline).await?;
    let warnings = subject.rules_at(occasion.occurred_at())?.warnings(&occasion);
    let entry = match done.entry {
        // A repeat shows the purchase as it is now; an amendment of it is another entry.
        Some(told) if told.is_amended() => {
            let of = subject.clone().in_ledger(Some(told.member.clone()));
            engine.entry(&of, &done.account, &told.sealed.entry.id).await?
        }
        told => told,
    };
    let accrued = Accrued::new(entry.as_ref(), &done.explanations, &engine.settled(&subject, done.account)?);
    Ok(Answer::once(&accrued.with_warnings(warnings), done.replayed))
}

/// Posts what `accrual` earns, for HTTP and the queue, under the rules that were in force when it happened.
pub(crate) async fn act(
    engine: &Engine,
    subject: &mut Subject,
    keyed: &KeyedRequest,
    occasion: &Occasion,
    deadline: Deadline,
) -> Result<Done, Failure> {
    engine.load_rules_at(subject, occasion.occurred_at()).await?;
    let then = subject.rules_at(occasion.occurred_at())?;
    let needs = Needs { counters: then.earning_counters(occasion), ..Needs::default() };
    let of_referral = then.earning_counters(&Occasion::Referral(occasion.occurred_at()));
    engine
        .act_in_steps(subject, &needs, keyed, deadline, |subject, settled, found| {
            let then = settled.rules_at(occasion.occurred_at())?;
            let referrer = match settled.referrer(occasion, then) {
                Some(member) => referrer(subject, &settled, found, member, &of_referral)?,
                None => Referrer::Gone,
            };
            earn(settled, keyed, occasion, then, &found.counters, referrer).map_err(Undecided::from)
        })
        .await
}
