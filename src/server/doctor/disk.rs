//! The space that is left, and how long it lasts.

use std::path::Path;
use std::process::Command;

use super::Findings;
use super::store::Seen;
use crate::entry::Leaf;
use crate::server::config::Folder;
use crate::tile::{FULL_WIDTH, Kind, TilePath};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// Less stops a log within hours, and databases sooner.
const LITTLE: u64 = 256 * MIB;
const SCARCE: u64 = 2 * GIB;
/// In days: the time to get a larger disk.
const SOON: u64 = 60;
/// How far back the rate is measured, in entries.
const PAST: u64 = 100_000;
/// From a shorter past nothing is foretold, in milliseconds: a day.
const SHORTEST: u64 = 86_400_000;
/// Bytes of an entry besides its bundles: hashes, what is derived, the heads of the index log.
const BESIDES: u64 = 400;

/// The space on the disk of the folder.
pub fn space(folder: &Folder, log: Option<&Seen>, findings: &mut Findings) {
    const CHECK: &str = "disk";
    const ADVICE: &str = "make room, or move the folder to a larger disk while the log is stopped";
    let Some(free) = free(folder.path()) else {
        findings.warning(CHECK, "the free space is not known", "look at it with `df`");
        return;
    };
    let days = log.and_then(daily_bytes).map(|daily| free / daily.max(1));
    let lasts =
        days.map_or(String::new(), |days| format!(", for about {days} days at the rate of the last entries"));
    let what = format!("{} are free{lasts}", size(free));
    if free < LITTLE || days.is_some_and(|days| days < 3) {
        findings.wrong(CHECK, what, ADVICE);
    } else if free < SCARCE || days.is_some_and(|days| days < SOON) {
        findings.warning(CHECK, what, ADVICE);
    } else {
        findings.ok(CHECK, what);
    }
}

/// Bytes that are free to who runs this, as `df` has it.
fn free(folder: &Path) -> Option<u64> {
    let output = Command::new("df").args(["-P", "-k"]).arg(folder).env("LC_ALL", "C").output().ok()?;
    free_of(std::str::from_utf8(&output.stdout).ok()?)
}

/// The column before the percentage, in KiB; names of disks and folders may have spaces.
fn free_of(table: &str) -> Option<u64> {
    let row = table.lines().nth(1)?;
    let words: Vec<&str> = row.split_whitespace().collect();
    let percentage = words.iter().position(|word| word.ends_with('%'))?;
    words.get(percentage.checked_sub(1)?)?.parse::<u64>().ok()?.checked_mul(1024)
}

fn size(bytes: u64) -> String {
    if bytes >= 10 * GIB { format!("{} GiB", bytes / GIB) } else { format!("{} MiB", bytes / MIB) }
}

/// Bytes a day, by the times of the last entries and the lengths of the last full bundle; none where the past is too short.
fn daily_bytes(log: &Seen) -> Option<u64> {
    let size = log.published.tree.size;
    let time = |index| Some(Leaf::decode(&log.reader.leaf(index, size).ok()?).ok()?.timestamp);
    let (last, first) = (size.checked_sub(1)?, size.saturating_sub(PAST));
    let passed = time(last)?.checked_sub(time(first)?).filter(|passed| *passed >= SHORTEST)?;
    let bundle = (size / u64::from(FULL_WIDTH)).checked_sub(1)?;
    let length = |kind| {
        let path = TilePath { kind, index: bundle, width: FULL_WIDTH };
        log.reader.tile(path).map_or(0, |bytes| bytes.len() as u64)
    };
    let entry = (length(Kind::Entries) + length(Kind::Chains)) / u64::from(FULL_WIDTH) + BESIDES;
    Some(entry.saturating_mul(last - first).saturating_mul(SHORTEST) / passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_df_is_read_whatever_the_names_are() {
        let table =
            "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/a b  100 20 80 20% /mnt/x y\n";
        assert_eq!(free_of(table), Some(80 * 1024));
        for bad in ["", "one line\n", "a\nb c d\n", "a\n10%\n"] {
            assert_eq!(free_of(bad), None, "{bad}");
        }
        assert!(free(Path::new("/")).is_some());
    }
}
