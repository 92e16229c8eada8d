//! `GET /members/{member}/export`: everything that is stored on a member, with a page of entries.

use jiff::Timestamp;
use regulars_api::{
    http::{Answer, Call, Limit, Nothing, Parameter, Problem},
    view::{AccountView, EntryDetail},
};
use regulars_application::engine::Engine;
use regulars_domain::{
    account::{Account, Alias, Bought},
    aftermath::Recorded,
    purchase::Purchase,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{cursor::Cursor, entries::Walk, filter::Filter};

/// The query parameters of an export.
pub(crate) const PARAMETERS: [Parameter; 2] = [
    Parameter::once::<Limit>("limit", "The maximum number of entries on a page."),
    Parameter::once::<Cursor>("cursor", "The `next_cursor` of the previous page."),
];

/// Everything that is stored on a member, with a page of the ledger.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Export {
    /// The account.
    account: AccountView,
    /// The aliases, which are stored as keyed hashes only.
    aliases: Vec<AliasView>,
    /// The sum of all purchases.
    purchases: PurchasesView,
    /// The entries, newest first.
    entries: Vec<Exported>,
    /// The `cursor` of the next page; `null` on the last page.
    next_cursor: Option<String>,
}

/// An alias as it is stored.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AliasHash")]
struct AliasView {
    /// The kind of the alias.
    kind: String,
    /// The keyed hash of the alias, as 32 hexadecimal digits.
    hash: String,
}

/// The sum of the purchases of a member, less returns.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PurchaseSums")]
struct PurchasesView {
    /// The number of purchases.
    count: u64,
    /// The money spent, in minor units.
    spend: i64,
    /// When the first purchase was made; `null` without purchases.
    first_at: Option<Timestamp>,
    /// When the last purchase was made; `null` without purchases.
    last_at: Option<Timestamp>,
}

/// An entry with the facts of its purchase.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExportedEntry")]
struct Exported {
    #[serde(flatten)]
    entry: EntryDetail,
    /// The purchase that the entry records, as it was reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase: Option<Purchase>,
}

pub(crate) async fn export(
    Call { engine, request, params, deadline }: Call<'_, Engine, Nothing>,
) -> Result<Answer<Export>, Problem> {
    let limit = request.limit()?;
    let start = Cursor::of(&request)?;
    let mut subject = params.subject(engine).await?;
    let done = engine.review(&mut subject, deadline).await?;
    let account = engine.followed(&mut subject, done.account).await?;
    let walk = Walk {
        engine,
        program: &subject.program_id,
        filter: Filter::default(),
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let (entries, next) = walk.from(&account, start).await?;
    // The index of statements does not contain the facts of purchases.
    let with_facts = entries.iter().filter(|recorded| recorded.sealed.entry.has_facts());
    let with_facts = with_facts.map(|Recorded { member, sealed, .. }| (member, &sealed.entry.id));
    let mut facts = engine.store.facts(&subject.program_id, with_facts).await?;
    let exported = entries.into_iter().map(|recorded| Exported {
        entry: EntryDetail::new(&recorded, &account),
        purchase: facts.remove(&(recorded.member, recorded.sealed.entry.id)).map(|facts| facts.purchase),
    });
    let entries = exported.collect();
    Ok(Answer::ok(&Export {
        aliases: aliases(&account),
        purchases: PurchasesView::from(account.bought),
        account: AccountView::from(&engine.settled(&subject, account)?),
        entries,
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}

fn aliases(account: &Account) -> Vec<AliasView> {
    let view = |alias: &Alias| AliasView { kind: alias.kind.clone(), hash: hex::encode(alias.hash) };
    account.aliases.iter().map(view).collect()
}

impl From<Bought> for PurchasesView {
    fn from(Bought { purchases, spend, first_at, last_at }: Bought) -> Self {
        let instant = |seconds: Option<i64>| seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        Self { count: purchases, spend, first_at: instant(first_at), last_at: instant(last_at) }
    }
}
