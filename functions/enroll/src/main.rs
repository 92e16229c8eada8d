//! Runs the `enroll` function on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    regulars_api::lambda::run_with(regulars_enroll::alias_key, regulars_enroll::handle).await
}
