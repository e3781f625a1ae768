//! A file of JSON lines, or standard output.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Where lines go. Several logs write to one, a line at a time.
pub struct Lines(Arc<Mutex<Out>>);

enum Out {
    File(File),
    Stdout,
}

impl Lines {
    /// Opens or makes a file for the owner alone; `-` at the end of the path is standard output. What a crash cut off ends with a
    /// line of its own.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.ends_with("-") {
            return Ok(Lines(Arc::new(Mutex::new(Out::Stdout))));
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        if file.metadata()?.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Lines(Arc::new(Mutex::new(Out::File(file)))))
    }

    /// Writes a line, durably.
    pub async fn write(&self, json: &[u8]) -> io::Result<()> {
        let line = [json, b"\n"].concat();
        let out = self.0.clone();
        let write = move || match &mut *out.lock().unwrap_or_else(PoisonError::into_inner) {
            Out::File(file) => file.write_all(&line).and_then(|()| file.sync_data()),
            Out::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(&line).and_then(|()| stdout.flush())
            }
        };
        tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
    }
}
