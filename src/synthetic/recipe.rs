//! How each [`Malformation`] is made.

use super::extension::TN_AUTH_LIST;
use super::key::{algorithm, subject_public_key_info};
use super::{
    Authority, Draft, ENHANCED_JWT_CLAIM_CONSTRAINTS, Extension, JWT_CLAIM_CONSTRAINTS, KeyUsage,
    Malformation, Name, POISON, Profile, SCT_LIST, TnEntry, Validity, der, fictional_number,
};
use const_oid::ObjectIdentifier;

const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ECDSA_WITH_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");

const SPC: &str = "706J";
const NUMBER: &str = "17035550123";
const RANGE_START: &str = "17035550100";

/// At which stage a certificate goes wrong.
enum Recipe {
    /// It is asked for.
    Profile(Box<Profile>),
    /// It is drafted.
    Draft(fn(&mut Draft)),
    /// Its issuing CA is drafted.
    IssuerDraft(fn(&mut Draft)),
    /// It is signed.
    Bytes(fn(Vec<u8>) -> Vec<u8>),
    /// Its chain is put together.
    Chain(fn(&Authority, &Profile, u64) -> Vec<Vec<u8>>),
}

impl Authority {
    /// A certificate of this authority's that is malformed in this one way, with its chain, each DER, in the order in
    /// which it is submitted. This authority must be one that may have CAs below it.
    pub fn issue_malformed(&self, malformation: Malformation, seed: u64) -> Vec<Vec<u8>> {
        let base = base(self.validity(), seed);
        match recipe(malformation, &base) {
            Recipe::Profile(profile) => self.issue(&profile).chain(),
            Recipe::Draft(damage) => {
                let mut draft = self.draft(&base);
                damage(&mut draft);
                [vec![draft.sign(self.key())], self.chain().to_vec()].concat()
            }
            Recipe::IssuerDraft(damage) => below_damaged_issuer(self, &base, damage, seed),
            Recipe::Bytes(damage) => {
                [vec![damage(self.issue(&base).certificate().to_vec())], self.chain().to_vec()].concat()
            }
            Recipe::Chain(build) => build(self, &base, seed),
        }
    }
}

/// What would be issued if nothing went wrong.
pub(super) fn base(validity: Validity, seed: u64) -> Profile {
    Profile::carrier(SPC, validity, seed)
}

