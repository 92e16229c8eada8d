//! The alias key in Secrets Manager. Only this function may read it, and only this function includes the client.

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

/// The maximum time of one attempt, including TLS: that of the first call to the table.
const ATTEMPT: Duration = Duration::from_secs(3);

/// The maximum time of all attempts. It leaves half of the function's ten seconds to the table.
const TOTAL: Duration = Duration::from_secs(5);

/// The secret that the stack generated.
#[derive(Debug)]
struct KeptSecret {
    client: Client,
    arn: String,
}

/// Returns the source of the alias key: the secret in the settings, over the connections of `config`. Nothing is read
/// yet.
///
/// # Errors
///
/// The settings name no secret.
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
            answer.secret_string.ok_or_else(|| Failure::broken("the secret of the alias key contains no text"))
        })
    }
}

/// A secret that cannot be read at the moment is like a table that does not answer: the caller retries. A secret that
/// does not exist, or that the function may not read, stays so until the stack is corrected.
fn failure(error: SdkError<GetSecretValueError>) -> Failure {
    if is_transient(&error) { Failure::unavailable(error) } else { Failure::broken(error) }
}
