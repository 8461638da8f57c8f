//! `athanor`, the command line.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    ExitCode::from(athanor_cli::cli::run(std::env::args_os()).await)
}
