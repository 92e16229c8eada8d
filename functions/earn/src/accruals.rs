//! `POST /members/{member}/accruals`: a purchase or an activity, once for ever under its key.

use regulars_api::{
    command::{Done, Subject, asked},
    deadline::Deadline,
    engine::Engine,
    http::{Answer, BODY_BYTES_MAX, Params, Problem, Request},
    view::{AccountView, BreakdownView, EntryView, TierChangeView},
};
use regulars_domain::{
    earn::earn,
    earning::{Activity, Occasion, Purchase},
};
use serde::{Deserialize, Serialize};

/// What points are asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Accrual {
    Purchase(Purchase),
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

#[derive(Debug, Serialize)]
struct Accrued {
    entry: Option<EntryView>,
    breakdown: Vec<BreakdownView>,
    account: AccountView,
    tier_change: Option<TierChangeView>,
}

pub(crate) async fn accrue(
    engine: &Engine,
    request: &Request,
    params: &Params,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    let asked = asked(request, "accrual", &request.json_value(BODY_BYTES_MAX)?)?;
    let occasion = Occasion::from(request.json_body::<Accrual>()?);
    let subject = engine.subject(params).await?;
    let counters = subject.program.earning_counters(&occasion);
    let done = engine
        .act(&subject, &counters, &asked, deadline, |settled, counters| earn(settled, &asked, &occasion, counters))
        .await?;
    Ok(answer(engine, &subject, done))
}

fn answer(engine: &Engine, subject: &Subject, done: Done) -> Answer {
    let entry = done.entry.as_ref().map(|sealed| &sealed.entry);
    let accrued = Accrued {
        breakdown: entry.iter().flat_map(|entry| &entry.breakdown).map(BreakdownView::from).collect(),
        tier_change: entry.and_then(|entry| entry.tier_change.as_ref()).map(TierChangeView::from),
        entry: done.entry.as_ref().map(EntryView::from),
        account: AccountView::from(&engine.settled(subject, done.account)),
    };
    if done.replayed { Answer::replayed(&accrued) } else { Answer::created(&accrued) }
}
