//! chain.json.

use std::sync::Arc;

use serde_json::{Value, json};
use tnlog::admission::{Kind, Trust, admit, check_chain};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::client::signatures::Ring;
use tnlog::rule::{Refusal, Rule};
use tnlog::signature::Ecdsa;
use tnlog::synthetic::{Authority, Extension, KeyPair, Malformation, Profile, TnEntry, Validity, der};

use crate::case::{File, Pool, bad, good};
use crate::world::{NOW, START, issuing, root, validity};

/// A question about a chain: as a log asks (`final`, `precertificate`), or as an app does (`app`, with a time).
pub struct Question {
    name: String,
    comment: &'static str,
    chain: Vec<Vec<u8>>,
    role: &'static str,
    roots: Vec<(Vec<u8>, Option<Vec<u16>>)>,
    now: i64,
    expected: Option<&'static str>,
    certificate: Option<usize>,
}

impl Question {
    pub fn new(name: &str, comment: &'static str, chain: Vec<Vec<u8>>) -> Self {
        let roots = vec![(root().certificate().to_vec(), None)];
        Question {
            name: name.into(),
            comment,
            chain,
            role: "final",
            roots,
            now: NOW,
            expected: None,
            certificate: None,
        }
    }

    pub fn role(self, role: &'static str) -> Self {
        Question { role, ..self }
    }

    pub fn app_at(self, now: i64) -> Self {
        Question { role: "app", now, ..self }
    }

    pub fn roots(self, roots: &[&[u8]]) -> Self {
        Question { roots: roots.iter().map(|der| (der.to_vec(), None)).collect(), ..self }
    }

    pub fn codes(mut self, codes: &[u16]) -> Self {
        self.roots[0].1 = Some(codes.to_vec());
        self
    }

    pub fn refused(self, error: &'static str) -> Self {
        Question { expected: Some(error), ..self }
    }

    /// Refused, and which certificate that tells.
    pub fn refused_at(self, error: &'static str, certificate: usize) -> Self {
        Question { expected: Some(error), certificate: Some(certificate), ..self }
    }

    /// The case, after the library has answered as it was expected to.
    fn case(&self, pool: &mut Pool) -> Value {
        let answer = self.answer();
        let slug = answer.as_ref().err().map(|refusal| refusal.rule.slug());
        assert_eq!(slug, self.expected, "{}", self.name);
        if let (Err(refusal), Some(certificate)) = (&answer, self.certificate) {
            assert_eq!(refusal.certificate, certificate, "{}", self.name);
        }
        let chain = pool.chain(&self.chain);
        let root = |(der, codes): &(Vec<u8>, Option<Vec<u16>>)| json!({"certificate": pool.add(der), "calling_codes": codes});
        let roots: Vec<_> = self.roots.iter().map(root).collect();
        let mut fields = json!({"chain": chain, "roots": roots, "as": self.role});
        if self.role == "app" {
            fields["now"] = self.now.into();
        }
        match answer {
            Ok(()) => good(&self.name, self.comment, fields),
            Err(refusal) => {
                fields["certificate"] = refusal.certificate.into();
                bad(&self.name, refusal.rule.slug(), self.comment, fields)
            }
        }
    }

    fn answer(&self) -> Result<(), Refusal> {
        let mut chain = Vec::new();
        for (index, der) in self.chain.iter().enumerate() {
            let parsed = Certificate::from_der(der.clone());
            chain.push(Arc::new(
                parsed.map_err(|error| Refusal { rule: Rule::from(error), certificate: index })?,
            ));
        }
        let anchors = self.roots.iter().map(|(der, codes)| Anchor {
            certificate: Arc::new(Certificate::from_der(der.clone()).expect("a root")),
            calling_codes: codes.clone(),
        });
        let anchors = Anchors::new(anchors);
        let app = Trust { anchors: &anchors, verifier: &Ecdsa, verified: None };
        let log = Trust { verifier: &Ring, ..app };
        match self.role {
            "app" => check_chain(&chain, self.now, &app).map(|_| ()),
            "final" => admit(&chain, Kind::Final, &log).map(|_| ()),
            _ => admit(&chain, Kind::Precertificate, &log).map(|_| ()),
        }
    }
}

