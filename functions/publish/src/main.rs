//! Runs the `publish` function on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    regulars_api::lambda::run_over(regulars_publish::EventBridge::of_settings, async |bus, event, deadline| {
        regulars_publish::handle(bus, event, deadline).await
    })
    .await
}