fn recipe(malformation: Malformation, base: &Profile) -> Recipe {
    use Malformation as M;
    match malformation {
        M::TruncatedDer => Recipe::Bytes(|bytes| bytes[..bytes.len() - 10].to_vec()),
        M::TrailingBytes => Recipe::Bytes(|bytes| [bytes, vec![0, 0]].concat()),
        M::LongLength => Recipe::Bytes(|bytes| [&[0x30, 0x83, 0x00], &bytes[2..]].concat()),
        M::IndefiniteLength => Recipe::Bytes(|bytes| [&[0x30, 0x80], &bytes[4..], &[0, 0]].concat()),
        M::VersionOne => Recipe::Draft(|draft| draft.version.clear()),
        M::TooLarge => with_subject(base, carrier_name().with(ORGANIZATIONAL_UNIT, &"x".repeat(70_000))),

        M::NegativeSerial => Recipe::Draft(|draft| draft.serial = der::integer(-1)),
        M::HugeSerial => asked(base.clone().serial(&[0x55; 64])),
        M::ReversedValidity => {
            Recipe::Draft(|draft| draft.validity = der::sequence(&[der::time(1), der::time(0)]))
        }
        M::ImpossibleTime => Recipe::Draft(|draft| {
            draft.validity = der::sequence(&[der::tlv(0x17, b"241301000000Z"), der::time(u64::MAX)]);
        }),

        M::WrongSignature => Recipe::Bytes(|mut bytes| {
            *bytes.last_mut().expect("a certificate is not empty") ^= 1;
            bytes
        }),
        M::AlgorithmMismatch => Recipe::Draft(|draft| draft.signature = algorithm(ECDSA_WITH_SHA384)),
        M::Sha1Signature => Recipe::Draft(|draft| claim_algorithm(draft, ECDSA_WITH_SHA1)),
        M::UnsupportedSignatureAlgorithm => Recipe::Draft(|draft| claim_algorithm(draft, ED25519)),
        M::UnsupportedSubjectCurve => Recipe::Draft(claim_other_curve),
        M::PointOffCurve => Recipe::Draft(|draft| {
            draft.spki = subject_public_key_info(SECP256R1, &[&[4], &[1; 64][..]].concat())
        }),
        M::UnsupportedIssuerCurve => Recipe::IssuerDraft(claim_other_curve),

        M::WrongIssuerName => {
            Recipe::Draft(|draft| draft.issuer = Name::new("Someone", "Someone Else").to_der())
        }
        M::IssuerNotCa => Recipe::Chain(|authority, base, seed| {
            let issuer =
                authority.issue(&self::base(authority.validity(), seed.wrapping_add(1))).into_authority();
            issuer.issue(base).chain()
        }),
        M::IssuerWithoutKeyCertSign => Recipe::IssuerDraft(|draft| {
            replace(draft, Extension::key_usage(KeyUsage::DigitalSignature));
        }),
        M::PathLengthExceeded => Recipe::Chain(|authority, base, seed| {
            let last = authority.subordinate("Last CA", Some(0), seed);
            last.subordinate("One CA Too Many", None, seed).issue(base).chain()
        }),
        M::NegativePathLength => Recipe::IssuerDraft(|draft| replace(draft, Extension::authority(Some(-1)))),
        M::HugePathLength => Recipe::IssuerDraft(|draft| replace(draft, Extension::authority(Some(1 << 70)))),
        M::ChainOutOfOrder => Recipe::Chain(|authority, base, seed| {
            let mut chain = authority.subordinate("Issuing CA", None, seed).issue(base).chain();
            chain[1..].reverse();
            chain
        }),
        M::UnknownRoot => Recipe::Chain(|authority, base, seed| {
            let profile = Profile::authority("", None, authority.validity(), seed ^ u64::MAX);
            Authority::self_signed(profile.subject(authority.name().clone())).issue(base).chain()
        }),
        M::StrangerInChain => Recipe::Chain(|authority, base, seed| {
            let stranger = Authority::root("Stranger", seed ^ u64::MAX, authority.validity());
            [authority.issue(base).chain(), stranger.chain().to_vec()].concat()
        }),
        M::DelegateBeyondParent => Recipe::Chain(|authority, base, seed| {
            let delegate = authority.delegate("Delegate CA", &[TnEntry::range(RANGE_START, 10)], seed);
            delegate.issue(&base.clone().subject(subscriber()).entries(&[TnEntry::one(NUMBER)])).chain()
        }),
        M::DelegateCaBeyondParent => Recipe::Chain(|authority, base, seed| {
            let delegate = authority.delegate("Delegate CA", &[TnEntry::range(RANGE_START, 10)], seed);
            let wider = delegate.delegate("Wider Delegate CA", &[TnEntry::range(RANGE_START, 100)], seed);
            let covered = [TnEntry::range(RANGE_START, 10)];
            wider.issue(&base.clone().subject(subscriber()).entries(&covered)).chain()
        }),

        M::NoTnAuthList => Recipe::Draft(|draft| draft.extensions.retain(|kept| kept.oid != TN_AUTH_LIST)),
        M::EmptyTnAuthList => with_entries(base, &[]),
        M::TwoTnAuthLists => {
            Recipe::Draft(|draft| draft.extensions.push(Extension::tn_auth_list(&[TnEntry::spc("707J")])))
        }
        M::TnAuthListTrailingBytes => {
            let value = [Extension::tn_auth_list(&[TnEntry::spc(SPC)]).value, der::null()].concat();
            with_extension(base, Extension::new(TN_AUTH_LIST, value))
        }
        M::UnreadableTnAuthList => with_extension(base, unreadable_tn_auth_list(&[SPC])),
        M::UnreadableTnAuthListWithNumber => with_extension(base, unreadable_tn_auth_list(&["170", "3555"])),
        M::TnAuthListByReference => {
            with_extension(base, Extension::tn_auth_list_reference("https://numbers.example.com/list"))
        }

        M::MixedSpcAndNumber => with_entries(base, &[TnEntry::spc(SPC), TnEntry::one(NUMBER)]),
        M::MixedSpcAndRange => with_entries(base, &[TnEntry::spc(SPC), TnEntry::range(RANGE_START, 10)]),
        M::MixedRangeAndNumber => {
            with_entries(base, &[TnEntry::range(RANGE_START, 10), TnEntry::one(NUMBER)])
        }

        M::SpcOddCharacters => with_entries(base, &[TnEntry::spc("70-6J")]),
        M::SpcTooLong => with_entries(base, &[TnEntry::spc("706JKLM")]),
        M::SpcEmpty => with_entries(base, &[TnEntry::spc("")]),

        M::RangeUnderTen => with_entries(base, &[TnEntry::range(RANGE_START, 9)]),
        M::RangeOfTwoLengths => with_entries(base, &[TnEntry::range("99999999990", 20)]),
        M::RangeOverflow => with_entries(base, &[TnEntry::range(RANGE_START, i128::MAX)]),
        M::RangeNegativeCount => with_entries(base, &[TnEntry::range(RANGE_START, -10)]),
        M::TooManyBlocks => {
            let ranges = (0..513).map(|n| TnEntry::range(&fictional_number(100 * n), 10));
            with_entries(base, &ranges.collect::<Vec<_>>())
        }

        M::NumberWithHash => with_entries(base, &[TnEntry::one("1703555012#")]),
        M::NumberWithStar => with_entries(base, &[TnEntry::one("*703555012")]),
        M::NumberLeadingZero => with_entries(base, &[TnEntry::one("07035550123")]),
        M::NumberTooLong => with_entries(base, &[TnEntry::one("1703555012345678")]),
        M::NumberEmpty => with_entries(base, &[TnEntry::one("")]),
        M::NumberWithPlus => with_entries(base, &[TnEntry::one("+17035550123")]),
        M::TooManyNumbers => {
            let numbers = (0..513).map(|n| TnEntry::one(&fictional_number(n)));
            with_entries(base, &numbers.collect::<Vec<_>>())
        }

        M::SubjectTelephoneAttribute => with_subject(base, carrier_name().telephone_number(NUMBER)),
        M::SubjectPlusNumber => with_subject(base, Name::new("Synthetic Carrier", "+17035550123")),
        M::SubjectTelUri => with_subject(base, Name::new("Synthetic Carrier", "tel:7035550123")),
        M::AlternativeTelUri => with_extension(base, Extension::alternative_uri("tel:+17035550123")),
        M::AlternativeSipUri => {
            with_extension(base, Extension::alternative_uri("sip:+17035550123@carrier.example.com"))
        }
        M::AlternativeTelephoneAttribute => {
            with_extension(base, Extension::alternative_name(&carrier_name().telephone_number(NUMBER)))
        }
        M::ClaimConstraintsNumber => with_claim_constraints(base, JWT_CLAIM_CONSTRAINTS),
        M::EnhancedClaimConstraintsNumber => with_claim_constraints(base, ENHANCED_JWT_CLAIM_CONSTRAINTS),

        M::PoisonMissing => asked(base.clone()),
        M::PoisonNotCritical => with_extension(base, Extension::new(POISON, der::null())),
        M::PoisonNotNull => with_extension(base, Extension::critical(POISON, der::octet_string(&[]))),
        M::PoisonAndScts => Recipe::Draft(|draft| {
            let scts = Extension::new(SCT_LIST, der::octet_string(&[0, 3, 0, 1, 0]));
            draft.extensions.extend([Extension::poison(), scts]);
        }),
        M::SctListUnreadable => {
            with_extension(base, Extension::new(SCT_LIST, der::octet_string(&[0, 4, 0, 119, 0, 0])))
        }
    }
}

