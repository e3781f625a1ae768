//! A file of JSON lines, or standard output.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Where lines go. Several logs write to one, a line at a time.
pub struct Lines(Arc<Mutex<Out>>);

enum Out {
    /// A file, and whether it ends in a line that was cut off.
    File(File, bool),
    Stdout,
}

impl Lines {
    /// Opens or makes a file for the owner alone; `-` at the end of the path is standard output. What a crash or a full disk cut off
    /// stays a line of its own.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.ends_with("-") {
            return Ok(Lines(Arc::new(Mutex::new(Out::Stdout))));
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let mut last = *b"\n";
        if file.metadata()?.len() > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        Ok(Lines(Arc::new(Mutex::new(Out::File(file, last != *b"\n")))))
    }

    /// Writes a line, durably.
    pub async fn write(&self, json: &[u8]) -> io::Result<()> {
        let line = [json, b"\n"].concat();
        let out = self.0.clone();
        let write = move || match &mut *out.lock().unwrap_or_else(PoisonError::into_inner) {
            Out::File(file, is_cut) => {
                let end: &[u8] = if *is_cut { b"\n" } else { b"" };
                *is_cut = true;
                file.write_all(&[end, &line].concat()).and_then(|()| file.sync_data())?;
                *is_cut = false;
                Ok(())
            }
            Out::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(&line).and_then(|()| stdout.flush())
            }
        };
        tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails without the end of the line that was cut off: what comes after it would be part of it.
    #[tokio::test]
    async fn a_line_that_was_cut_off_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let lines = Lines::open(&path).unwrap();
        lines.write(b"first").await.unwrap();
        if let Out::File(file, is_cut) = &mut *lines.0.lock().unwrap() {
            file.write_all(b"cut o").unwrap();
            *is_cut = true;
        }
        lines.write(b"second").await.unwrap();
        std::fs::write(&path, [&std::fs::read(&path).unwrap()[..], b"cut"].concat()).unwrap();
        Lines::open(&path).unwrap().write(b"third").await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first\ncut o\nsecond\ncut\nthird\n");
    }
}
