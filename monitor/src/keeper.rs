//! What happens to each part of a log that was verified: it is kept, shown to the detectors, and what they find is put where it waits
//! to be told. Only then is the position saved.

use std::io;
use std::sync::{Arc, Mutex};

use tnlog::certificate::Certificate;
use tnlog::client::copy::LogCopy;
use tnlog::client::follow::{Object, Part, ShownHead, Sink};
use tnlog::note::Note;

use crate::detect::{Detectors, Memory, Observed};
use crate::entries::Entries;
use crate::issuers::Issuers;
use crate::notice::Notice;
use crate::served::Served;
use crate::state::{Changes, State};
use crate::watching::lock;

/// When so many records have changed they are stored.
const MAX_CHANGED: usize = 20_000;

/// Takes what a follower has verified.
pub struct Keeper {
    pub copy: LogCopy,
    pub entries: Arc<Entries>,
    pub issuers: Arc<Issuers>,
    pub detectors: Arc<Mutex<Detectors>>,
    pub state: Arc<State>,
    pub served: Arc<Served>,
}

impl Keeper {
    /// Shows the detectors what they have not seen yet. Ends early, to come again, when the log must be asked for an issuer first.
    fn observe(&self, part: &Part<'_>) -> io::Result<()> {
        let log = self.entries.log()?.ok_or_else(|| io::Error::other("the log has no parameters"))?;
        let log_id = *log.sct_key.log_id();
        let detectors = lock(&self.detectors);
        let mut run = Run {
            keeper: self,
            memory: Memory::new(&*self.state),
            notices: Vec::new(),
            next: self.state.observed()?,
        };
        self.entries
            .each(log_id, run.next..part.first.max(run.next), |entry| run.observe(&detectors, entry))?;
        let seen = usize::try_from(run.next.saturating_sub(part.first)).unwrap_or(usize::MAX);
        for checked in part.checked.iter().skip(seen) {
            let beside = self.entries.beside_checked(checked)?;
            run.observe(&detectors, &Observed::of(log_id, &checked.leaf, beside))?;
        }
        run.store()
    }
}

/// Entries whose changes are stored together.
struct Run<'a> {
    keeper: &'a Keeper,
    memory: Memory<'a>,
    notices: Vec<Notice>,
    next: u64,
}

impl Run<'_> {
    fn observe(&mut self, detectors: &Detectors, entry: &Observed<'_>) -> io::Result<()> {
        if self.keeper.issuers.wants() {
            return Err(io::Error::other("the log is to be asked who has an issuer key"));
        }
        let found = detectors.observe(entry, &mut self.memory).map_err(io::Error::other)?;
        let origin = self.keeper.served.origin();
        self.notices.extend(found.iter().map(|finding| Notice::of(finding, origin)));
        self.next = entry.index + 1;
        if self.memory.changed() >= MAX_CHANGED {
            self.store_and_go_on()?;
        }
        Ok(())
    }

    fn store_and_go_on(&mut self) -> io::Result<()> {
        let memory = std::mem::replace(&mut self.memory, Memory::new(&*self.keeper.state));
        let notices = std::mem::take(&mut self.notices);
        let observed = Some(self.next);
        let records = memory.into_changes();
        Ok(self.keeper.state.store(Changes { records, notices, observed, facts: Vec::new() })?)
    }

    fn store(mut self) -> io::Result<()> {
        self.store_and_go_on()
    }
}

impl Sink for Keeper {
    fn take(&mut self, part: &Part<'_>) -> io::Result<()> {
        self.copy.keep(part.objects)?;
        let issuers = part.objects.iter().filter(|(name, _)| name.starts_with("issuer/"));
        issuers
            .filter_map(|(_, der)| Certificate::from_der(der.clone()).ok())
            .for_each(|issuer| self.issuers.learn(&issuer));
        self.observe(part)
    }

    fn take_heads(&mut self, objects: &[Object]) -> io::Result<()> {
        self.copy.keep(objects)
    }

    fn complete(&mut self, checkpoint: &Note) -> io::Result<()> {
        self.served.complete(checkpoint)
    }

    fn heads_complete(&mut self, shown: &ShownHead) -> io::Result<()> {
        self.served.heads_complete(shown)
    }
}
