//! Admission: good and odd chains, changed where it is not only the signature that notices.

use std::sync::{Arc, LazyLock};

use tnlog::admission::{Admitted, Kind, Trust, admit, check_chain};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::chain_item::ChainItem;
use tnlog::commitment::{CertificateId, Opening};
use tnlog::entry::Leaf;
use tnlog::index::labels_of;
use tnlog::label::Label;
use tnlog::rule::Rule;
use tnlog::signature::{Ecdsa, PublicKeyInfo, SignatureAlgorithm, SignatureError, VerifySignature};
use tnlog::submission::{Hidden, Submission};
use tnlog::synthetic::{Authority, Malformation, Profile, TnEntry, Validity, fictional_number};

use super::certificate::{chain, open_labels};
use super::choices::Choices;
use super::der::{self, Content, Node};

const VALIDITY: Validity = Validity { not_before: 1_700_000_000, not_after: 2_000_000_000 };
const NOW: i64 = 1_750_000_000;

struct World {
    chains: Vec<Vec<Vec<u8>>>,
    anchors: Anchors,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let root = Authority::root("Root", 1, VALIDITY);
    let limited = Authority::root("Limited Root", 2, VALIDITY);
    let issuing = root.subordinate("Issuing", None, 3);
    let number = fictional_number(1);
    let delegate = issuing.delegate("Delegate", &[TnEntry::one(&number)], 4);
    let holder = issuing.delegate("Holder", &[TnEntry::range("17035550000", 1000)], 5);
    let signer = issuing.precertificate_signer("Signer", 6);
    let (carrier, one) = (Profile::carrier("706J", VALIDITY, 1), Profile::numbers(&[&number], VALIDITY, 1));
    let range = Profile::ranges(&[("17035550100", 100)], VALIDITY, 1);
    let mut chains = vec![
        issuing.issue(&carrier).chain(),
        issuing.issue(&one).chain(),
        issuing.issue(&range).chain(),
        issuing.issue_precertificate(&carrier).issued().chain(),
        signer.issue_precertificate(&one).issued().chain(),
        delegate.issue(&one).chain(),
        holder.issue(&range).chain(),
        delegate.chain().to_vec(),
        root.chain().to_vec(),
        limited.issue(&one).chain(),
    ];
    chains.extend(Malformation::ALL.iter().map(|malformation| issuing.issue_malformed(*malformation, 7)));
    chains.retain(|chain| chain.iter().map(Vec::len).sum::<usize>() < 8000);
    let anchor = |authority: &Authority, calling_codes| {
        let certificate = Certificate::from_der(authority.certificate()).expect("a root");
        Anchor { certificate: Arc::new(certificate), calling_codes }
    };
    World { chains, anchors: Anchors::new([anchor(&root, None), anchor(&limited, Some(vec![1]))]) }
});

/// Believes every signature, so that what lies behind them is reached by chains that nobody signed.
struct Credulous;

impl VerifySignature for Credulous {
    fn verify(
        &self,
        _: PublicKeyInfo<'_>,
        _: SignatureAlgorithm,
        _: &[u8],
        _: &[u8],
    ) -> Result<(), SignatureError> {
        Ok(())
    }
}

/// What is admitted becomes a leaf that reads back and has its labels; and an app, which asks for more, takes nothing that a log
/// refuses.
pub fn admission(data: &[u8]) {
    let mut choices = Choices::new(data);
    let flags = choices.byte();
    let mut ders = WORLD.chains[choices.below(WORLD.chains.len())].clone();
    change(&mut choices, &mut ders);
    let Some(chain) = chain(&ders) else { return };
    let verifier: &dyn VerifySignature = if flags & 1 == 0 { &Credulous } else { &Ecdsa };
    let trust = Trust { anchors: &WORLD.anchors, verifier, verified: None };
    let [taken, as_precertificate] =
        [Kind::Final, Kind::Precertificate].map(|kind| admit(&chain, kind, &trust));
    assert!(taken.is_err() || as_precertificate.is_err(), "it is both final and precertificate");
    match (check_chain(&chain, NOW, &trust), &taken) {
        (Ok(believed), Ok(taken)) => assert_eq!(believed.signed_entry(), taken.signed_entry()),
        (Ok(_), Err(refusal)) => panic!("an app takes what a log refuses: {refusal}"),
        (Err(refusal), Ok(_)) => assert!(is_of_apps(refusal.rule), "a log takes it, an app: {refusal}"),
        (Err(refusal), Err(other)) => assert_eq!(refusal, *other),
    }
    for admitted in [taken, as_precertificate].into_iter().flatten() {
        logged(&admitted);
    }
}

