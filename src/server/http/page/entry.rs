//! The page of an entry: decoded, with its inclusion proof in the newest tree.

use askama::Template;
use base64ct::{Base64, Encoding};

use super::facts::{Fact, facts};
use super::words::grouped;
use crate::merkle::Hash;
use crate::server::http::Reads;
use crate::server::problem::Problem;

#[derive(Template)]
#[template(path = "entry.html")]
pub struct EntryPage {
    origin: String,
    index: u64,
    before: Option<u64>,
    after: Option<u64>,
    what: &'static str,
    facts: Vec<Fact>,
    leaf_hash: String,
    size: String,
    root: String,
    proof: Vec<String>,
    by_hash: bool,
    asked: String,
}

/// The page of the entry that is `asked` for: an index in decimal, or the hash of a leaf in hexadecimal or base64.
///
/// # Errors
/// When this is neither, there is no such entry, or the log cannot be read.
pub fn page(app: &Reads, asked: &str) -> Result<EntryPage, Problem> {
    let log = &app.log;
    let tree = log.published()?.tree;
    let index = index_of(app, asked, tree.size)?;
    let stored =
        log.reader().entries(index, index, tree.size)?.into_iter().next().ok_or(Problem::Internal)?;
    let hashes = log.reader().inclusion(index, tree.size, tree.size)?;
    let (what, facts) = facts(&*app.log, &stored);
    Ok(EntryPage {
        origin: log.info()?.origin,
        index,
        before: index.checked_sub(1),
        after: Some(index + 1).filter(|next| *next < tree.size),
        what,
        facts,
        leaf_hash: Hash::of_leaf(&stored.leaf).to_string(),
        size: grouped(tree.size),
        root: tree.root.to_string(),
        proof: hashes.iter().map(Hash::to_string).collect(),
        by_hash: log.finds_hashes(),
        asked: asked.to_owned(),
    })
}

fn index_of(app: &Reads, asked: &str, size: u64) -> Result<u64, Problem> {
    if !asked.is_empty() && asked.len() < 20 && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        let index = asked.parse().ok().filter(|index| *index < size);
        return index.ok_or(Problem::Range { size });
    }
    let hash = hash_of(asked).ok_or(Problem::Parameter {
        name: "of",
        what: "give the index of an entry in digits, or the hash of its leaf, 32 bytes in hexadecimal or base64",
    })?;
    let index = app.log.find_leaf(&hash)?.filter(|index| *index < size).ok_or(Problem::UnknownHash)?;
    let leaf = app.log.reader().leaf(index, size)?;
    if Hash::of_leaf(&leaf) == hash { Ok(index) } else { Err(Problem::UnknownHash) }
}

fn hash_of(text: &str) -> Option<Hash> {
    let hexadecimal = || {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let digit = |digit: u8| char::from(digit).to_digit(16);
        let byte = |[high, low]: &[u8; 2]| Some((digit(*high)? * 16 + digit(*low)?) as u8);
        let bytes = pairs.iter().map(byte).collect::<Option<Vec<u8>>>();
        bytes.filter(|_| rest.is_empty())
    };
    let bytes = if text.len() == 64 { hexadecimal() } else { Base64::decode_vec(text).ok() };
    bytes?.try_into().ok().map(Hash)
}
