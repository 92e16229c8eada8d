//! The engine that every function uses: the store, the programs in force, a clock, and who may call.

use aws_config::BehaviorVersion;
pub use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    config::{HttpClient, RuntimeComponents},
};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use regulars_domain::id::{MemberId, ProgramId};
use regulars_store::Store;

use crate::{
    alias_key::AliasKeySource, authority::Authority, clock::Clock, programs::ProgramCache, settings::Settings,
};

/// The engine that every function uses.
#[derive(Debug)]
pub struct Engine {
    /// The table.
    pub store: Store,
    /// The programs in force.
    pub programs: ProgramCache,
    /// The clock.
    pub clock: Clock,
    /// Who may call.
    pub authority: Authority,
    /// The source of the alias key; only functions that use aliases have one.
    pub alias_key: AliasKeySource,
}

impl Engine {
    /// Returns an engine for a function on Lambda ([`Engine::over`]), with the credentials and connections of `config`.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::over`].
    pub async fn start(
        settings: &Settings,
        config: &SdkConfig,
        alias_key: AliasKeySource,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let store = Store::new(&Client::new(config), &settings.table_name);
        Self::over(store, Authority::Jwt(settings.claims.clone()), alias_key).await
    }

    /// Returns an engine over `store`. It calls the table once, so that a missing permission is logged at the start,
    /// and the connection is open before the first request.
    ///
    /// It starts even if that call fails: a process that ended here could answer no request, and this one can as soon
    /// as the table answers.
    ///
    /// # Errors
    ///
    /// Never in practice: the ids in that call are well-formed.
    pub async fn over(
        store: Store,
        authority: Authority,
        alias_key: AliasKeySource,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let anybody: (ProgramId, MemberId) = ("start".parse()?, "start".parse()?);
        if let Err(fault) = store.account(&anybody.0, &anybody.1).await {
            tracing::error!(cause = ?fault, "the table cannot be reached at the start");
        }
        Ok(Self { store, programs: ProgramCache::default(), clock: Clock::System, authority, alias_key })
    }
}

/// Returns a client of DynamoDB with the credentials and the region of `config`, at `endpoint` if that is not the region's
/// own.
#[must_use]
pub fn table_client(config: SdkConfig, endpoint: Option<&str>) -> Client {
    let config = match endpoint {
        Some(endpoint) => config.into_builder().endpoint_url(endpoint).build(),
        None => config,
    };
    Client::new(&config)
}

/// Returns the configuration of all AWS clients: the credentials and the region of the environment, and one pool of
/// connections.
pub async fn sdk_config() -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::latest());
    loader.http_client(https_client(ProxyConfig::from_env())).load().await
}

/// Returns an HTTPS client like the SDK's default client, but with rustls on ring instead of aws-lc.
///
/// aws-lc makes a cold start slower; `ARCHITECTURE.md` has the figures.
fn https_client(proxy: ProxyConfig) -> impl HttpClient + 'static {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_dynamodb::config::{Credentials, Region, retry::RetryConfig};
    use tokio::{io::AsyncReadExt, net::TcpListener, time::timeout};

    use super::*;

    #[tokio::test]
    async fn the_client_opens_tls_to_the_table() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(format!("https://{}", listener.local_addr().unwrap()))
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .retry_config(RetryConfig::disabled())
            .http_client(https_client(ProxyConfig::disabled()))
            .build();
        let client = Client::from_conf(config);
        let first_bytes = async {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 6];
            connection.read_exact(&mut bytes).await.unwrap();
            bytes
        };
        let (first_bytes, answer) =
            tokio::join!(timeout(Duration::from_secs(10), first_bytes), client.list_tables().send());
        // A TLS handshake record with a ClientHello.
        assert!(matches!(first_bytes.unwrap(), [22, 3, .., 1]));
        answer.unwrap_err();
    }
}
