//! The `key-server` binary.

use std::process::ExitCode;

use clap::Parser;
use keyveil_key_server::cli::Cli;
use keyveil_key_server::core_dumps;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = core_dumps::forbid() {
        eprintln!("warning: core dumps can't be forbidden: {error}");
    }
    match actix_web::rt::System::new().block_on(cli.run()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
