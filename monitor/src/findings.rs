//! The findings that are kept, and what was acknowledged of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};

use serde::{Deserialize, Serialize};
use tnlog::client::whole_file;

use crate::folder::{self, Folder};
use crate::notice::Notice;

/// A finding that was acknowledged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Acknowledged {
    /// The finding, as it was then.
    pub notice: Notice,
    /// Why.
    pub reason: String,
    /// When, in milliseconds of Unix time.
    pub time: u64,
}

/// Every finding in its newest version, by id. Reads the file once; a line that a crash cut off is passed over.
///
/// # Errors
/// When the file cannot be read.
pub fn all(folder: &Folder) -> io::Result<BTreeMap<String, Notice>> {
    let mut found: BTreeMap<String, Notice> = BTreeMap::new();
    let file = match File::open(folder.findings()) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        file => file?,
    };
    for line in BufReader::new(file).split(b'\n') {
        let Ok(notice) = serde_json::from_slice::<Notice>(&line?) else { continue };
        let is_newer = found.get(&notice.id).is_none_or(|known| known.version <= notice.version);
        if is_newer {
            found.insert(notice.id.clone(), notice);
        }
    }
    Ok(found)
}

/// What was acknowledged, by id.
///
/// # Errors
/// When the folder cannot be read.
pub fn acknowledged(folder: &Folder) -> io::Result<BTreeMap<String, Acknowledged>> {
    let files = match std::fs::read_dir(folder.acknowledged()) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        files => files?,
    };
    let mut found = BTreeMap::new();
    for file in files {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let acknowledged: Acknowledged = serde_json::from_slice(&std::fs::read(&path)?)?;
            found.insert(acknowledged.notice.id.clone(), acknowledged);
        }
    }
    Ok(found)
}

/// Acknowledges a finding; false when there is none of this id. A monitor that runs learns of it with its next step.
///
/// # Errors
/// When it cannot be read or written.
pub fn acknowledge(folder: &Folder, id: &str, reason: &str) -> io::Result<bool> {
    let Some(notice) = all(folder)?.remove(id) else { return Ok(false) };
    acknowledge_this(folder, notice, reason)?;
    Ok(true)
}

/// Acknowledges a finding that is at hand.
///
/// # Errors
/// When it cannot be written.
pub fn acknowledge_this(folder: &Folder, notice: Notice, reason: &str) -> io::Result<()> {
    folder::private_folder(&folder.acknowledged())?;
    let path = folder.acknowledged().join(format!("{}.json", notice.id));
    let acknowledged = Acknowledged { notice, reason: reason.into(), time: crate::run::now() };
    whole_file::replace(&path, &serde_json::to_vec_pretty(&acknowledged)?, whole_file::PRIVATE)
}
