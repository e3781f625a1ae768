//! A monitor for a simulated world, which does what `tnlog-monitor check` does.

use std::path::Path;

use anyhow::{Context, bail};
use tnlog::client::whole_file;

use super::truth::Facts;
use crate::folder::{Folder, private_folder};
use crate::run::{Checked, Monitor, configure};

/// The folder of the monitor of a world.
pub fn monitor_of(world: &Path) -> Folder {
    Folder::new(world.join("monitor"))
}

/// Follows the log of a world once, with what its people watch, and keeps what is found. What was followed before is remembered.
///
/// # Errors
/// When it cannot be followed to its end.
pub async fn follow(world: &Path, url: &str) -> anyhow::Result<()> {
    let truth = world.join("truth");
    let path = truth.join("world.json");
    let facts = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let facts: Facts = serde_json::from_str(&facts).with_context(|| path.display().to_string())?;
    let path = truth.join("watches.toml");
    let watches = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let folder = monitor_of(world);
    private_folder(folder.path())?;
    let policy = format!("log {}\nlog {}\nquorum none\n", facts.key, facts.index_key);
    whole_file::replace(&folder.path().join("world.policy"), policy.as_bytes(), whole_file::PRIVATE)?;
    let url = toml::Value::String(url.to_owned());
    let config = format!(
        "listen = \"\"\n\n[[log]]\nname = \"world\"\nurl = {url}\npolicy = \"world.policy\"\n\n{watches}"
    );
    whole_file::replace(&folder.config(), config.as_bytes(), whole_file::PRIVATE)?;
    let checked = Monitor::open(&folder, configure(&folder)?)?.check(&folder).await?;
    if checked == Checked::Trouble {
        bail!("the log of {} could not be followed to its end at {url}", world.display());
    }
    Ok(())
}
