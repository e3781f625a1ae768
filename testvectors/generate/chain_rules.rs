//! Chains for chain.json, rule by rule where the first ones leave something open.

use const_oid::ObjectIdentifier;
use tnlog::certificate::Certificate;
use tnlog::synthetic::{Authority, Draft, Extension, KeyPair, POISON, Profile, TnEntry, Validity, der};

use crate::chains::Question;
use crate::world::{NOW, START, issuing, root, validity};

/// Made with OpenSSL: see testvectors/external/README.md.
const RSA: &str = include_str!("../external/rsa-chain.pem");
const RSA_WITH_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.4");

pub fn questions() -> Vec<Question> {
    [shapes(), roots(), lengths_of_paths(), signers(), signatures(), rsa(), apps()]
        .into_iter()
        .flatten()
        .collect()
}

fn carrier() -> Profile {
    Profile::carrier("706J", validity(), 1)
}

fn authority(name: &str, seed: u64) -> Profile {
    Profile::authority(name, None, validity(), seed)
}

fn ask(name: &str, comment: &'static str, chain: Vec<Vec<u8>>) -> Question {
    Question::new(name, comment, chain)
}

fn critical_policies() -> Extension {
    Extension::critical(POLICIES, Extension::shaken_policy().value)
}

/// The carrier's certificate by the issuing CA, changed before it is signed.
fn drafted(change: impl FnOnce(&mut Draft)) -> Vec<Vec<u8>> {
    let ca = issuing();
    let mut draft = ca.draft(&carrier());
    change(&mut draft);
    [vec![draft.sign(ca.key())], ca.chain().to_vec()].concat()
}

fn shapes() -> Vec<Question> {
    let mut eleven: Vec<_> = (0..11)
        .map(|seed| issuing().issue(&Profile::carrier("706J", validity(), seed)).certificate().to_vec())
        .collect();
    eleven[10].truncate(100);
    let bad_poison = Extension::new(POISON, der::null());
    let poisoned = root().issue(&authority("Poisoned CA", 4).extension(bad_poison.clone())).into_authority();
    let mut usage = Vec::new();
    for (name, bits) in [("encipherment", 0x08), ("crl-signing", 0x02)] {
        let extension = Extension::critical(KEY_USAGE, der::bit_string(1, &[bits]));
        let ca = root().issue(&authority("No Signer", 4).extension(extension)).into_authority();
        let question = ask(
            &format!("usage-{name}"),
            "an issuer with a key usage beside keyCertSign",
            ca.issue(&carrier()).chain(),
        );
        usage.push(question.refused_at("may-not-sign", 1));
    }
    let mut questions = vec![
        ask("eleven-malformed", "the limit is looked at after all have been parsed", eleven)
            .refused_at("malformed-certificate", 10),
        ask("too-long", "65,001 bytes, whatever they are", vec![vec![0; 65_001]])
            .refused_at("certificate-too-long", 0),
        ask(
            "bad-poison-final",
            "a poison that is not critical",
            issuing().issue(&carrier().extension(bad_poison)).chain(),
        )
        .refused_at("bad-poison", 0),
        ask("poisoned-issuer-bad", "an issuer with any poison", poisoned.issue(&carrier()).chain())
            .refused_at("poisoned-issuer", 1),
    ];
    questions.extend(usage);
    questions
}

fn roots() -> Vec<Question> {
    let chain = issuing().issue(&carrier()).chain();
    let named = |seed| Authority::self_signed(authority("", seed).subject(root().name().clone()));
    let (one, two) = (named(8), named(9));
    let ca = issuing();
    let in_the_open = Authority::root("+1 703 555 0123", 1, validity());
    let below = in_the_open.issue(&carrier()).chain();
    vec![
        ask(
            "two-wrong-roots",
            "two roots of the name and neither verifies: the first is added",
            chain[..2].to_vec(),
        )
        .roots(&[one.certificate(), two.certificate()])
        .refused_at("bad-signature", 1),
        ask(
            "subordinate-alone",
            "an accepted CA alone that is not self-issued, whose issuer is no root",
            vec![ca.certificate().to_vec()],
        )
        .roots(&[ca.certificate()])
        .refused_at("unknown-root", 0),
        ask(
            "subordinate-and-root-alone",
            "the same, and its issuer is a root as well",
            vec![ca.certificate().to_vec()],
        )
        .roots(&[ca.certificate(), root().certificate()]),
        ask("subordinate-root", "a CA that is not self-issued is a root", chain[..2].to_vec())
            .roots(&[ca.certificate()]),
        ask("added-root-class", "a root that was added has a number in its subject", below[..1].to_vec())
            .roots(&[in_the_open.certificate()])
            .refused_at("number-in-subject", 1),
    ]
}