fn is_of_apps(rule: Rule) -> bool {
    use Rule::*;
    matches!(rule, NotYetValid | Expired | NotEcdsa | CriticalExtension | SignatureUnsupported)
}

fn logged(admitted: &Admitted) {
    let submission = Submission::of(admitted);
    assert_eq!(submission.identity().encode()[2..], admitted.signed_entry());
    let hidden = Hidden {
        labels: (0..admitted.class().numbers().len()).map(label).collect(),
        certificate_id: CertificateId([1; 16]),
        opening: Opening::new([2; 32]),
    };
    let entry = submission.open_entry().or_else(|| submission.number_entry(&hidden)).expect("one of both");
    let leaf = Leaf { timestamp: 1, entry, index: 1 };
    // Labels beside a long key do not fit: the log says so.
    let Ok(bytes) = leaf.encode() else { return };
    assert_eq!(Leaf::decode(&bytes).as_ref(), Ok(&leaf));
    let expected = if submission.is_hidden() { hidden.labels } else { open_labels(admitted.class()) };
    assert_eq!(labels_of(&leaf), expected);
    assert!(!submission.is_hidden() || !holds_number(&bytes, admitted), "a number is in its leaf");
    let item = ChainItem::of(admitted).encode();
    assert_eq!(ChainItem::decode(&item).map(|item| item.encode()), Ok(item));
    assert_eq!(
        admitted.public_issuers().filter(|issuer| issuer.class().is_ok_and(|c| c.is_hidden())).count(),
        0
    );
}

/// Whether a number is in a leaf elsewhere than in the key, which is shown and may be anything.
fn holds_number(leaf: &[u8], admitted: &Admitted) -> bool {
    let is_in = |bytes: &[u8], digits: &str| {
        digits.len() > 8 && bytes.windows(digits.len()).any(|window| window == digits.as_bytes())
    };
    let mut numbers = admitted.class().numbers().iter();
    numbers
        .any(|number| is_in(leaf, number.digits()) && !is_in(admitted.certificate().spki(), number.digits()))
}

fn label(number: usize) -> Label {
    let mut bytes = [0; 32];
    bytes[1..3].copy_from_slice(&(number as u16).to_be_bytes());
    Label::new(bytes)
}

/// Changes of the chain, and of values inside of its certificates.
fn change(choices: &mut Choices<'_>, ders: &mut Vec<Vec<u8>>) {
    for _ in 0..6 {
        if choices.is_over() || ders.is_empty() {
            return;
        }
        let (what, which) = (choices.byte(), choices.below(ders.len()));
        match what % 16 {
            0 => drop(ders.remove(which)),
            1 => ders.push(ders[which].clone()),
            2 => ders.swap(0, which),
            3 => choices.change(&mut ders[which]),
            4 => {
                let other = &WORLD.chains[choices.below(WORLD.chains.len())];
                ders[which] = other[choices.below(other.len())].clone();
            }
            what => change_value(choices, &mut ders[which], what),
        }
    }
}

fn change_value(choices: &mut Choices<'_>, der: &mut Vec<u8>, what: u8) {
    let Some(mut nodes) = der::read(der, 16) else { return };
    let mut place = choices.below(der::count(&nodes).max(1));
    let (tag, bytes) = (choices.byte(), choices.byte());
    let mut edit = |nodes: &mut Vec<Node>, at: usize| match what {
        5 => drop(nodes.remove(at)),
        6 => nodes.insert(at, nodes[at].clone()),
        7 => nodes[at].tag = tag,
        8 => {
            let other = usize::from(tag) % nodes.len();
            nodes.swap(at, other);
        }
        9 => nodes.insert(at, Node { tag, content: Content::Bytes(choices.take(bytes.into()).to_vec()) }),
        _ => match &mut nodes[at].content {
            Content::Bytes(content) if what < 13 => choices.change(content),
            content => *content = Content::Bytes(choices.take(bytes.into()).to_vec()),
        },
    };
    der::at(&mut nodes, &mut place, &mut edit);
    *der = der::write(&nodes);
}