pub fn chain() -> File {
    let mut questions = good_chains();
    questions.extend(app_chains());
    questions.extend(bad_shapes());
    questions.extend(encompassing());
    questions.extend(crate::chain_rules::questions());
    questions.extend(crate::chain_der::questions());
    questions.extend(MALFORMED.iter().map(|(malformation, error)| malformed(*malformation, *error)));
    let mut file = File::new(
        "chain",
        "Chains that a log or an app takes or refuses (formats.md §11, §12). `certificate` says which one of the chain is refused. \
         Certificates are named; `certificates` has their DER.",
        Vec::new(),
    );
    file.cases = questions.iter().map(|question| question.case(&mut file.certificates)).collect();
    file
}

fn carrier() -> Profile {
    Profile::carrier("706J", validity(), 1)
}

fn good_chains() -> Vec<Question> {
    let chain = issuing().issue(&carrier()).chain();
    let without_root = chain[..2].to_vec();
    let number = issuing().issue(&Profile::numbers(&["17035550123"], validity(), 1)).chain();
    let ca = root().subordinate("Example Issuing CA 2", None, 2);
    let signer = ca.precertificate_signer("Example Precertificate Signer", 2);
    let root_key = root();
    let cross = {
        let other = Authority::self_signed(
            Profile::authority("", None, validity(), 9).subject(root().name().clone()),
        );
        Question::new("two-roots", "two roots of one name: the one whose key verifies", without_root.clone())
            .roots(&[other.certificate(), root_key.certificate()])
    };
    vec![
        Question::new("carrier", "with its root", chain.clone()),
        Question::new("without-root", "the root is left out", without_root),
        Question::new("root-alone", "an accepted root is logged", root().chain().to_vec()),
        Question::new("expired-log", "a log takes expired certificates", issuing().issue(&expired()).chain()),
        Question::new(
            "precertificate",
            "a precertificate",
            issuing().issue_precertificate(&carrier()).issued().chain(),
        )
        .role("precertificate"),
        Question::new(
            "precertificate-signer",
            "by a precertificate signing certificate",
            signer.issue_precertificate(&carrier()).issued().chain(),
        )
        .role("precertificate"),
        Question::new("calling-code", "the root issues for 1", number.clone()).codes(&[1, 44]),
        Question::new("carrier-calling-code", "a code has no calling code", chain.clone()).codes(&[44]),
        Question::new(
            "null-parameters",
            "ECDSA with NULL parameters, which RFC 5758 forbids and real CAs write",
            null_parameters(),
        )
        .app_at(NOW),
        Question::new(
            "serial-21",
            "a serial number of 21 octets",
            issuing().issue(&carrier().serial(&[0x55; 21])).chain(),
        ),
        Question::new(
            "serial-22",
            "a serial number of 22 octets",
            issuing().issue(&carrier().serial(&[0x55; 22])).chain(),
        )
        .refused("malformed-certificate"),
        Question::new("p384", "a key of P-384 signs", p384().issue(&carrier()).chain()).app_at(NOW),
        cross,
        Question::new("other-calling-code", "the root issues for 44", number)
            .codes(&[44])
            .refused("calling-code"),
    ]
}

fn null_parameters() -> Vec<Vec<u8>> {
    let ca = issuing();
    let mut draft = ca.draft(&carrier());
    let algorithm = der::sequence(&[der::oid(const_oid::db::rfc5912::ECDSA_WITH_SHA_256), der::null()]);
    (draft.signature, draft.signature_algorithm) = (algorithm.clone(), algorithm);
    [vec![draft.sign(ca.key())], ca.chain().to_vec()].concat()
}

