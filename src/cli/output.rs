//! What all subcommands share in how they speak: exit codes, standard output that may be closed, times, progress.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
pub use tnlog::printable::printable;

use crate::number::GivenError;

/// Done, and nothing is wrong.
pub const FINE: u8 = 0;
/// It could not be done, or something was refused.
pub const FAILED: u8 = 1;
/// It was done, and what was looked at is not to be trusted.
pub const FINDING: u8 = 2;
/// The command line is wrong (EX_USAGE of sysexits.h).
pub const USAGE: u8 = 64;

/// The exit codes, for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0   done, and nothing is wrong
  1   it could not be done, or something was refused
  2   it was done, and what was looked at is wrong or not to be trusted
  64  the command line is wrong";

/// What was given on the command line is wrong, and says how: ends in [`USAGE`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Ends a command whose command line is wrong.
///
/// # Errors
/// Always: with what is to be given instead.
pub fn usage<T>(instead: impl Into<String>) -> anyhow::Result<T> {
    Err(Usage(instead.into()).into())
}

/// Says what failed, unless it was only that nobody reads on.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    if io.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        return FINE.into();
    }
    let _ = writeln!(io::stderr(), "tnlog: {}", sentence(error));
    let is_usage = error.chain().any(|cause| cause.is::<Usage>() || cause.is::<GivenError>());
    if is_usage { USAGE } else { FAILED }.into()
}

/// An error with its causes. Many errors say what caused them, which is then not said again.
fn sentence(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| {
        if cause.starts_with(&said) {
            cause
        } else if said.contains(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    })
}

/// A line on standard output.
///
/// # Errors
/// When it is closed.
pub fn line(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// A line on standard error, for people.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// What is reported of one thing: readable lines, or one line of JSON.
pub struct Report {
    what: String,
    fields: Vec<(&'static str, Value)>,
}

impl Report {
    /// A report about `what`.
    pub fn new(what: impl Into<String>) -> Self {
        Report { what: what.into(), fields: Vec::new() }
    }

    /// What it is about.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Adds a fact.
    pub fn field(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Adds a fact where there is one.
    pub fn field_if(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// Prints it.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn print(&self, json: bool) -> io::Result<()> {
        if json {
            let what = [("what".to_owned(), Value::from(self.what.as_str()))];
            let fields = self.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
            return line(Value::Object(what.into_iter().chain(fields).collect()));
        }
        line(&self.what)?;
        let width = self.fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in &self.fields {
            let name = name.replace('_', " ");
            match value {
                Value::Array(values) if values.is_empty() => line(format_args!("  {name:width$}  none"))?,
                Value::Array(values) => {
                    for (position, value) in values.iter().enumerate() {
                        let name = if position == 0 { name.as_str() } else { "" };
                        line(format_args!("  {name:width$}  {}", plain(value)))?;
                    }
                }
                value => line(format_args!("  {name:width$}  {}", plain(value)))?,
            }
        }
        Ok(())
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        other => other.to_string(),
    }
}

/// Seconds of Unix time as `2026-01-31T12:00:00Z`.
pub fn time(seconds: i64) -> String {
    let since = u64::try_from(seconds).ok().map(Duration::from_secs);
    let date = since.and_then(|since| der::DateTime::from_unix_duration(since).ok());
    date.map_or_else(|| format!("{seconds} seconds of Unix time"), |date| date.to_string())
}

/// Milliseconds of Unix time as `2026-01-31T12:00:00.123Z`.
pub fn time_of_millis(millis: u64) -> String {
    let whole = time(i64::try_from(millis / 1000).unwrap_or(i64::MAX));
    match whole.strip_suffix('Z') {
        Some(date) => format!("{date}.{:03}Z", millis % 1000),
        None => format!("{millis} milliseconds of Unix time"),
    }
}

/// Seconds of Unix time.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// Bytes in lowercase hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A progress bar on standard error, where that is a terminal.
pub fn progress(length: u64, what: &'static str) -> ProgressBar {
    let target =
        if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} ({per_sec}, {eta} left)");
    let bar = ProgressBar::with_draw_target(Some(length), target).with_message(what);
    match style {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow!("no such file").context("keys: no such file").context("the log does not start");
        assert_eq!(sentence(&error), "the log does not start: keys: no such file");
        assert_eq!(sentence(&anyhow!("a.pem: it is empty").context("a.pem")), "a.pem: it is empty");
    }
}
