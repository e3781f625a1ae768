//! The key statements and registrations that were checked, kept so that a repeated one is found in every life of a follower.
//! One file: the leaves, each behind its length as in an entry bundle.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::bundle;
use crate::client::check::{CheckedLeaf, Claims};
use crate::entry::{Entry, Leaf};

const FILE: &str = "claims";

/// Where they are kept.
#[derive(Clone, Debug)]
pub(super) struct ClaimLeaves(PathBuf);

impl ClaimLeaves {
    /// In this folder.
    pub(super) fn new(folder: &Path) -> Self {
        ClaimLeaves(folder.join(FILE))
    }

    /// Adds those of checked leaves, durably. After a crash the same ones may be added again.
    pub(super) fn add<'a>(&self, leaves: impl Iterator<Item = &'a CheckedLeaf>) -> io::Result<()> {
        let is_claim = |leaf: &&Leaf| matches!(leaf.entry, Entry::KeyStatement(_) | Entry::Registration(_));
        let mut bytes = Vec::new();
        for leaf in leaves.map(|checked| &checked.leaf).filter(is_claim) {
            let leaf = leaf.encode().map_err(io::Error::other)?;
            bundle::append(&mut bytes, &leaf).map_err(io::Error::other)?;
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&self.0)?;
        file.write_all(&bytes)?;
        file.sync_all()
    }

    /// Those among the first `checked` leaves. What a crash cut off at the end was not saved, and is cut off here too.
    pub(super) fn load(&self, checked: u64) -> io::Result<Claims> {
        let file = match File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Claims::default()),
            Err(error) => return Err(error),
        };
        let (mut reader, mut whole) = (BufReader::new(file), 0);
        let (mut claims, mut next) = (Claims::default(), 0);
        while let Some(bytes) = read_leaf(&mut reader)? {
            let Some(leaf) = Leaf::decode(&bytes).ok().filter(|leaf| leaf.index < checked) else { break };
            whole += 2 + bytes.len() as u64;
            if leaf.index >= next {
                next = leaf.index + 1;
                claims.remember(&leaf);
            }
        }
        OpenOptions::new().write(true).open(&self.0)?.set_len(whole)?;
        Ok(claims)
    }
}

/// The next leaf; none at the end, or when the file ends inside it.
fn read_leaf(reader: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut read = || -> io::Result<Vec<u8>> {
        let mut length = [0; 2];
        reader.read_exact(&mut length)?;
        let mut bytes = vec![0; u16::from_be_bytes(length).into()];
        reader.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::index_check::IndexedLeaf;
    use crate::commitment::Commitment;
    use crate::entry::sample::{START, label, leaf, number, reference};
    use crate::entry::{Action, KeyStatementEntry, RegistrationEntry, Verb};
    use crate::synthetic::KeyPair;

    /// Fails when a leaf that comes again counts again, and when a cut end is not cut off.
    #[test]
    fn what_was_added_is_there_once_however_it_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let kept = ClaimLeaves::new(folder.path());
        assert_eq!(kept.load(9).unwrap(), Claims::default());
        let checked = |leaf: &Leaf| {
            let indexed = IndexedLeaf::of_bytes(&leaf.encode().unwrap());
            CheckedLeaf { leaf: leaf.clone(), open: None, indexed }
        };
        let key = KeyPair::p256(1);
        let credential = leaf(1, 0, number(&key, &[1], 1));
        let registration = RegistrationEntry {
            label: label(1),
            credential: 1,
            not_before: START,
            not_after: START + 10,
            action: Action::Register,
            commitment: Commitment([7; 32]),
            replaces: None,
        };
        let (old, new) = (reference(&credential), reference(&leaf(2, 0, number(&key, &[1], 2))));
        let signature = key.sign(b"anything");
        let statement =
            KeyStatementEntry { labels: vec![label(1)], verb: Verb::Approve, old, new, signature };
        let leaves = [&credential, &leaf(2, 0, registration), &leaf(3, 0, statement)].map(checked);
        kept.add(leaves.iter()).unwrap();
        kept.add(leaves[1..2].iter()).unwrap();
        let claims = kept.load(4).unwrap();
        assert_eq!((claims.key_statements(), claims.registrations()), (1, 1));
        let whole = std::fs::read(&kept.0).unwrap();
        for end in 0..whole.len() {
            std::fs::write(&kept.0, &whole[..end]).unwrap();
            kept.load(4).unwrap();
            kept.add(leaves[1..].iter()).unwrap();
            let claims = kept.load(4).unwrap();
            assert_eq!((claims.key_statements(), claims.registrations()), (1, 1), "cut after {end} bytes");
        }
        assert_eq!(kept.load(3).unwrap().key_statements(), 0, "what was not saved comes again");
    }
}
