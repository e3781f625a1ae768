//! Reading on in the file of findings, and in what was acknowledged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::sync::{MutexGuard, PoisonError};
use std::time::SystemTime;

use fjall::{OwnedWriteBatch, PersistMode};
use sha2::{Digest, Sha256};

use super::list::{List, Place, counted, searched, words_of};
use super::{Catalogue, CatalogueError, Found, Known};
use crate::findings::Acknowledged;
use crate::notice::Notice;

/// Findings that are taken up together.
const BATCH: usize = 2000;
/// Words that are remembered to be in the catalogue; more are put there again.
const MAX_KNOWN: usize = 10_000;
/// Longer lines are none of ours.
const MAX_LINE: u64 = 1 << 20;
const READ_TO: &[u8] = b"read to";
/// What the words of a name begin with; those of words have no such byte.
pub(super) const NAME: u8 = 0;

/// How far the catalogue is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Bytes of the file that were read.
    pub read: u64,
    /// Bytes that it has.
    pub of: u64,
}

/// Who reads on holds it.
#[derive(Default)]
pub(super) struct Reader {
    reading: Reading,
    /// When something was acknowledged last, as far as is known.
    acknowledged: Option<SystemTime>,
    /// Words and names that are in the catalogue already: detectors write few sentences, and watches are few.
    words: HashSet<Vec<u8>>,
}

impl Reading {
    /// Whether all that was found is in the catalogue.
    pub fn is_complete(&self) -> bool {
        self.read >= self.of
    }

    /// How many hundredths of the file were read.
    pub fn percent(&self) -> u64 {
        if self.of == 0 { 100 } else { (100 * u128::from(self.read) / u128::from(self.of)) as u64 }
    }
}