fn lengths_of_paths() -> Vec<Question> {
    let ca = root().subordinate("Last CA", Some(0), 3);
    let renewed =
        ca.issue(&authority("", 9).subject(ca.name().clone()).key(KeyPair::p256(99))).into_authority();
    let pre = ca.precertificate_signer("Signer below the Last CA", 2).issue_precertificate(&carrier());
    let one = root().subordinate("Last but One CA", Some(1), 3);
    let second = one.subordinate("Second CA", None, 3);
    let third = second.subordinate("Third CA", None, 3);
    vec![
        ask("path-self-issued", "a self-issued CA is not counted", renewed.issue(&carrier()).chain()),
        ask(
            "path-ca-submitted",
            "certificate 0 is not counted, though it is a CA",
            ca.issue(&authority("Submitted CA", 3)).chain(),
        ),
        ask("path-signer", "a precertificate signing certificate is not counted", pre.issued().chain())
            .role("precertificate"),
        ask("path-one", "one CA below a path length of one", second.issue(&carrier()).chain()),
        ask("path-two", "two CAs below a path length of one", third.issue(&carrier()).chain())
            .refused_at("path-length", 3),
    ]
}

fn signers() -> Vec<Question> {
    let ca = root().subordinate("Example Issuing CA 2", None, 2);
    let numbers = ca.delegate("Delegate of Numbers", &[TnEntry::one("17035550123")], 2);
    let signer = numbers.precertificate_signer("Signer below Numbers", 2);
    let holder = |digits: &str| Profile::numbers(&[digits], validity(), 1);
    let below = |profile: &Profile| signer.issue_precertificate(profile).issued().chain();
    let two_uses =
        Extension::new(EXTENDED_KEY_USAGE, der::sequence(&[der::oid(SERVER_AUTH), der::oid(SIGNING)]));
    let both = ca.issue(&authority("Signer of Both", 5).extension(two_uses)).into_authority();
    let lone = root().precertificate_signer("Example Precertificate Signer", 2);
    let second = lone.precertificate_signer("Signer below a Signer", 2);
    vec![
        ask(
            "signer-below-numbers",
            "a signing certificate that names nothing passes numbers on",
            below(&holder("17035550123")),
        )
        .role("precertificate"),
        ask(
            "signer-below-numbers-other",
            "and another number is not encompassed",
            below(&holder("17035550124")),
        )
        .role("precertificate")
        .refused_at("not-encompassed", 0),
        ask(
            "signer-two-uses",
            "a CA with the extended key usage and another",
            both.issue(&carrier()).chain(),
        )
        .refused_at("precertificate-signer", 1),
        ask(
            "signer-added-root",
            "the root that was added is a signing certificate",
            lone.issue(&carrier()).chain()[..1].to_vec(),
        )
        .roots(&[lone.certificate()])
        .refused_at("precertificate-signer", 1),
        ask(
            "signer-twice",
            "two signing certificates",
            second.issue_precertificate(&carrier()).issued().chain(),
        )
        .role("precertificate")
        .refused_at("precertificate-signer", 2),
    ]
}

fn signatures() -> Vec<Question> {
    let ca = issuing();
    let draft = ca.draft(&carrier());
    let right = ca.key().sign(&draft.tbs());
    let with = |signature: &[u8]| [vec![draft.with_signature(signature)], ca.chain().to_vec()].concat();
    let mut questions = vec![
        ask(
            "signature-other-s",
            "s and the order less s are both right",
            with(&crate::ecdsa::negated(&right)),
        )
        .app_at(NOW),
    ];
    for role in ["final", "app"] {
        for (name, comment, signature) in crate::ecdsa::changed(&right) {
            let question = ask(&format!("signature-{name}-{role}"), comment, with(&signature));
            questions.push(question.role(role).refused_at("bad-signature", 0));
        }
    }
    let algorithm = |parameters: Vec<u8>| {
        let oid = der::oid(const_oid::db::rfc5912::ECDSA_WITH_SHA_256);
        drafted(|draft| {
            draft.signature = der::sequence(&[oid, parameters]);
            draft.signature_algorithm = draft.signature.clone();
        })
    };
    let unsupported = "unsupported-signature-algorithm";
    questions.extend([
        ask("parameters-other", "parameters that are neither absent nor NULL", algorithm(der::sequence(&[])))
            .refused_at(unsupported, 0),
        ask("parameters-null-filled", "a NULL with content", algorithm(vec![5, 1, 0]))
            .refused_at(unsupported, 0),
        ask("off-curve-issuer", "the issuer's key is no point of its curve", off_curve_issuer())
            .refused_at("bad-signature", 0),
    ]);
    questions
}

fn off_curve_issuer() -> Vec<Vec<u8>> {
    let profile = authority("CA off its Curve", 4);
    let mut draft = root().draft(&profile);
    draft.spki = off_curve(&draft.spki);
    let mut chain = root().issue(&profile).into_authority().issue(&carrier()).chain();
    chain[1] = draft.sign(root().key());
    chain
}

fn off_curve(spki: &[u8]) -> Vec<u8> {
    let mut spki = spki.to_vec();
    *spki.last_mut().expect("a key") ^= 1;
    spki
}

