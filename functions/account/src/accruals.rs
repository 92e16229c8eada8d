//! `GET /members/{member}/accruals/{entry}`: an accrual as it is now, with explanations, and every entry that acted on
//! it.

use regulars_api::{
    http::{Answer, Call, Nothing, Problem},
    view::AccrualView,
};
use regulars_application::{engine::Engine, failure::Failure, refusal::RefusalCode};
use regulars_domain::{entry::Kind, reassess::explain};

pub(crate) async fn read(
    Call { engine, request, params, .. }: Call<'_, Engine, Nothing>,
) -> Result<Answer<AccrualView>, Problem> {
    let mut subject = params.subject(engine).await?.in_ledger(request.ledger()?);
    let id = params.entry()?;
    let account = engine.account_in_use(&mut subject).await?;
    let accrual =
        engine.entry(&subject, &account, &id).await?.filter(|entry| entry.sealed.entry.kind() == Kind::Accrual);
    let Some(accrual) = accrual else {
        return Err(Problem::new(RefusalCode::EntryNotFound, format!("The member has no accrual `{id}`.")));
    };
    let mut entries = Vec::new();
    for place in accrual.acted_on_by() {
        entries.extend(engine.store.entry(&subject.program_id, &place.member, &place.entry).await?);
    }
    engine.load_version(&mut subject, accrual.sealed.entry.program_version).await?;
    let settled = engine.settled(&subject, account)?;
    let explained = explain(&settled, &accrual).map_err(Failure::from)?;
    Ok(Answer::ok(&AccrualView::new(&accrual, &explained, &entries, &settled)))
}
