//! A bit that flips in a file of each kind. The log refuses to start, mends the file, or goes on with the right tree all the same;
//! and what is wrong in what is served is found by an audit.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tnlog::checkpoint::Checkpoint;
use tnlog::merkle::Hash;
use tnlog::tile::TreeEdge;

use crate::common::answered::{Seen, answered, check_answers, checkpoint, submission};
use crate::common::{Process, add_chain, files_below, from_base64, get, issuing, try_post};
use crate::{Copy, World, audit, said};

/// What became of the flipped bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// The log did not start, and said why; nothing changed.
    Refused,
    /// The file was written anew, or is gone.
    Mended,
    /// It is still there, and an audit finds it.
    Found,
    /// It is still there, and no audit sees it: the file is not served, or the bit stands for nothing.
    Unseen,
}

use End::{Found, Mended, Refused, Unseen};

/// Files by the beginnings of their names, the first that fits, and how a flipped bit in them may end.
const ENDS: [(&str, &[End]); 23] = [
    ("keys/", &[Refused]),
    // The older of its two slots counts for nothing, nor does what is behind a checkpoint.
    ("lock", &[Refused, Mended, Unseen]),
    ("index.lock", &[Refused, Mended, Unseen]),
    ("tnlog.toml", &[Refused, Unseen]),
    ("roots/", &[Refused, Unseen]),
    ("private/fingerprint/", &[Refused]),
    ("private/evidence/", &[Unseen]),
    // A checkpoint that is no note any more is what a crash leaves. It is written anew.
    ("public/checkpoint", &[Refused, Mended]),
    ("public/index/checkpoint", &[Refused, Mended]),
    ("public/tile/0/000.p/", &[Refused]),
    ("public/tile/entries/000.p/", &[Refused]),
    // No hash covers what is beside an entry: an audit finds an issuer that is not there.
    ("public/tile/chains/000.p/", &[Refused, Found]),
    ("public/tile/0/001.p/", &[Refused]),
    ("public/tile/1/000.p/", &[Refused]),
    ("public/tile/entries/001.p/", &[Refused]),
    ("public/tile/chains/001.p/", &[Refused, Found]),
    // Leaf 0 is read by a log that starts.
    ("public/tile/entries/000", &[Refused, Found]),
    // Other full ones are not read to sign: the tree is the right one all the same.
    ("public/tile/", &[Found]),
    // Stored again with the next entry of the issuer.
    ("public/issuer/", &[Found, Mended]),
    ("public/index/tile/chains/", &[Refused, Found]),
    ("public/index/tile/", &[Refused, Found]),
    ("public/tn/", &[Refused, Mended]),
    ("derived", &[Mended, Unseen]),
];