impl Catalogue {
    /// How far it is.
    pub fn reading(&self) -> Reading {
        *self.reading.read().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn known_words(&self) -> usize {
        self.reader().words.len()
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up what was found and acknowledged since the last time. Costs nothing when that is nothing.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn refresh(&self) -> Result<(), CatalogueError> {
        while !self.read_on()? {}
        self.read_acknowledged()
    }

    /// One batch; true when there is no more.
    pub(super) fn read_on(&self) -> Result<bool, CatalogueError> {
        let mut reader = self.reader();
        let done = self.read_batch(&mut reader);
        *self.reading.write().unwrap_or_else(PoisonError::into_inner) = reader.reading;
        done
    }

    fn read_batch(&self, reader: &mut Reader) -> Result<bool, CatalogueError> {
        let mut file = match File::open(self.folder.findings()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            file => file?,
        };
        reader.reading.of = file.metadata()?.len();
        if reader.reading.read == 0 {
            reader.words.clear();
            reader.reading.read = self.resume(&mut file)?;
        }
        if reader.reading.of < reader.reading.read {
            self.begin_again()?;
            reader.words.clear();
            (reader.reading.read, reader.acknowledged) = (0, None);
        }
        if reader.reading.of == reader.reading.read {
            return Ok(true);
        }
        file.seek(SeekFrom::Start(reader.reading.read))?;
        let (lines, length) = whole_lines(file)?;
        let mut batch = Batch::new(self);
        for line in &lines {
            if let Ok(notice) = serde_json::from_slice::<Notice>(line) {
                batch.take(notice)?;
            }
        }
        let read = reader.reading.read + length;
        let last = lines.last().map_or([0; 32], |line| Sha256::digest(line).into());
        let length_of_last = lines.last().map_or(0, |line| line.len() as u64);
        if !lines.is_empty() {
            let mark = [&read.to_be_bytes()[..], &length_of_last.to_be_bytes(), &last].concat();
            batch.commit(Some(mark), &mut reader.words)?;
            reader.reading.read = read;
        } else if reader.reading.of - reader.reading.read > MAX_LINE {
            return Err(CatalogueError::Read(io::Error::other("findings.jsonl has a line without an end")));
        }
        Ok(lines.len() < BATCH)
    }

    /// Where it was left, if the line before is still what it was.
    fn resume(&self, file: &mut File) -> Result<u64, CatalogueError> {
        let Some(mark) = self.facts.get(READ_TO)? else {
            // A crash may have cut off what was to be emptied.
            return self.empty().map(|()| 0);
        };
        let number = |at: usize| mark.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
        let (Some(read), Some(length), Some(hash)) = (number(0), number(8), mark.get(16..)) else {
            return Err(CatalogueError::Damaged);
        };
        let mut line = Vec::new();
        if let Some(begin) = read.checked_sub(length + 1) {
            file.seek(SeekFrom::Start(begin))?;
            file.take(length.min(MAX_LINE)).read_to_end(&mut line)?;
        }
        if Sha256::digest(&line)[..] == *hash {
            return Ok(read);
        }
        self.begin_again()?;
        Ok(0)
    }

    fn begin_again(&self) -> Result<(), CatalogueError> {
        tracing::info!("the file of findings is another one: the catalogue is made again");
        self.empty()
    }

    fn empty(&self) -> Result<(), CatalogueError> {
        let all = [&self.facts, &self.rows, &self.places, &self.counts, &self.words];
        for keyspace in all.into_iter().filter(|keyspace| keyspace.first_key_value().is_some()) {
            keyspace.clear()?;
        }
        Ok(())
    }

    fn read_acknowledged(&self) -> Result<(), CatalogueError> {
        let changed = match std::fs::metadata(self.folder.acknowledged()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            metadata => metadata?.modified()?,
        };
        let mut reader = self.reader();
        let settled = changed.elapsed().is_ok_and(|age| age.as_secs() > 2);
        if reader.acknowledged == Some(changed) {
            return Ok(());
        }
        let mut batch = Batch::new(self);
        for acknowledged in crate::findings::acknowledged(&self.folder)?.into_values() {
            batch.know(&acknowledged)?;
        }
        batch.commit(None, &mut reader.words)?;
        // Within the resolution of the clock something may still come.
        reader.acknowledged = Some(changed).filter(|_| settled);
        Ok(())
    }
}

/// Whole lines without their ends, at most [`BATCH`], and how many bytes they take.
fn whole_lines(file: File) -> io::Result<(Vec<Vec<u8>>, u64)> {
    let (mut reader, mut lines, mut length) = (BufReader::new(file), Vec::new(), 0);
    while lines.len() < BATCH {
        let mut line = Vec::new();
        let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? as u64;
        if line.pop() != Some(b'\n') {
            break;
        }
        length += read;
        lines.push(line);
    }
    Ok((lines, length))
}

/// Changes that are stored together.
struct Batch<'a> {
    catalogue: &'a Catalogue,
    /// What there was, and what there is.
    rows: BTreeMap<String, (Option<Found>, Found)>,
}

impl<'a> Batch<'a> {
    fn new(catalogue: &'a Catalogue) -> Self {
        Batch { catalogue, rows: BTreeMap::new() }
    }

    fn newest(&self, id: &str) -> Result<Option<Found>, CatalogueError> {
        match self.rows.get(id) {
            Some((_, found)) => Ok(Some(found.clone())),
            None => self.catalogue.find(id),
        }
    }

    fn take(&mut self, notice: Notice) -> Result<(), CatalogueError> {
        let is_id = (1..=64).contains(&notice.id.len()) && notice.id.bytes().all(|b| b.is_ascii_hexdigit());
        let known = if is_id { self.newest(&notice.id)? } else { return Ok(()) };
        match known {
            Some(found) if found.notice.version > notice.version || found.notice == notice => Ok(()),
            Some(found) => self.put(Found { notice, ..found }),
            None => self.put(Found { notice, known: None }),
        }
    }

    fn know(&mut self, acknowledged: &Acknowledged) -> Result<(), CatalogueError> {
        let Acknowledged { notice, reason, time } = acknowledged;
        let known = Some(Known { version: notice.version, reason: reason.clone(), time: *time });
        match self.newest(&notice.id)? {
            Some(found) if found.known != known => self.put(Found { known, ..found }),
            _ => Ok(()),
        }
    }

