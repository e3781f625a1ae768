//! One pass over a number's entries in leaf order.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::{Credential, DoesNotStand, History, NumberList, Said, Stands, Weightless};
use crate::commitment::CertificateId;
use crate::entry::{Entry, KeyStatementEntry, Leaf, LeafReference, NumberEntry, Verb};
use crate::label::Label;
use crate::registration::unix_seconds;
use crate::signature::VerifySignature;
use crate::statement::{Side, StatementRefusal, check_statement_leaf};

/// A chain has at most ten certificates, so nothing stands more steps below its leading credential. Bounds the work for a
/// list that a CA makes long.
const MAX_STEPS: usize = 9;

/// What a precertificate and its certificate have in common, and which of the two it is.
#[derive(PartialEq, Eq, Hash)]
struct Form<'a> {
    id: CertificateId,
    issuer: &'a [u8; 32],
    validity: (i64, i64),
    key: &'a [u8],
    is_ca: bool,
    labels: &'a [Label],
    is_precertificate: bool,
}

impl<'a> Form<'a> {
    fn of(entry: &'a NumberEntry) -> Self {
        Form {
            id: entry.certificate_id,
            issuer: &entry.issuer_key_hash,
            validity: (entry.not_before, entry.not_after),
            key: &entry.subject_key,
            is_ca: entry.is_ca,
            labels: &entry.labels,
            is_precertificate: entry.is_precertificate,
        }
    }

    fn counterpart(entry: &'a NumberEntry) -> Self {
        Form { is_precertificate: !entry.is_precertificate, ..Form::of(entry) }
    }
}

struct Fold<'a, 'v> {
    log_id: &'a [u8; 32],
    verifier: &'v dyn VerifySignature,
    /// The `number_entry` leaves so far.
    leaves: HashMap<u64, &'a Leaf>,
    places: HashMap<u64, usize>,
    credentials: Vec<Credential<'a>>,
    /// The credential of the first leaf of each form.
    firsts: HashMap<Form<'a>, usize>,
    leading: Option<usize>,
    /// The last second at which a standing credential covers the number.
    covered_until: i64,
    /// For each key of a standing credential, the last second at which one of them is valid.
    keys: HashMap<&'a [u8], i64>,
    /// For the hash of the key of each standing CA, the latest one.
    issuers: HashMap<[u8; 32], usize>,
    /// The leaf of each statement, by what it says.
    statements: HashMap<[u8; 32], u64>,
    faulty: Vec<(u64, StatementRefusal)>,
}

pub(super) fn fold<'a>(list: &NumberList<'a>, verifier: &dyn VerifySignature) -> History<'a> {
    let mut fold = Fold {
        log_id: list.log_id,
        verifier,
        leaves: HashMap::new(),
        places: HashMap::new(),
        credentials: Vec::new(),
        firsts: HashMap::new(),
        leading: None,
        covered_until: i64::MIN,
        keys: HashMap::new(),
        issuers: HashMap::new(),
        statements: HashMap::new(),
        faulty: Vec::new(),
    };
    for leaf in list.leaves {
        match &leaf.entry {
            Entry::Number(entry) => fold.number(leaf, entry),
            Entry::KeyStatement(entry) => fold.statement(leaf, entry),
            Entry::Open(_) | Entry::Parameters(_) | Entry::Registration(_) => {}
        }
    }
    mark_repeated_ids(&mut fold.credentials);
    History {
        credentials: fold.credentials,
        registrations: Vec::new(),
        faulty_statements: fold.faulty,
        leading: fold.leading,
        places: fold.places,
    }
}