/// The files of a log, one for each kind: numbers and hashes in names do not count, and of partial tiles the widest does.
fn one_of_each_kind(log: &Path) -> Vec<PathBuf> {
    let kind = |path: &Path| -> String {
        let name = path.display().to_string();
        if let Some((tile, _)) = name.split_once(".p/") {
            return tile.to_owned();
        }
        if name.starts_with("public/tile") || name.starts_with("keys") {
            return name;
        }
        name.chars().filter(|c| !c.is_ascii_digit() && !('a'..='f').contains(c)).collect()
    };
    let files = files_below(log).into_iter().filter(|file| fs::metadata(file).unwrap().len() > 0);
    let mut files: Vec<_> = files.map(|file| file.strip_prefix(log).unwrap().to_owned()).collect();
    files.sort_by_key(|file| (file.as_os_str().len(), file.clone()));
    files.into_iter().map(|file| (kind(&file), file)).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// The leaves of a log that is right.
fn leaves(copy: &Copy) -> Vec<Hash> {
    let process = copy.start();
    let size = checkpoint(process.address).unwrap().size;
    let hashes = read_leaves(&process, 0, size);
    process.terminate();
    hashes
}

fn read_leaves(process: &Process, first: u64, size: u64) -> Vec<Hash> {
    let mut leaves = Vec::new();
    while first + (leaves.len() as u64) < size {
        let start = first + leaves.len() as u64;
        let path = format!("/ct/v1/get-entries?start={start}&end={}", size - 1);
        let entries = get(process.address, &path).success();
        let entries = entries["entries"].as_array().unwrap();
        leaves.extend(entries.iter().map(|entry| Hash::of_leaf(&from_base64(&entry["leaf_input"]))));
    }
    leaves
}

/// Starts the log, submits one, and stops it. Where it starts, its tree must be that of the leaves before and of the new one.
fn go_on(copy: &Copy, before: &[Hash], n: u32) -> Result<(), String> {
    let process = Process::try_start(&mut Process::command(&copy.log()), &copy.messages())?;
    let body = add_chain(&submission(&issuing(), n));
    let answer = try_post(process.address, "/ct/v1/add-chain", &body).expect("an answer");
    let now: Checkpoint = checkpoint(process.address).expect("a checkpoint");
    // A root may be what is damaged; then nothing is taken.
    let added =
        if answer.status == 200 { read_leaves(&process, before.len() as u64, now.size) } else { Vec::new() };
    let mut edge = TreeEdge::new();
    edge.append(&[before, &added].concat());
    assert_eq!((now.size, now.root), (edge.size(), edge.root()), "another tree was signed");
    assert_eq!(added.len(), usize::from(answer.status == 200));
    let seen = Seen::default();
    if answer.status == 200 {
        seen.answered.lock().unwrap().push(answered(n, &answer.json()));
        check_answers(process.address, &issuing(), &now, &seen.answered.lock().unwrap());
    }
    process.terminate();
    Ok(())
}

fn flip(world: &Copy, before: &[Hash], file: &Path, position: usize) -> End {
    let copy = world.again();
    let path = copy.log().join(file);
    let mut bytes = fs::read(&path).unwrap();
    let place = [0, bytes.len() / 2, bytes.len() - 1][position];
    bytes[place] ^= 1 << (position + 1);
    fs::write(&path, &bytes).unwrap();
    let lock = fs::read(copy.log().join("lock")).unwrap();
    if let Err(why) = go_on(&copy, before, 9000) {
        assert_eq!(fs::read(copy.log().join("lock")).unwrap(), lock, "something was signed: {why}");
        assert!(why.contains("tnlog: ") && !why.contains("panicked"), "{why}");
        return Refused;
    }
    let audited = audit(&copy.log());
    match fs::read(&path) {
        _ if audited.status.code() == Some(2) || audited.status.code() == Some(1) => Found,
        _ if !audited.status.success() => panic!("{}", said(&audited)),
        Ok(now) if now == bytes => Unseen,
        _ => Mended,
    }
}

/// Logs of 254 and of 260 leaves: with a partial tile alone, and with a full one before it.
#[test]
fn a_flipped_bit_is_refused_mended_or_found_and_never_signed() {
    let world = World::new();
    for more in [0, 6] {
        let log = world.copy();
        let process = log.start();
        for n in 0..more {
            let body = add_chain(&submission(&issuing(), 5000 + n));
            assert_eq!(try_post(process.address, "/ct/v1/add-chain", &body).unwrap().status, 200);
        }
        crate::indexed(&process);
        process.terminate();
        let before = leaves(&log.again());
        let files = one_of_each_kind(&log.log());
        let cases: Vec<_> = files.iter().flat_map(|file| (0..3).map(move |place| (file, place))).collect();
        crate::at_once(&cases, |(file, place)| {
            let end = flip(&log, &before, file, *place);
            let name = file.display().to_string();
            let (_, ends) = ENDS.iter().find(|(begin, _)| name.starts_with(begin)).expect("a kind of file");
            println!("{end:?} {name} {place}");
            assert!(ends.contains(&end), "{name} at {place}: {end:?}");
        });
    }
}
