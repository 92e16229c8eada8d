//! What every function works with: the store, the programs in force, a clock, and who may call.

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use regulars_domain::id::{MemberId, ProgramId};
use regulars_store::{AliasKey, Store};

use crate::{clock::Clock, http::Authority, programs::ProgramCache, settings::Settings};

/// What every function works with.
#[derive(Debug)]
pub struct Engine {
    /// The table.
    pub store: Store,
    /// The programs in force.
    pub programs: ProgramCache,
    /// What time it is.
    pub clock: Clock,
    /// How it is told who may call.
    pub authority: Authority,
    /// The key under which aliases are hashed; only functions that deal with aliases have it.
    pub alias_key: Option<AliasKey>,
}

impl Engine {
    /// An engine for a function on Lambda. It reaches for the table once, so that a missing permission shows when the
    /// function starts, and the connection is open before the first request.
    ///
    /// # Errors
    ///
    /// If the alias key is too short, or the table cannot be reached.
    pub async fn start(settings: &Settings) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let store = Store::new(Client::new(&config), &settings.table_name);
        let alias_key = settings.alias_key.as_ref().map(|key| AliasKey::new(key.as_bytes())).transpose()?;
        let anybody: (ProgramId, MemberId) = ("start".parse()?, "start".parse()?);
        store.account(&anybody.0, &anybody.1).await?;
        Ok(Self {
            store,
            programs: ProgramCache::default(),
            clock: Clock::System,
            authority: Authority::Jwt,
            alias_key,
        })
    }
}