/// How many steps a standing credential is below the leading one, which is 0 below itself; none where it is elsewhere.
pub(super) fn steps_below(credentials: &[Credential<'_>], place: usize, leading: usize) -> Option<usize> {
    let issuer = |place: &usize| match credentials[*place].standing {
        Ok(Stands::Issued { by }) => Some(by),
        _ => None,
    };
    std::iter::successors(Some(place), issuer).position(|place| place == leading)
}

impl<'a> Fold<'a, '_> {
    fn number(&mut self, leaf: &'a Leaf, entry: &'a NumberEntry) {
        self.leaves.insert(leaf.index, leaf);
        let place = self.place(entry);
        self.places.insert(leaf.index, place);
        if let Some(credential) = self.credentials.get_mut(place) {
            credential.leaves.push(leaf.index);
            return;
        }
        let standing = self.on_arrival(entry, unix_seconds(leaf.timestamp));
        self.credentials.push(Credential {
            leaves: vec![leaf.index],
            timestamp: leaf.timestamp,
            entry,
            standing,
            said: Vec::new(),
            repeated_id: false,
        });
        if standing.is_ok() {
            self.stand(place);
        }
    }

    /// The place of a leaf: that of the credential whose other half it is, or a new one. The first precertificate and the
    /// first certificate that agree are one credential, and no others are.
    fn place(&mut self, entry: &'a NumberEntry) -> usize {
        let new = self.credentials.len();
        let form = Form::of(entry);
        if self.firsts.contains_key(&form) {
            return new;
        }
        let place = self.firsts.get(&Form::counterpart(entry)).copied().unwrap_or(new);
        self.firsts.insert(form, place);
        place
    }

    /// Rules 1 to 3.
    fn on_arrival(&self, entry: &NumberEntry, now: i64) -> Result<Stands, DoesNotStand> {
        if now > entry.not_after {
            return Err(DoesNotStand::LoggedExpired);
        }
        match self.leading.filter(|_| now <= self.covered_until) {
            None => Ok(Stands::NothingCovered),
            Some(leading) => match self.issuer(entry, leading, now) {
                Some(by) => Ok(Stands::Issued { by }),
                None => Err(DoesNotStand::NotApproved { leading }),
            },
        }
    }

    /// The standing CA that issued this, if it is the leading one or below it, and neither has expired.
    fn issuer(&self, entry: &NumberEntry, leading: usize, now: i64) -> Option<usize> {
        let issuer = *self.issuers.get(&entry.issuer_key_hash)?;
        let live = [issuer, leading].iter().all(|place| !self.credentials[*place].has_expired(now));
        let steps = steps_below(&self.credentials, issuer, leading)?;
        (live && steps < MAX_STEPS).then_some(issuer)
    }

    /// Takes up a credential whose standing was just set.
    fn stand(&mut self, place: usize) {
        let Credential { entry, standing, .. } = &self.credentials[place];
        self.covered_until = self.covered_until.max(entry.not_after);
        let until = self.keys.entry(&entry.subject_key).or_insert(i64::MIN);
        *until = (*until).max(entry.not_after);
        if entry.is_ca {
            self.issuers.insert(Sha256::digest(&entry.subject_key).into(), place);
        }
        if !matches!(standing, Ok(Stands::Issued { .. })) {
            self.leading = Some(place);
        }
    }

    fn statement(&mut self, leaf: &Leaf, entry: &KeyStatementEntry) {
        match self.check(entry) {
            Err(refusal) => self.faulty.push((leaf.index, refusal)),
            Ok((by, about)) => {
                self.statements.insert(entry.dedup_key(), leaf.index);
                let now = unix_seconds(leaf.timestamp);
                let weight = match entry.verb {
                    Verb::Approve => self.weigh_approval(by, about, now),
                    Verb::Dispute => self.weigh_key(by, now),
                };
                let said =
                    Said { index: leaf.index, timestamp: leaf.timestamp, verb: entry.verb, by, weight };
                self.credentials[about].said.push(said);
                if entry.verb == Verb::Approve && weight.is_ok() {
                    self.credentials[about].standing = Ok(Stands::Approved { by, statement: leaf.index });
                    self.stand(about);
                }
            }
        }
    }

    /// The credentials that a statement names, if it holds.
    fn check(&self, entry: &KeyStatementEntry) -> Result<(usize, usize), StatementRefusal> {
        if let Some(first) = self.statements.get(&entry.dedup_key()) {
            return Err(StatementRefusal::SaidBefore(*first));
        }
        let leaf = |reference: &LeafReference, side| {
            self.leaves.get(&reference.index).copied().ok_or(StatementRefusal::NotLogged(side))
        };
        let (old, new) = (leaf(&entry.old, Side::Old)?, leaf(&entry.new, Side::New)?);
        check_statement_leaf(entry, self.log_id, old, new, self.verifier)?;
        Ok((self.places[&old.index], self.places[&new.index]))
    }

    /// Rule 4. The key counts and not the leaf that the statement names: one key may have several credentials.
    fn weigh_approval(&self, by: usize, about: usize, now: i64) -> Result<(), Weightless> {
        self.weigh_key(by, now)?;
        let leading = self.leading.filter(|leading| {
            self.credentials[*leading].entry.subject_key == self.credentials[by].entry.subject_key
        });
        let leading = leading.ok_or(Weightless::NotLeading)?;
        if self.credentials[leading].has_expired(now) {
            Err(Weightless::Expired)
        } else if self.credentials[about].has_expired(now) {
            Err(Weightless::ApprovedExpired)
        } else if about <= leading {
            Err(Weightless::ApprovedEarlier)
        } else {
            Ok(())
        }
    }

    /// Rule 5.
    fn weigh_key(&self, by: usize, now: i64) -> Result<(), Weightless> {
        match self.keys.get(&self.credentials[by].entry.subject_key[..]) {
            None => Err(Weightless::DoesNotStand),
            Some(until) if now > *until => Err(Weightless::Expired),
            Some(_) => Ok(()),
        }
    }
}

fn mark_repeated_ids(credentials: &mut [Credential<'_>]) {
    let mut counts: HashMap<CertificateId, usize> = HashMap::new();
    for credential in credentials.iter() {
        *counts.entry(credential.entry.certificate_id).or_default() += 1;
    }
    for credential in credentials {
        credential.repeated_id = counts[&credential.entry.certificate_id] > 1;
    }
}
