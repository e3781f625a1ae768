//! The command `tnlog`: a transparency log of telephone number certificates, and all that is done with one.

mod folder;
mod load;
mod roots;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A transparency log of telephone number certificates.
#[derive(Parser)]
#[command(name = "tnlog", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Load(load::Args),
    Roots(roots::Args),
    Serve(serve::Args),
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Load(args) => load::run(args).await,
        Command::Roots(args) => roots::run(args).await,
        Command::Serve(args) => serve::run(args).await,
    }
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match runtime.block_on(run(Cli::parse().command)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tnlog: {error:#}");
            ExitCode::FAILURE
        }
    }
}
