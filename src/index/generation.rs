//! Which index log of a log: the first one, or the successor of one that is over.

/// The number of an index log among those of its log: 1, and one more for each successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u32);

/// Where the first one lies below its log, and the last part of its origin.
const FIRST: &str = "index";
/// Successors beyond this are no names: no log needs them.
const MOST: u32 = 999;

impl Generation {
    /// The index log that every log begins with.
    pub const FIRST: Generation = Generation(1);

    /// Its successor; none after the 999th.
    pub fn next(self) -> Option<Self> {
        (self.0 < MOST).then_some(Generation(self.0 + 1))
    }

    /// The one that it succeeds; none of the first.
    pub fn previous(self) -> Option<Self> {
        (self.0 > 1).then(|| Generation(self.0 - 1))
    }

    /// Its number.
    pub fn number(self) -> u32 {
        self.0
    }

    /// Where it lies below its log, and the last part of its origin: `index`, `index/2`, `index/3`.
    pub fn path(self) -> String {
        if self == Generation::FIRST { FIRST.to_owned() } else { format!("{FIRST}/{}", self.0) }
    }

    /// The same as the name of a file: `index`, `index-2`, `index-3`.
    pub fn file_stem(self) -> String {
        self.path().replace('/', "-")
    }

    /// Its origin, beside a log of this origin.
    pub fn origin(self, log: &str) -> String {
        format!("{log}/{}", self.path())
    }

    /// That of a path, which is read as it is written.
    pub fn of_path(path: &str) -> Option<Self> {
        if path == FIRST {
            return Some(Generation::FIRST);
        }
        let number = path.strip_prefix(FIRST)?.strip_prefix('/')?.parse().ok()?;
        let generation = Generation(number);
        ((2..=MOST).contains(&number) && generation.path() == path).then_some(generation)
    }

    /// The origin of the log, and the number, in the origin of an index log; none when it is that of no index log.
    pub fn split(origin: &str) -> Option<(&str, Self)> {
        let last = origin.rfind('/')?;
        let at = if &origin[last + 1..] == FIRST { last } else { origin[..last].rfind('/')? };
        let generation = Generation::of_path(&origin[at + 1..])?;
        (at > 0).then_some((&origin[..at], generation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written_and_no_other_is() {
        let mut generation = Generation::FIRST;
        for path in ["index", "index/2", "index/3"] {
            assert_eq!(generation.path(), path);
            let origin = generation.origin("log.example.com/tn");
            assert_eq!(Generation::split(&origin), Some(("log.example.com/tn", generation)));
            generation = generation.next().unwrap();
            assert_eq!(generation.previous().unwrap().path(), path);
        }
        assert_eq!(Generation(MOST).next(), None);
        assert_eq!(Generation::split("a/index/index"), Some(("a/index", Generation::FIRST)));
        for origin in [
            "",
            "index",
            "/index",
            "a/indexes",
            "a/index/",
            "a/index/0",
            "a/index/1",
            "a/index/02",
            "a/index/+2",
        ] {
            assert_eq!(Generation::split(origin), None, "{origin}");
        }
        assert_eq!(Generation::split("aindex/2"), None);
        assert_eq!(Generation::split("a/index/1000"), None);
    }
}
