//! `POST /members/{member}/tier-evaluations`: reviews one account, or previews the review.

use regulars_api::{
    http::{Answer, Call, Optional, Problem},
    view::{AccountView, EntryDetail, TierChangeView},
};
use regulars_application::engine::Engine;
use regulars_domain::{account::Account, aftermath::Recorded, chain::Sealed, scalar::or_default};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A request to review an account.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evaluation {
    /// Whether to show the result without writing it.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Option<bool>")]
    dry_run: bool,
}

/// The result of a review.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Evaluated {
    /// The account after the review.
    account: AccountView,
    /// The last change of the tier; `null` if it did not change.
    tier_change: Option<TierChangeView>,
    /// The entries that the review wrote or would write.
    entries: Vec<EntryDetail>,
}

pub(crate) async fn evaluate(
    Call { engine, request, params, deadline }: Call<'_, Engine, Optional<Evaluation>>,
) -> Result<Answer<Evaluated>, Problem> {
    let Evaluation { dry_run } = request.json_body_or_default()?;
    let mut subject = params.subject(engine).await?;
    let (settled, entries) = if dry_run {
        let account = engine.account(&mut subject).await?;
        let settled = engine.settled(&subject, account)?;
        let entries = settled.entries().to_vec();
        (settled, entries)
    } else {
        let done = engine.review(&mut subject, deadline).await?;
        (engine.settled(&subject, done.account)?, done.entries)
    };
    Ok(Answer::ok(&Evaluated {
        account: AccountView::from(&settled),
        tier_change: last_change(&entries),
        entries: entries.into_iter().map(|sealed| just_written(settled.account(), sealed)).collect(),
    }))
}

/// Returns an entry without an aftermath, because it was written just now, or not at all.
fn just_written(account: &Account, sealed: Sealed) -> EntryDetail {
    EntryDetail::new(&Recorded::new(&account.member, sealed), account)
}

fn last_change(entries: &[Sealed]) -> Option<TierChangeView> {
    entries.iter().rev().find_map(|sealed| sealed.entry.effects.tier_change.as_ref()).map(TierChangeView::from)
}