fn below_damaged_issuer(
    authority: &Authority,
    base: &Profile,
    damage: fn(&mut Draft),
    seed: u64,
) -> Vec<Vec<u8>> {
    let profile = Profile::authority("Issuing CA", None, authority.validity(), seed);
    let mut draft = authority.draft(&profile);
    damage(&mut draft);
    let mut chain = authority.issue(&profile).into_authority().issue(base).chain();
    chain[1] = draft.sign(authority.key());
    chain
}

fn asked(profile: Profile) -> Recipe {
    Recipe::Profile(Box::new(profile))
}

fn with_entries(base: &Profile, entries: &[TnEntry]) -> Recipe {
    let names_numbers = entries.iter().any(|entry| !matches!(entry, TnEntry::Spc(_)));
    let subject = if names_numbers { subscriber() } else { carrier_name() };
    asked(base.clone().subject(subject).entries(entries))
}

fn with_extension(base: &Profile, extension: Extension) -> Recipe {
    asked(base.clone().extension(extension))
}

fn with_subject(base: &Profile, subject: Name) -> Recipe {
    asked(base.clone().subject(subject))
}

fn with_claim_constraints(base: &Profile, oid: ObjectIdentifier) -> Recipe {
    with_extension(base, Extension::permitted_claim_value(oid, "orig", NUMBER))
}

fn carrier_name() -> Name {
    Name::new("Synthetic Carrier", "Synthetic SHAKEN")
}

fn subscriber() -> Name {
    Name::new("Synthetic Subscriber", "Subscriber")
}

fn unreadable_tn_auth_list(texts: &[&str]) -> Extension {
    let strings: Vec<_> = texts.iter().map(|text| der::printable_string(text)).collect();
    Extension::new(TN_AUTH_LIST, der::sequence(&strings))
}

fn claim_algorithm(draft: &mut Draft, oid: ObjectIdentifier) {
    draft.signature = algorithm(oid);
    draft.signature_algorithm = algorithm(oid);
}

fn claim_other_curve(draft: &mut Draft) {
    let point = draft.spki.last_chunk::<65>().expect("a P-256 key ends in a point of 65 bytes");
    draft.spki = subject_public_key_info(SECP256K1, point);
}

fn replace(draft: &mut Draft, extension: Extension) {
    draft.extensions.retain(|kept| kept.oid != extension.oid);
    draft.extensions.push(extension);
}
