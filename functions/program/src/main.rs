//! Runs the `program` function on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    regulars_api::lambda::run(regulars_program::handle).await
}