fn p384() -> Authority {
    root()
        .issue(&Profile::authority("Example P-384 CA", None, validity(), 3).key(KeyPair::p384(3)))
        .into_authority()
}

fn expired() -> Profile {
    Profile::carrier("706J", Validity::days(START, 1), 1)
}

fn app_chains() -> Vec<Question> {
    let chain = issuing().issue(&carrier()).chain();
    let end = validity().not_after as i64;
    let future = Profile::carrier("706J", Validity::days(START + 864_000, 30), 1);
    let policies = Extension::critical(
        const_oid::ObjectIdentifier::new_unwrap("2.5.29.32"),
        Extension::shaken_policy().value,
    );
    let app =
        |name: &str, comment, chain: &[Vec<u8>]| Question::new(name, comment, chain.to_vec()).app_at(NOW);
    vec![
        app("app", "valid now", &chain),
        app("app-first-second", "notBefore itself", &chain).app_at(START as i64),
        app("app-last-second", "notAfter itself", &chain).app_at(end),
        app("app-before", "a second before", &chain).app_at(START as i64 - 1).refused("not-yet-valid"),
        app("app-after", "a second after", &chain).app_at(end + 1).refused("expired"),
        app("app-expired", "expired", &issuing().issue(&expired()).chain()).refused("expired"),
        app("app-future", "not valid yet", &issuing().issue(&future).chain()).refused("not-yet-valid"),
        app(
            "app-critical",
            "critical certificate policies",
            &issuing().issue(&carrier().extension(policies)).chain(),
        )
        .refused("critical-extension"),
        app("app-other-root", "the app trusts another root", &chain)
            .roots(&[Authority::root("Other Root", 5, validity()).certificate()])
            .refused("unknown-root"),
        app(
            "app-precertificate",
            "an app takes no precertificate",
            &issuing().issue_precertificate(&carrier()).issued().chain(),
        )
        .refused("precertificate-to-add-chain"),
    ]
}

fn bad_shapes() -> Vec<Question> {
    let chain = issuing().issue(&carrier()).chain();
    let ask = |name: &str, comment, chain: Vec<Vec<u8>>| Question::new(name, comment, chain);
    let twice = [chain.clone(), vec![chain[2].clone()]].concat();
    let long = (0..11)
        .map(|seed| issuing().issue(&Profile::carrier("706J", validity(), seed)).certificate().to_vec());
    let pre = issuing().issue_precertificate(&carrier()).issued().chain();
    let signer = root().precertificate_signer("Example Precertificate Signer", 2);
    let signer_chain = signer.issue_precertificate(&carrier()).issued().chain();
    let signer_root = ask(
        "signer-is-root",
        "the issuer of the final certificate is not in the chain",
        signer_chain[..2].to_vec(),
    )
    .roots(&[signer.certificate()]);
    let poisoned = root()
        .issue(&Profile::authority("Poisoned CA", None, validity(), 4).extension(Extension::poison()))
        .into_authority();
    vec![
        ask("empty", "no certificate", vec![]).refused("empty-chain"),
        ask("eleven", "eleven certificates", long.collect()).refused("chain-too-long"),
        ask("twice", "the root twice", twice).refused("duplicate-in-chain"),
        ask("gap", "the issuing CA is missing", vec![chain[0].clone(), chain[2].clone()])
            .refused("wrong-issuer"),
        ask("leaf-alone", "its issuer is no root", vec![chain[0].clone()]).refused("unknown-root"),
        ask("precertificate-as-final", "a poison", pre).refused("precertificate-to-add-chain"),
        ask("final-as-precertificate", "no poison", chain)
            .role("precertificate")
            .refused("certificate-to-add-pre-chain"),
        ask(
            "signer-issues-final",
            "a precertificate signing certificate issues nothing else",
            signer.issue(&carrier()).chain(),
        )
        .refused("precertificate-signer"),
        signer_root.role("precertificate").refused("unknown-root"),
        ask("poisoned-issuer", "an issuer with a poison", poisoned.issue(&carrier()).chain())
            .refused("poisoned-issuer"),
    ]
}

