//! Where the parts of a monitor lie in its folder. What it writes is for its owner alone.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder of a monitor.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Folder(path.into())
    }

    /// Itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.0.join("tnlog-monitor.toml")
    }

    /// A file that the configuration names.
    pub fn named(&self, path: &Path) -> PathBuf {
        self.0.join(path)
    }

    /// The keys that it cosigns with.
    pub fn key(&self, name: &str) -> PathBuf {
        self.0.join("keys").join(name)
    }

    /// Every finding, as JSON lines.
    pub fn findings(&self) -> PathBuf {
        self.0.join("findings.jsonl")
    }

    /// What was acknowledged, a file for each finding.
    pub fn acknowledged(&self) -> PathBuf {
        self.0.join("acknowledged")
    }

    /// The order of findings, for the page: derived, and made again when it is deleted.
    pub fn catalogue(&self) -> PathBuf {
        self.0.join("catalogue")
    }

    /// The token of the page, where no other file is named.
    pub fn page_token(&self) -> PathBuf {
        self.0.join("page.token")
    }

    /// Proofs against logs.
    pub fn evidence(&self) -> PathBuf {
        self.0.join("evidence")
    }

    /// Evidence that may hold what names a number: never sent.
    pub fn sealed(&self) -> PathBuf {
        self.0.join("evidence").join("sealed")
    }

    /// Where certificates with SCTs are put to be checked.
    pub fn inbox(&self) -> PathBuf {
        self.0.join("inbox")
    }

    /// What is kept of a log.
    pub fn log(&self, name: &str) -> LogFolder {
        LogFolder(self.0.join("logs").join(name))
    }
}

/// What is kept of one log.
#[derive(Clone, Debug)]
pub struct LogFolder(PathBuf);

impl LogFolder {
    /// Itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The copy of the log.
    pub fn copy(&self) -> PathBuf {
        self.0.join("copy")
    }

    /// The position in it, and its number index.
    pub fn follower(&self) -> PathBuf {
        self.0.join("follower")
    }

    /// What the detectors remember, and what is to be told.
    pub fn memory(&self) -> PathBuf {
        self.0.join("memory")
    }

    /// The checkpoint that was cosigned last, as a witness.
    pub fn witnessed(&self) -> PathBuf {
        self.0.join("witness.lock")
    }

    /// The same as a verifier.
    pub fn verified(&self) -> PathBuf {
        self.0.join("verifier.lock")
    }
}

/// Makes a folder, and those above it, for the owner alone.
///
/// # Errors
/// When that fails.
pub fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
