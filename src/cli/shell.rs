//! `tnlog completions` and `tnlog man`: what a system is told of the commands, made from their definitions.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap_complete::Shell;

use crate::output;

/// Prints what makes a shell complete the commands
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tnlog completions bash > ~/.local/share/bash-completion/completions/tnlog
  tnlog completions zsh > ~/.zfunc/_tnlog
  tnlog completions fish > ~/.config/fish/completions/tnlog.fish

Exit codes: 0 printed, 64 wrong usage")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Writes the manual pages of all commands
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tnlog man ~/.local/share/man/man1
  tnlog man /tmp && man -l /tmp/tnlog-serve.1

Exit codes: 0 written, 1 not written, 64 wrong usage")]
pub struct Man {
    /// The folder to write them into; made when it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Prints the completions of a program.
///
/// # Errors
/// When standard output is closed.
pub fn completions(args: Completions, mut program: clap::Command) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    let name = program.get_name().to_owned();
    clap_complete::generate(args.shell, &mut program, name, &mut script);
    io::stdout().write_all(&script)?;
    Ok(output::FINE.into())
}

/// Writes the manual pages of a program.
///
/// # Errors
/// When the folder cannot be written.
pub fn man(args: Man, program: clap::Command) -> anyhow::Result<ExitCode> {
    let write = || {
        std::fs::create_dir_all(&args.folder)?;
        clap_mangen::generate_to(program, &args.folder)
    };
    write().with_context(|| format!("the manual pages cannot be written into {}", args.folder.display()))?;
    Ok(output::FINE.into())
}
