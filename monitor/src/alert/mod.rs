//! Telling people: each finding goes to every destination that wants it, at least once, in its order, and is tried again until it was
//! taken. One destination that is down holds up no other, and no log.

mod command;
mod email;
mod file;
mod smtp;
#[cfg(test)]
mod tests;
mod webhook;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tnlog::number::Number;

use crate::config::{Alert, Config, Named};
use crate::folder::Folder;
use crate::notice::Notice;
use crate::state::{Destination, State, StateError};
use command::Command;
use email::Email;
use file::Lines;
pub use smtp::SmtpError;
use webhook::Webhook;

/// The destination that is always there.
pub const FINDINGS: &str = "(findings)";
/// The waits before something is told again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Why something was not told.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// A file or program failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The webhook could not be reached.
    #[error("the webhook could not be reached: {0}")]
    Unreachable(String),
    /// It answered with another status than 200 to 299.
    #[error("the webhook answered with the status {0}")]
    Status(u16),
    /// The mail server did not take it.
    #[error(transparent)]
    Mail(#[from] SmtpError),
    /// The program ended with another status than 0.
    #[error("the command ended with {0}")]
    Command(std::process::ExitStatus),
    /// The program did not end.
    #[error("the command ran for more than a minute and was stopped")]
    TooLong,
}

/// What a destination is shown.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    notice: &'a Notice,
    /// The number that is watched, shortened unless the alert shows it whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
}

enum Way {
    Lines(Lines),
    Webhook(Webhook),
    Command(Command),
    Email(Email),
}

/// Somebody who is told.
pub struct Channel {
    /// Its name in the outbox.
    pub destination: Destination,
    way: Way,
    /// The numbers that are watched, by the names of their watches. None for what only keeps.
    numbers: HashMap<String, Number>,
    show_numbers: bool,
}

/// Everybody who is told.
///
/// # Errors
/// When a secret or file cannot be opened.
pub fn channels(folder: &Folder, config: &Config) -> io::Result<Vec<Arc<Channel>>> {
    let kept = Channel {
        destination: Destination { name: FINDINGS.into(), least: crate::detect::Severity::Info },
        way: Way::Lines(Lines::open(&folder.findings())?),
        numbers: HashMap::new(),
        show_numbers: false,
    };
    let mut channels = vec![Arc::new(kept)];
    for alert in &config.alerts {
        channels.push(Arc::new(Channel::open(folder, config, alert)?));
    }
    Ok(channels)
}

impl Channel {
    fn open(folder: &Folder, config: &Config, alert: &Alert) -> io::Result<Self> {
        let way = match alert {
            Alert { file: Some(path), .. } => Way::Lines(Lines::open(&folder.named(path))?),
            Alert { webhook: Some(url), secret_file: Some(secret), .. } => {
                Way::Webhook(Webhook::open(url, &folder.named(secret))?)
            }
            Alert { email: Some(email), .. } => Way::Email(Email::open(folder, email)?),
            Alert { command, .. } => Way::Command(Command::new(command.clone().unwrap_or_default())),
        };
        let numbers = config.watches.iter().filter_map(|watch| match watch.named() {
            Ok(Named::Number(number)) => Some((watch.name.clone(), number)),
            _ => None,
        });
        let least = alert.least.map_or(config.least, |least| least.max(config.least));
        Ok(Channel {
            destination: Destination { name: alert.name.clone(), least: least.into() },
            way,
            numbers: numbers.collect(),
            show_numbers: alert.show_numbers,
        })
    }

    /// Tells it.
    ///
    /// # Errors
    /// [`AlertError`].
    pub async fn tell(&self, notice: &Notice) -> Result<(), AlertError> {
        let number = notice.watch.as_ref().and_then(|watch| self.numbers.get(watch));
        let number = number.map(|number| shortened(number, self.show_numbers));
        let shown = Shown { notice, number };
        let json = serde_json::to_vec(&shown).expect("strings and numbers are JSON");
        match &self.way {
            Way::Lines(lines) => Ok(lines.write(&json).await?),
            Way::Webhook(webhook) => webhook.post(&notice.id, json).await,
            Way::Command(command) => command.run(&json).await,
            Way::Email(email) => Ok(email.send(notice, shown.number.as_deref()).await?),
        }
    }

    /// Tells all that waits in a log's outbox, and whatever comes. Never ends: a memory that fails, as on a full disk, is asked again.
    pub async fn deliver(&self, state: &Arc<State>) {
        let (mut pause, mut after) = (FIRST_PAUSE, Vec::new());
        loop {
            let news = state.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            let why = match self.deliver_next(state, &mut after).await {
                Ok(Delivered::Told) => {
                    pause = FIRST_PAUSE;
                    continue;
                }
                Ok(Delivered::Nothing) => {
                    news.await;
                    continue;
                }
                Ok(Delivered::Failed(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            tracing::warn!(alert = self.destination.name, "a finding waits to be told: {why}");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Tells all that waits, each once; false when something could not be told.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn deliver_waiting(&self, state: &Arc<State>) -> Result<bool, StateError> {
        let mut after = Vec::new();
        loop {
            match self.deliver_next(state, &mut after).await? {
                Delivered::Told => {}
                Delivered::Nothing => return Ok(true),
                Delivered::Failed(error) => {
                    tracing::warn!(alert = self.destination.name, "a finding waits to be told: {error}");
                    return Ok(false);
                }
            }
        }
    }

    /// `after` is the key of what was told last. Behind it is looked first, and nothing waits only when nothing does from the beginning.
    async fn deliver_next(&self, state: &Arc<State>, after: &mut Vec<u8>) -> Result<Delivered, StateError> {
        let (name, last) = (self.destination.name.clone(), std::mem::take(after));
        let find = move |state: &State| match state.waiting(&name, &last)? {
            None if !last.is_empty() => state.waiting(&name, &[]),
            found => Ok(found),
        };
        let Some((key, notice)) = blocking(state, find).await? else { return Ok(Delivered::Nothing) };
        if let Err(error) = self.tell(&notice).await {
            return Ok(Delivered::Failed(error));
        }
        after.clone_from(&key);
        blocking(state, move |state| state.told(&key)).await?;
        Ok(Delivered::Told)
    }
}

enum Delivered {
    Told,
    Nothing,
    Failed(AlertError),
}

async fn blocking<T: Send + 'static>(
    state: &Arc<State>,
    work: impl FnOnce(&State) -> Result<T, StateError> + Send + 'static,
) -> Result<T, StateError> {
    let state = state.clone();
    tokio::task::spawn_blocking(move || work(&state)).await.unwrap_or(Err(StateError::Damaged))
}

/// `+1703…23`: who has several knows which.
pub(crate) fn shortened(number: &Number, whole: bool) -> String {
    let digits = number.digits();
    match digits.len() {
        _ if whole => format!("+{digits}"),
        length @ 9.. => format!("+{}…{}", &digits[..4], &digits[length - 2..]),
        _ => "+…".into(),
    }
}
