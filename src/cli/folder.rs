//! Where the log lies that a command is about.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args as ClapArgs;
use tnlog::server::config::Folder;

use crate::output;

/// The data folder.
#[derive(ClapArgs)]
pub struct DataFolder {
    /// The folder of the log [default: $XDG_DATA_HOME/tnlog, or ~/.local/share/tnlog].
    #[arg(long, value_name = "DIR", env = "TNLOG_DATA")]
    data: Option<PathBuf>,
}

impl DataFolder {
    /// The folder that is meant.
    pub fn folder(self) -> anyhow::Result<Folder> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = self.data.or_else(|| {
            let home = || variable("HOME").map(|home| home.join(".local/share"));
            Some(variable("XDG_DATA_HOME").or_else(home)?.join("tnlog"))
        });
        let data = data.context("there is no home folder to put the log into: say where with --data DIR")?;
        at(&data)
    }
}

/// The log in this folder, which need not be there.
pub fn at(path: &Path) -> anyhow::Result<Folder> {
    if path.is_file() {
        return output::usage(format!(
            "{} is a file, and a log is a folder: say which with --data DIR",
            path.display()
        ));
    }
    Ok(Folder::new(path))
}

/// Whether a log was started in the folder. Its configuration may be elsewhere.
pub fn holds_log(folder: &Folder) -> bool {
    folder.config().exists() || folder.lock().exists()
}