fn rsa() -> Vec<Question> {
    let ders: Vec<_> = Certificate::from_pem_bundle(RSA)
        .expect("four certificates")
        .iter()
        .map(|c| c.der().to_vec())
        .collect();
    let (chain, root, short) = (ders[..3].to_vec(), ders[2].clone(), ders[3].clone());
    let mut damaged = chain.clone();
    *damaged[1].last_mut().expect("a certificate") ^= 1;
    let below = |issuer: &[u8], algorithm: Option<ObjectIdentifier>| {
        let name = Certificate::from_der(issuer).expect("a root").subject().to_vec();
        let mut chain = drafted(|draft| {
            draft.issuer = name;
            if let Some(oid) = algorithm {
                draft.signature = der::sequence(&[der::oid(oid), der::null()]);
                draft.signature_algorithm = draft.signature.clone();
            }
        });
        chain.truncate(1);
        chain.push(issuer.to_vec());
        chain
    };
    let rsa_key = Certificate::from_der(root.clone()).expect("a root").spki().to_vec();
    let claimed = drafted(|draft| {
        draft.signature = der::sequence(&[der::oid(RSA_WITH_SHA_256), der::null()]);
        draft.signature_algorithm = draft.signature.clone();
    });
    vec![
        ask("rsa", "a root with an RSA key of 2048 bits, for a log", chain.clone()).roots(&[&root]),
        ask("rsa-app", "the same for an app, which takes ECDSA alone", chain)
            .roots(&[&root])
            .app_at(NOW)
            .refused_at("unsupported-signature", 1),
        ask("rsa-damaged", "a bit of the RSA signature", damaged)
            .roots(&[&root])
            .refused_at("bad-signature", 1),
        ask("rsa-short", "an RSA key of 1024 bits", below(&short, Some(RSA_WITH_SHA_256)))
            .roots(&[&short])
            .refused_at("unsupported-rsa-length", 1),
        ask("rsa-key-ecdsa-signature", "ECDSA by an RSA key", below(&root, None))
            .roots(&[&root])
            .refused_at("unsupported-signature", 0),
        ask("rsa-signature-ec-key", "RSA by a P-256 key", claimed).refused_at("unsupported-signature", 0),
        ask(
            "rsa-subject-log",
            "the submitted key is RSA: a log does not look",
            drafted(|draft| draft.spki = rsa_key.clone()),
        ),
        ask(
            "rsa-subject-app",
            "the submitted key is RSA: an app does",
            drafted(|draft| draft.spki = rsa_key.clone()),
        )
        .app_at(NOW)
        .refused_at("not-ecdsa", 0),
    ]
}

fn apps() -> Vec<Question> {
    let short = Validity::days(START, 1);
    let future = Validity::days(START + 864_000, 30);
    let ca = |validity, extension: Option<Extension>| {
        let mut profile = Profile::authority("Example Other CA", None, validity, 6);
        if let Some(extension) = extension {
            profile = profile.extension(extension);
        }
        root().issue(&profile).into_authority().issue(&carrier()).chain()
    };
    let app = |name: &str, comment, chain| ask(&format!("app-{name}"), comment, chain).app_at(NOW);
    let under = |name: &str, comment, profile: Profile| {
        let root = Authority::self_signed(profile);
        app(name, comment, root.issue(&carrier()).chain()).roots(&[root.certificate()])
    };
    let root_of = |validity| Profile::authority("Example Other Root", None, validity, 6);
    let own_curve = drafted(|draft| draft.spki = off_curve(&draft.spki));
    let compressed = drafted(|draft| {
        let (head, point) = draft.spki.split_at(draft.spki.len() - 65);
        let sign = 2 + (point[64] & 1);
        let algorithm = head[2..23].to_vec();
        draft.spki = der::sequence(&[algorithm, der::bit_string(0, &[&[sign], &point[1..33]].concat())]);
    });
    let expired_and_critical = Profile::carrier("706J", short, 1).extension(critical_policies());
    vec![
        app("issuer-expired", "the issuing CA has expired", ca(short, None)).refused_at("expired", 1),
        app("issuer-future", "the issuing CA is not valid yet", ca(future, None))
            .refused_at("not-yet-valid", 1),
        app(
            "issuer-critical",
            "the issuing CA has critical policies",
            ca(validity(), Some(critical_policies())),
        )
        .refused_at("critical-extension", 1),
        under("root-expired", "the root has expired", root_of(short)).refused_at("expired", 1),
        under(
            "root-critical",
            "the root has critical policies",
            root_of(validity()).extension(critical_policies()),
        )
        .refused_at("critical-extension", 1),
        app("key-off-curve", "the key is no point of its curve", own_curve).refused_at("not-ecdsa", 0),
        app("key-compressed", "the key is a compressed point", compressed).refused_at("not-ecdsa", 0),
        app(
            "order",
            "expired and with critical policies: the first of its rules",
            issuing().issue(&expired_and_critical).chain(),
        )
        .refused_at("expired", 0),
        app(
            "order-certificates",
            "certificate 0 has critical policies and the CA has expired: certificate 0 first",
            below_expired(short),
        )
        .refused_at("critical-extension", 0),
    ]
}

fn below_expired(short: Validity) -> Vec<Vec<u8>> {
    let ca = root().issue(&Profile::authority("Example Other CA", None, short, 6)).into_authority();
    ca.issue(&carrier().extension(critical_policies())).chain()
}
