//! A program that is run for each finding, with the JSON on its standard input.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::AlertError;

/// How long it may run.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program and its arguments.
pub struct Command(Vec<String>);

impl Command {
    /// The first is the program.
    pub fn new(command: Vec<String>) -> Self {
        Command(command)
    }

    /// The status 0 is taken for "told".
    pub async fn run(&self, json: &[u8]) -> Result<(), AlertError> {
        let (program, arguments) = self.0.split_first().expect("the configuration was checked");
        let mut child = tokio::process::Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut input = child.stdin.take().expect("it is piped");
        let running = async {
            // A program that does not read its input has still been told.
            let _ = input.write_all(json).await;
            drop(input);
            child.wait().await
        };
        let status = tokio::time::timeout(PATIENCE, running).await.map_err(|_| AlertError::TooLong)??;
        if status.success() { Ok(()) } else { Err(AlertError::Command(status)) }
    }
}