fn encompassing() -> Vec<Question> {
    let ca = root().subordinate("Example Issuing CA 2", None, 2);
    let numbers =
        ca.delegate("Delegate of Numbers", &[TnEntry::one("17035550123"), TnEntry::one("17035550124")], 2);
    let blocks = ca.delegate("Delegate of Blocks", &[TnEntry::range("17035550100", 100)], 2);
    let spcs = ca.delegate("Delegate of a Carrier", &[TnEntry::spc("706J")], 2);
    let holder = |numbers: &[&str]| Profile::numbers(numbers, validity(), 1);
    let below = |ca: &Authority, profile: &Profile| ca.issue(profile).chain();
    let ask = |name: &str, comment, chain| Question::new(&format!("encompassing-{name}"), comment, chain);
    let unlimited = numbers.subordinate("Unlimited below Numbers", None, 6);
    let unreadable_list = Extension::new(tnlog::synthetic::TN_AUTH_LIST, vec![0x30, 0x00]);
    let unreadable = ca
        .issue(&Profile::authority("Unreadable CA", None, validity(), 7).extension(unreadable_list.clone()))
        .into_authority();
    let between = spcs.subordinate("Between", None, 8);
    vec![
        ask("number", "one of the delegate's numbers", below(&numbers, &holder(&["17035550123"]))),
        ask("block-number", "a number of the delegate's block", below(&blocks, &holder(&["17035550123"]))),
        ask("spc-number", "a number below a carrier", below(&spcs, &holder(&["12025550100"]))),
        ask("other-number", "another number", below(&numbers, &holder(&["17035550125"])))
            .refused("not-encompassed"),
        ask("block-other-number", "a number outside of the block", below(&blocks, &holder(&["17035550200"])))
            .refused("not-encompassed"),
        ask("other-spc", "another code", below(&spcs, &Profile::carrier("A1", validity(), 1)))
            .refused("not-encompassed"),
        ask(
            "other-spc-through",
            "another code, below a CA between that names nothing",
            below(&between, &Profile::carrier("A1", validity(), 1)),
        )
        .refused("not-encompassed"),
        ask("spc-below-numbers", "something open below numbers", below(&numbers, &carrier()))
            .refused("open-below-numbers"),
        ask(
            "unlimited-below-numbers",
            "a CA below numbers that names nothing",
            below(&unlimited, &holder(&["17035550123"])),
        )
        .refused("open-below-numbers"),
        ask("unreadable-issuer", "an issuer whose list does not decode", below(&unreadable, &carrier()))
            .refused("unreadable-issuer"),
        ask(
            "unreadable-below-blocks",
            "an unreadable list below blocks",
            below(&blocks, &carrier().extension(unreadable_list)),
        )
        .refused("not-encompassed"),
    ]
}

fn malformed(malformation: Malformation, error: Option<&'static str>) -> Question {
    let name = format!("{}-{}", if error.is_some() { "malformed" } else { "odd" }, malformation.name());
    let chain = root().issue_malformed(malformation, 40);
    let role = if malformation.is_precertificate() { "precertificate" } else { "final" };
    let comment = match error {
        Some(_) => "one thing is wrong, as the name says",
        None => "one thing is odd, as the name says, and is not looked at",
    };
    Question { expected: error, ..Question::new(&name, comment, chain).role(role) }
}

