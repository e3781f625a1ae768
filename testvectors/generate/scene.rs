//! The log of the receipts: what it holds, and what it answers.

use serde_json::{Value, json};
use tnlog::admission::{Admitted, Kind};
use tnlog::entry::{Entry, Parameters};
use tnlog::number::Number;
use tnlog::receipt::{Extra, Secrets};
use tnlog::sct::Extensions;
use tnlog::submission::{Hidden, Submission};
use tnlog::synthetic::{Authority, Issued, KeyPair, Profile};

use crate::case::{Pool, hex};
use crate::world::{
    Log, NOW, ORIGIN, Seeded, admitted, hidden, issuing, label_key, policy, root, sign_sct, signer, validity,
};

/// The number that most receipts are about.
pub const NUMBER: &str = "17035550123";

/// What an app is asked, and holds.
#[derive(Clone)]
pub struct Question {
    pub chain: Vec<Vec<u8>>,
    pub root: Vec<u8>,
    pub policy: String,
    pub parameters: Vec<Parameters>,
    pub claim: Value,
    pub receipt: String,
    pub now: i64,
}

impl Question {
    pub fn fields(&self, pool: &mut Pool) -> Value {
        let parameters: Vec<_> = self.parameters.iter().map(|parameters| hex(&parameters.encode())).collect();
        json!({"chain": pool.chain(&self.chain), "roots": [pool.add(&self.root)], "policy": self.policy,
            "parameters": parameters, "claim": self.claim, "receipt": self.receipt, "now": self.now})
    }

    pub fn with(&self, change: impl FnOnce(&mut Question)) -> Question {
        let mut question = self.clone();
        change(&mut question);
        question
    }
}

/// A certificate that the log holds.
pub struct Logged {
    pub admitted: Admitted,
    pub final_chain: Vec<Vec<u8>>,
    pub index: u64,
    pub key: KeyPair,
}

/// The log that all receipts are of.
pub struct Scene {
    pub log: Log,
    pub carrier: Logged,
    pub blocks: Logged,
    pub number: Logged,
    pub numbers: Logged,
    pub precert_carrier: Logged,
    pub precert_number: Logged,
    pub misfiled: Logged,
    pub mislabelled: Logged,
}

fn submit(log: &mut Log, issued: &Issued, kind: Kind) -> Logged {
    let admitted = admitted(&issued.chain(), kind);
    let submission = Submission::of(&admitted);
    let entry = submission.open_entry().or_else(|| submission.number_entry(&hidden(&admitted, &submission)));
    let index = log.add(entry.expect("open or with numbers"));
    Logged { admitted, final_chain: issued.chain(), index, key: issued.key().clone() }
}

/// Logs the precertificate and issues the certificate with the SCT of the log.
fn submit_precertificate(log: &mut Log, ca: &Authority, profile: &Profile) -> Logged {
    let pre = ca.issue_precertificate(profile);
    let mut logged = submit(log, pre.issued(), Kind::Precertificate);
    let submission = Submission::of(&logged.admitted);
    let opening = submission.is_hidden().then(|| hidden(&logged.admitted, &submission).opening);
    let sct =
        sign_sct(&submission, Log::time(logged.index), Extensions { leaf_index: logged.index, opening });
    logged.final_chain =
        ca.finalize(&pre, &[sct.encode().expect("a small index")]).expect("a short SCT").chain();
    logged
}

impl Scene {
    pub fn new() -> Self {
        let mut log = Log::new(signer(ORIGIN, 1));
        let ca = issuing();
        let holder = |numbers: &[&str], seed| Profile::numbers(numbers, validity(), seed);
        let carrier = submit(&mut log, &ca.issue(&Profile::carrier("706j", validity(), 1)), Kind::Final);
        let blocks = submit(
            &mut log,
            &ca.issue(&Profile::ranges(&[("17035550100", 100)], validity(), 2)),
            Kind::Final,
        );
        let number = submit(&mut log, &ca.issue(&holder(&[NUMBER], 3)), Kind::Final);
        let numbers = submit(
            &mut log,
            &ca.issue(&holder(&["17035550124", "12025550100", "17035550124"], 4)),
            Kind::Final,
        );
        let precert_carrier = submit_precertificate(&mut log, &ca, &Profile::carrier("A1", validity(), 5));
        let precert_number = submit_precertificate(&mut log, &ca, &holder(&["12025550101"], 6));
        let misfiled = misfiled(&mut log, &ca.issue(&holder(&["12025550102"], 7)));
        let mislabelled = mislabelled(&mut log, &ca.issue(&holder(&["12025550103"], 8)));
        Scene {
            log,
            carrier,
            blocks,
            number,
            numbers,
            precert_carrier,
            precert_number,
            misfiled,
            mislabelled,
        }
    }

    pub fn extra(&self, logged: &Logged, precertificate: bool) -> Extra {
        let submission = Submission::of(&logged.admitted);
        let numbers = logged.admitted.class().numbers();
        let secrets = (!numbers.is_empty()).then(|| {
            let Hidden { opening, certificate_id, .. } = hidden(&logged.admitted, &submission);
            Secrets {
                opening,
                certificate_id,
                evaluation: label_key().prove(numbers, &mut Seeded::new(logged.index)),
            }
        });
        Extra { precertificate, timestamp: Log::time(logged.index), secrets }
    }

    pub fn receipt(&self, logged: &Logged, extra: &Extra) -> String {
        self.log.proof(logged.index, Some(extra.encode()), &[1, 3]).to_string()
    }

    pub fn question(&self, logged: &Logged, precertificate: bool, claim: Value) -> Question {
        Question {
            chain: logged.final_chain.clone(),
            root: root().certificate().to_vec(),
            policy: policy(&self.log.signer),
            parameters: vec![self.log.parameters()],
            claim,
            receipt: self.receipt(logged, &self.extra(logged, precertificate)),
            now: NOW,
        }
    }
}

/// A log that shows a person's certificate in the open.
fn misfiled(log: &mut Log, issued: &Issued) -> Logged {
    let admitted = admitted(&issued.chain(), Kind::Final);
    let index = log.add(Entry::Open(Submission::of(&admitted).identity().clone()));
    Logged { admitted, final_chain: issued.chain(), index, key: issued.key().clone() }
}

/// A log that files a certificate under the label of another number, where its holder does not find it.
fn mislabelled(log: &mut Log, issued: &Issued) -> Logged {
    let admitted = admitted(&issued.chain(), Kind::Final);
    let submission = Submission::of(&admitted);
    let labels = vec![label_key().label(&other_number())];
    let entry = submission.number_entry(&Hidden { labels, ..hidden(&admitted, &submission) });
    let index = log.add(entry.expect("a number"));
    Logged { admitted, final_chain: issued.chain(), index, key: issued.key().clone() }
}

pub fn other_number() -> Number {
    Number::new("17035550199").expect("a number")
}
