//! The key of aliases in Secrets Manager. Only this function may read it, and only this function carries the client.

use std::time::Duration;

use aws_sdk_secretsmanager::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::SdkError,
    operation::get_secret_value::GetSecretValueError,
};
use regulars_application::{
    alias_key::{AliasKeySource, Reading, Secret},
    engine::SdkConfig,
    failure::Failure,
    settings::{SettingFault, Settings},
};
use regulars_store::is_transient;

/// The longest that one attempt may take, TLS included: as long as the first call to the table.
const ATTEMPT: Duration = Duration::from_secs(3);

/// The longest that all attempts together may take. It leaves half of the function's ten seconds to the table.
const TOTAL: Duration = Duration::from_secs(5);

/// The secret that the stack made for the key.
#[derive(Debug)]
struct KeptSecret {
    client: Client,
    arn: String,
}

/// Returns the source of the alias key: the secret that the settings name, over the connections of `config`. Nothing is read
/// yet.
///
/// # Errors
///
/// If the settings name no secret.
pub fn alias_key(config: &SdkConfig, settings: &Settings) -> Result<AliasKeySource, SettingFault> {
    let arn = settings.alias_key_secret.clone().ok_or(SettingFault::Missing("ALIAS_KEY_SECRET"))?;
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(ATTEMPT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(TOTAL)
        .build();
    let config = aws_sdk_secretsmanager::config::Builder::from(config)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(50)));
    Ok(AliasKeySource::kept_in(KeptSecret { client: Client::from_conf(config.build()), arn }))
}

impl Secret for KeptSecret {
    fn read(&self) -> Reading<'_> {
        Box::pin(async {
            let answer = self.client.get_secret_value().secret_id(&self.arn).send().await.map_err(failure)?;
            answer.secret_string.ok_or_else(|| Failure::broken("the secret of the alias key holds no text"))
        })
    }
}

/// A secret that cannot be read for now is like a table that does not answer: the caller repeats the request. A secret that
/// is missing, or that the function may not read, stays so until the stack is mended.
fn failure(error: SdkError<GetSecretValueError>) -> Failure {
    if is_transient(&error) { Failure::unavailable(error) } else { Failure::broken(error) }
}
