//! Configuration, keys, and who may read and write what.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Findings;
use crate::client::store::DiskStore;
use crate::server::config::{Config, Folder};
use crate::server::index::ended;
use crate::server::keys::{Keys, read_index_key};
use crate::server::open;

/// The configuration, where there is a good one.
pub fn configuration(folder: &Folder, config: Option<PathBuf>, findings: &mut Findings) -> Option<Config> {
    const CHECK: &str = "configuration";
    let path = config.unwrap_or_else(|| folder.config());
    if !path.exists() {
        findings.wrong(
            CHECK,
            format!("there is no {}", path.display()),
            "say where the log is with --data DIR, and its configuration with --config FILE; `tnlog serve` begins a new one",
        );
        return None;
    }
    match open::read_config(&path) {
        Ok(config) => {
            findings.ok(CHECK, format!("{} is well formed, for the log {}", path.display(), config.origin));
            if config.origin.contains(open::PLACEHOLDER) {
                findings.warning(
                    CHECK,
                    "the name of the log was made up at its first start",
                    "good for trying out; a log that others rely on begins with --origin NAME in a folder of its own",
                );
            }
            Some(config)
        }
        Err(error) => {
            let advice = "mend the file; `tnlog serve --data` in an empty folder writes one that explains every setting";
            findings.wrong(CHECK, error.to_string(), advice);
            None
        }
    }
}

/// The keys, where all are there, fit each other, and can be read by their owner alone.
pub fn keys(folder: &Folder, origin: &str, findings: &mut Findings) -> Option<Keys> {
    const CHECK: &str = "keys";
    private_folder(CHECK, &folder.keys(), findings);
    let keys = match Keys::read(&folder.keys(), origin) {
        Ok(keys) => keys,
        Err(error) => {
            findings.wrong(CHECK, error.to_string(), "the log does not start before this is mended");
            return None;
        }
    };
    match opening_fits(folder, &keys) {
        Ok(true) => findings.ok(CHECK, "all keys are there, and can be read by their owner alone"),
        Ok(false) => findings.wrong(
            CHECK,
            "opening.key is not the secret that this log began with",
            "restore it from a backup: with another one no receipt is found again",
        ),
        Err(error) => {
            findings.wrong(CHECK, format!("the private folder cannot be read: {error}"), run_as_owner());
        }
    }
    if let Err(error) = read_index_key(&folder.keys(), origin, ended::current(folder)) {
        findings.wrong(CHECK, error.to_string(), "the log does not start before this is mended");
    }
    Some(keys)
}

/// Whether the opening secret is the one of the first start; that of a log that has not started yet always is.
fn opening_fits(folder: &Folder, keys: &Keys) -> io::Result<bool> {
    if !folder.private().exists() {
        return Ok(true);
    }
    let stored = open::stored_opening(&DiskStore::open(&folder.private())?)?;
    Ok(stored.is_none_or(|stored| stored == keys.opening.fingerprint()))
}

/// Whether what must be private is, and what is written can be.
pub fn folders(folder: &Folder, findings: &mut Findings) {
    const CHECK: &str = "permissions";
    let before = findings.all().len();
    private_folder(CHECK, &folder.private(), findings);
    let written = [folder.path().to_owned(), folder.public(), folder.private(), folder.derived()];
    for path in written.iter().filter(|path| path.exists()) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.permissions().mode() & 0o002 != 0 => findings.wrong(
                CHECK,
                format!("everybody can write into {}", path.display()),
                format!("chmod o-w {}", path.display()),
            ),
            Ok(_) => {}
            Err(error) => findings.wrong(CHECK, format!("{}: {error}", path.display()), run_as_owner()),
        }
        if let Err(error) = try_writing(path) {
            findings.wrong(CHECK, format!("{} cannot be written: {error}", path.display()), run_as_owner());
        }
    }
    if findings.all().len() == before {
        findings.ok(CHECK, "the folders can be written, and what is private is closed to others");
    }
}

fn try_writing(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    fs::File::create_new(&path)?;
    fs::remove_file(path)
}

fn private_folder(check: &'static str, path: &Path, findings: &mut Findings) {
    if let Ok(metadata) = fs::metadata(path)
        && metadata.permissions().mode() & 0o077 != 0
    {
        findings.warning(
            check,
            format!("others than its owner can enter {}", path.display()),
            format!("chmod 700 {}", path.display()),
        );
    }
}

fn run_as_owner() -> &'static str {
    "run this as the user that the log runs as, and give that user the folder"
}
