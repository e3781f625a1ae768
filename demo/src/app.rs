//! What an app decides, offline and by a look-up.

use std::time::Duration;

use anyhow::{Context, bail};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::client::lookup::{Kept, Lookups, Peer};
use tnlog::number::Number;
use tnlog::policy::Policy;
use tnlog::receipt::{Claim, KnownLog, Receipt, Untrusted, Verified, Verifier};
use tnlog::registration::ResolutionServices;
use tnlog::registration_receipt::{Reachable, RegistrationReceipt};
use tnlog::standing::Verdict;
use tnlog::synthetic::{Authority, Issued};

use crate::people::{ALICE, People, RESOLUTION_SERVICE, SERVICE, chain, now, root};
use crate::say;

/// An app whose user trusts these CAs, this log and its witnesses.
pub struct App {
    verifier: Verifier,
    policy: Policy,
    known: KnownLog,
}

impl App {
    pub fn new(policy: &Policy, known: &KnownLog, trusts: &[&Authority]) -> anyhow::Result<Self> {
        let anchor =
            |authority: &&Authority| Ok(Anchor { certificate: root(authority)?, calling_codes: None });
        let anchors = Anchors::new(trusts.iter().map(anchor).collect::<anyhow::Result<Vec<_>>>()?);
        let verifier = Verifier::new(policy.clone(), vec![known.clone()], anchors);
        Ok(App { verifier, policy: policy.clone(), known: known.clone() })
    }

    fn verify(
        &self,
        peer: &Issued,
        claim: &Claim,
        receipt: &Receipt,
    ) -> anyhow::Result<Result<Verified, Untrusted>> {
        Ok(self.verifier.verify(chain(peer)?.certificates(), claim, receipt, now() as i64))
    }

    /// Says whom it trusts; all of these.
    pub fn trusts(&self, peers: &[(String, &Issued, Claim, &String)]) -> anyhow::Result<()> {
        for (name, issued, claim, receipt) in peers {
            let peer = self.verify(issued, claim, &Receipt::parse(receipt.as_bytes())?)??;
            let cosigned = peer.cosigned.len();
            say(format_args!("{name}: trusted; entry {}, under {cosigned} cosignatures", peer.index))?;
        }
        Ok(())
    }

    /// Says whom it refuses, and why.
    pub fn refuses(&self, name: &str, peer: &Issued, receipt: &str) -> anyhow::Result<()> {
        let claim = Claim::Number(Number::new(ALICE)?);
        match self.verify(peer, &claim, &Receipt::parse(receipt.as_bytes())?)? {
            Ok(_) => bail!("{name} was trusted"),
            Err(why) => Ok(say(format_args!("{name}:\n     {why}"))?),
        }
    }

    /// The same in the app of somebody who trusts no CA.
    pub fn refuses_unknown_cas(&self, peer: &Issued, receipt: &str) -> anyhow::Result<()> {
        let verifier = Verifier::new(self.policy.clone(), vec![self.known.clone()], Anchors::default());
        let nobody = App { verifier, policy: self.policy.clone(), known: self.known.clone() };
        nobody.refuses("the right receipt, in an app whose user does not trust this CA", peer, receipt)
    }

    /// Where Alice is reachable, by the receipt of her registration.
    pub fn reaches(
        &self,
        people: &People,
        receipt: &str,
        registration: &RegistrationReceipt,
    ) -> anyhow::Result<()> {
        let number = Number::new(ALICE)?;
        let peer =
            self.verify(&people.alice, &Claim::Number(number), &Receipt::parse(receipt.as_bytes())?)??;
        let mut services = ResolutionServices::default();
        services.add(RESOLUTION_SERVICE, people.resolution_service.spki())?;
        let asked = Reachable { number: &number, service: SERVICE, services: &services, now: now() as i64 };
        let found = self.verifier.verify_registration(&peer, registration, &asked)?;
        say(format_args!("+{ALICE} at {SERVICE}: {}; entry {}", found.statement.contact, found.index))?;
        Ok(())
    }

    /// Asks whether a credential whose receipt is good is also the newest that stands, once the answer covers so many entries.
    pub async fn standing(
        &self,
        peer: &Issued,
        receipt: &str,
        lookups: &mut Lookups,
        at_least: u64,
    ) -> anyhow::Result<Verdict> {
        let number = Number::new(ALICE)?;
        let receipt = Receipt::parse(receipt.as_bytes())?;
        let verified = self.verify(peer, &Claim::Number(number), &receipt)??;
        let peer = Peer { verified: &verified, receipt: &receipt, number: &number };
        loop {
            let answered = lookups.standing_of(&peer, &mut Kept::default(), now() * 1000, 0).await?;
            if answered.covers < at_least {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            let age = now().saturating_sub(answered.as_of?);
            let (covers, verdict) = (answered.covers, in_words(answered.verdict));
            say(format_args!("of {covers} entries, complete as of {age} s ago: {verdict}"))?;
            return Ok(answered.verdict);
        }
    }
}

fn in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Newest => "it stands, and is the newest: the call is set up",
        Verdict::DoesNotStand(_) => "it DOES NOT STAND: the key before it has not approved it, so no call",
        Verdict::Superseded { .. } => "a newer one stands",
        Verdict::Disputed => "it is disputed",
        Verdict::Expired => "it has expired",
        Verdict::NotFound => "it is not there",
    }
}

/// The receipt with one bit of the first hash of its inclusion proof flipped.
pub fn tampered(receipt: &str) -> anyhow::Result<String> {
    let mut proof = Receipt::parse(receipt.as_bytes())?.proof;
    let hash = proof.hashes.first_mut().context("the tree has several leaves")?;
    hash.0[0] ^= 1;
    Ok(proof.to_string())
}
