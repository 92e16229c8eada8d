//! The AWS settings of the environment, checked before the first call so that a missing one is named.

use aws_sdk_dynamodb::config::ProvideCredentials;
use regulars_application::engine::{self, SdkConfig};

use crate::local::StartFailed;

const NO_REGION: &str = "no AWS region was found: set AWS_REGION";
const NO_CREDENTIALS: &str =
    "no AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// Returns the configuration of AWS clients from the environment.
///
/// # Errors
///
/// [`StartFailed`] if the environment has no region or no credentials; it names all that is missing.
pub(crate) async fn config() -> Result<SdkConfig, StartFailed> {
    let config = engine::sdk_config().await;
    let has_credentials = match config.credentials_provider() {
        Some(provider) => provider.provide_credentials().await.is_ok(),
        None => false,
    };
    let missing: Vec<&str> = [(config.region().is_some(), NO_REGION), (has_credentials, NO_CREDENTIALS)]
        .into_iter()
        .filter_map(|(is_there, missing)| (!is_there).then_some(missing))
        .collect();
    if missing.is_empty() {
        return Ok(config);
    }
    Err(StartFailed::new(format!("{}; RUST_LOG=aws_config=warn shows details", missing.join("; "))))
}
