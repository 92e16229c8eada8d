//! Starts the operator's command line.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    regulars_cli::command::run().await
}
