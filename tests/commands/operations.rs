//! What `docs/operations.md` and `packaging/` say, done: the commands, nginx before a log, units, metrics, dashboard and alerts.

#![cfg(feature = "server")]

mod backup;
mod commands;
mod frozen;
mod metrics;
mod proxy;
mod services;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether a program is on this machine; a test that needs one which is not says so.
fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    if folders.into_iter().any(|folder| folder.join(program).is_file()) {
        return true;
    }
    assert!(std::env::var_os("TNLOG_NO_SKIP").is_none(), "{program} is missing, and TNLOG_NO_SKIP is set");
    eprintln!("SKIPPED: {program} is not on this machine");
    false
}

/// What a program printed, standard output before standard error.
fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a program that must succeed.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", said(&output));
    said(&output)
}

fn tnlog(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tnlog"));
    command.args(arguments);
    command
}

/// Certificates as PEM in a file.
fn write_pem<'a>(path: &Path, certificates: impl IntoIterator<Item = &'a [u8]>) {
    use tnlog::certificate::Certificate;
    let pem = |der: &[u8]| Certificate::from_der(der.to_vec()).unwrap().to_pem();
    std::fs::write(path, certificates.into_iter().map(pem).collect::<String>()).unwrap();
}