    fn put(&mut self, found: Found) -> Result<(), CatalogueError> {
        let id = found.notice.id.clone();
        let before = match self.rows.remove(&id) {
            Some((before, _)) => before,
            None => self.catalogue.find(&id)?,
        };
        self.rows.insert(id, (before, found));
        Ok(())
    }

    fn commit(self, mark: Option<Vec<u8>>, words: &mut HashSet<Vec<u8>>) -> Result<(), CatalogueError> {
        if self.rows.is_empty() && mark.is_none() {
            return Ok(());
        }
        let catalogue = self.catalogue;
        // What a crash takes away it takes with the mark: it is read again.
        let mut batch = catalogue.database.batch().durability(Some(PersistMode::Buffer));
        let mut counts: HashMap<Vec<u8>, i64> = HashMap::new();
        for (id, (before, found)) in self.rows {
            if let Some(before) = &before {
                catalogue.place(&mut batch, before, |batch, key| batch.remove(&catalogue.places, key));
                count(&mut counts, before, -1);
            }
            catalogue
                .place(&mut batch, &found, |batch, key| batch.insert(&catalogue.places, key, Vec::new()));
            count(&mut counts, &found, 1);
            catalogue.name(&mut batch, &found, words);
            let json = serde_json::to_vec(&found).expect("strings and numbers are JSON");
            batch.insert(&catalogue.rows, id.into_bytes(), json);
        }
        for (key, change) in counts.into_iter().filter(|(_, change)| *change != 0) {
            let count = catalogue.count_at(&key)?.saturating_add_signed(change);
            batch.insert(&catalogue.counts, key, count.to_be_bytes().as_slice());
        }
        if let Some(mark) = mark {
            batch.insert(&catalogue.facts, READ_TO, mark);
        }
        if let Err(error) = batch.commit() {
            // Those of this batch are not there.
            words.clear();
            return Err(error.into());
        }
        Ok(())
    }
}

fn count(counts: &mut HashMap<Vec<u8>, i64>, found: &Found, change: i64) {
    let Place { rank, .. } = Place::of(found);
    for list in counted(found) {
        *counts.entry(list.of_rank(rank)).or_default() += change;
    }
}

impl Catalogue {
    fn place(&self, batch: &mut OwnedWriteBatch, found: &Found, on: impl Fn(&mut OwnedWriteBatch, Vec<u8>)) {
        let Place { rank, rest } = Place::of(found);
        for list in counted(found).into_iter().chain(searched(found)) {
            on(batch, [&list.of_rank(rank)[..], &rest].concat());
        }
    }

    fn name(&self, batch: &mut OwnedWriteBatch, found: &Found, known: &mut HashSet<Vec<u8>>) {
        let words = words_of(found).into_iter();
        let words = words.map(|(word, List(list))| [word.as_bytes(), &[NAME], &list].concat());
        let notice = &found.notice;
        let names = [("detector", Some(&notice.detector)), ("watch", notice.watch.as_ref())];
        let names = names.into_iter().filter_map(|(kind, name)| Some(name_key(kind, name?)));
        for key in words.chain(names) {
            if known.contains(&key) {
                continue;
            }
            if known.len() >= MAX_KNOWN {
                known.clear();
            }
            batch.insert(&self.words, key.as_slice(), Vec::new());
            known.insert(key);
        }
    }

    pub(super) fn count_at(&self, key: &[u8]) -> Result<u64, CatalogueError> {
        let Some(bytes) = self.counts.get(key)? else { return Ok(0) };
        Ok(u64::from_be_bytes(bytes.as_ref().try_into().map_err(|_| CatalogueError::Damaged)?))
    }
}

/// Where a name is kept.
pub(super) fn name_key(kind: &str, name: &str) -> Vec<u8> {
    [&[NAME], kind.as_bytes(), &[NAME], name.as_bytes()].concat()
}