/// What a log says to each malformation. One that is too large is left out, for its size.
const MALFORMED: &[(Malformation, Option<&str>)] = {
    use Malformation as M;
    &[
        (M::TruncatedDer, Some("malformed-certificate")),
        (M::TrailingBytes, Some("malformed-certificate")),
        (M::LongLength, Some("malformed-certificate")),
        (M::IndefiniteLength, Some("malformed-certificate")),
        (M::VersionOne, None),
        (M::NegativeSerial, None),
        (M::HugeSerial, Some("malformed-certificate")),
        (M::ReversedValidity, None),
        (M::ImpossibleTime, Some("malformed-certificate")),
        (M::WrongSignature, Some("bad-signature")),
        (M::AlgorithmMismatch, Some("malformed-certificate")),
        (M::Sha1Signature, Some("unsupported-signature-algorithm")),
        (M::UnsupportedSignatureAlgorithm, Some("unsupported-signature-algorithm")),
        (M::UnsupportedSubjectCurve, None),
        (M::PointOffCurve, None),
        (M::UnsupportedIssuerCurve, Some("unsupported-issuer-key")),
        (M::WrongIssuerName, Some("wrong-issuer")),
        (M::IssuerNotCa, Some("not-a-ca")),
        (M::IssuerWithoutKeyCertSign, Some("may-not-sign")),
        (M::PathLengthExceeded, Some("path-length")),
        (M::NegativePathLength, Some("malformed-certificate")),
        (M::HugePathLength, Some("malformed-certificate")),
        (M::ChainOutOfOrder, Some("wrong-issuer")),
        (M::UnknownRoot, Some("unknown-root")),
        (M::StrangerInChain, Some("wrong-issuer")),
        (M::DelegateBeyondParent, Some("not-encompassed")),
        (M::DelegateCaBeyondParent, Some("not-encompassed")),
        (M::NoTnAuthList, Some("no-tnauthlist")),
        (M::EmptyTnAuthList, None),
        (M::TwoTnAuthLists, Some("malformed-certificate")),
        (M::TnAuthListTrailingBytes, None),
        (M::UnreadableTnAuthList, None),
        (M::UnreadableTnAuthListWithNumber, Some("unreadable-tnauthlist-with-digits")),
        (M::TnAuthListByReference, Some("tnauthlist-by-reference")),
        (M::MixedSpcAndNumber, Some("mixed-kinds")),
        (M::MixedSpcAndRange, Some("mixed-kinds")),
        (M::MixedRangeAndNumber, Some("mixed-kinds")),
        (M::SpcOddCharacters, Some("bad-service-provider-code")),
        (M::SpcTooLong, Some("bad-service-provider-code")),
        (M::SpcEmpty, Some("bad-service-provider-code")),
        (M::RangeUnderTen, Some("range-under-ten")),
        (M::RangeOfTwoLengths, Some("range-lengths-differ")),
        (M::RangeOverflow, Some("range-lengths-differ")),
        (M::RangeNegativeCount, Some("range-under-ten")),
        (M::TooManyBlocks, Some("too-many-blocks")),
        (M::NumberWithHash, Some("bad-number")),
        (M::NumberWithStar, Some("bad-number")),
        (M::NumberLeadingZero, Some("bad-number")),
        (M::NumberTooLong, Some("bad-number")),
        (M::NumberEmpty, Some("bad-number")),
        (M::NumberWithPlus, Some("bad-number")),
        (M::TooManyNumbers, Some("too-many-entries")),
        (M::SubjectTelephoneAttribute, Some("number-in-subject")),
        (M::SubjectPlusNumber, Some("number-in-subject")),
        (M::SubjectTelUri, Some("number-in-subject")),
        (M::AlternativeTelUri, Some("number-in-subject-alternative-name")),
        (M::AlternativeSipUri, Some("number-in-subject-alternative-name")),
        (M::AlternativeTelephoneAttribute, Some("number-in-subject-alternative-name")),
        (M::ClaimConstraintsNumber, Some("number-in-claim-constraints")),
        (M::EnhancedClaimConstraintsNumber, Some("number-in-claim-constraints")),
        (M::PoisonMissing, Some("certificate-to-add-pre-chain")),
        (M::PoisonNotCritical, Some("bad-poison")),
        (M::PoisonNotNull, Some("bad-poison")),
        (M::PoisonAndScts, None),
        (M::SctListUnreadable, None),
    ]
};
