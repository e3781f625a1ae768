//! Lies of a log: whether they were found, and whether what was kept of them convinces who has the keys alone.

use std::collections::BTreeMap;

use tnlog::note::VerifierKey;

use super::Lies;
use super::truth::Truth;
use crate::findings::all;
use crate::folder::Folder;
use crate::notice::Notice;
use tnlog::client::evidence::{Evidence, Proved};

/// Compares the lies that were told with what was found.
pub(super) fn judge(truth: &Truth, folder: &Folder) -> anyhow::Result<BTreeMap<String, Lies>> {
    let keys: Vec<VerifierKey> = [&truth.facts.key, &truth.facts.index_key]
        .into_iter()
        .map(|key| key.parse())
        .collect::<Result<_, _>>()?;
    let found = all(folder)?;
    let mut lies: BTreeMap<String, Lies> = BTreeMap::new();
    for lie in &truth.lies {
        let sum = lies.entry(lie.kind.clone()).or_default();
        sum.told += 1;
        let names = names(&lie.kind);
        let about = |notice: &Notice| lie.leaf.is_none_or(|leaf| notice.entries.contains(&leaf));
        let is_it = |notice: &&Notice| {
            let is_named = names.contains(&&*notice.detector) && !notice.cleared;
            is_named && (notice.entries.is_empty() || about(notice))
        };
        let Some(notice) = found.values().find(is_it) else { continue };
        sum.found += 1;
        let proved = proved(folder, notice, &keys);
        sum.verified += u64::from(proved.is_some());
        sum.proved += u64::from(proved.is_some_and(|proved| proved != Proved::Signed));
    }
    Ok(lies)
}

/// The detectors that find a lie: its own, and that of the fork which it makes, too.
fn names(lie: &str) -> Vec<&str> {
    // Other parameters are another leaf 0, and so another tree from the first leaf on.
    if lie == "bad-parameters" { vec![lie, "fork"] } else { vec![lie] }
}

/// What the evidence proves; none when there is none, or it does not verify.
fn proved(folder: &Folder, notice: &Notice, keys: &[VerifierKey]) -> Option<Proved> {
    let bytes = std::fs::read(folder.path().join(notice.evidence.as_ref()?)).ok()?;
    Evidence::parse(&bytes).ok()?.verify(keys).ok()
}
