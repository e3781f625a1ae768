//! The command `tnlog`: a transparency log of telephone number certificates, and all that is done with one.

mod audit;
mod doctor;
mod folder;
mod index_successor;
mod input;
mod inspect;
mod keygen;
mod label;
mod load;
mod lookups;
mod mirror;
mod notify;
mod number;
mod output;
mod place;
mod policy;
mod registration;
mod roots;
mod serve;
mod services;
mod session;
mod shell;
mod signing_key;
mod simulate;
mod statement;
mod submit;
mod trust;
mod verify;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// A transparency log of telephone number certificates.
#[derive(Parser)]
#[command(name = "tnlog", version, after_help = output::EXIT_CODES, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Approve(statement::Approve),
    Audit(audit::Args),
    Completions(shell::Completions),
    Doctor(doctor::Args),
    IndexSuccessor(index_successor::Args),
    Dispute(statement::Dispute),
    Inspect(inspect::Args),
    Keygen(keygen::Args),
    Label(label::Args),
    Load(load::Args),
    Man(shell::Man),
    Mirror(mirror::Args),
    Policy(policy::Args),
    Register(registration::Register),
    Roots(roots::Args),
    Serve(serve::Args),
    Simulate(simulate::Args),
    Services(services::Args),
    Submit(submit::Args),
    Verify(verify::Args),
    Watch(watch::Args),
    Withdraw(registration::Withdraw),
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Approve(args) => statement::approve(args).await,
        Command::Audit(args) => audit::run(args).await,
        Command::Completions(args) => shell::completions(args, Cli::command()),
        Command::Doctor(args) => doctor::run(args).await,
        Command::IndexSuccessor(args) => index_successor::run(args),
        Command::Dispute(args) => statement::dispute(args).await,
        Command::Inspect(args) => inspect::run(args).await,
        Command::Keygen(args) => keygen::run(args).await,
        Command::Label(args) => label::run(args).await,
        Command::Load(args) => load::run(args).await,
        Command::Man(args) => shell::man(args, Cli::command()),
        Command::Mirror(args) => mirror::run(args).await,
        Command::Policy(args) => policy::run(args).await,
        Command::Register(args) => registration::register(args).await,
        Command::Roots(args) => roots::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Simulate(args) => simulate::run(args).await,
        Command::Services(args) => services::run(args).await,
        Command::Submit(args) => submit::run(args).await,
        Command::Verify(args) => verify::run(args).await,
        Command::Watch(args) => watch::run(args).await,
        Command::Withdraw(args) => registration::withdraw(args).await,
    }
}

/// Said before clap, which would repeat it, finds it to be no public key.
const PRIVATE_KEY: &str = "\
a private key was given on the command line, where a public one belongs, and the command line is seen by other users: nothing was
done. `tnlog inspect FILE` shows the public key of a private one. If others use this machine, replace the key";

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument.contains("PRIVATE+KEY+")) {
        return output::fail(&output::Usage(PRIVATE_KEY.replace('\n', " ")).into());
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => {
            let code = if message.use_stderr() { output::USAGE } else { output::FINE };
            // Who closed the pipe does not want to read it.
            let _ = message.print();
            return code.into();
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(&anyhow::Error::from(error).context("no threads can be started")),
    };
    let result = runtime.block_on(run(cli.command));
    runtime.shutdown_background();
    result.unwrap_or_else(|error| output::fail(&error))
}
