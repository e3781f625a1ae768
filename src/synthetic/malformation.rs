//! Everything that can be wrong with a certificate or its chain, by name.

macro_rules! malformations {
    ($($(#[doc = $doc:literal])+ $variant:ident => $name:literal,)+) => {
        /// One thing that is wrong with a certificate or its chain; all else is as it should be.
        ///
        /// [`Authority::issue_malformed`](super::Authority::issue_malformed) makes it. Which of them a log refuses is not
        /// decided here: some are odd enough to be logged, since refusing would hide what a CA did.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Malformation {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Malformation {
            /// Every malformation, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// A short name for messages and file names.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

malformations! {
    /// The last ten bytes are missing.
    TruncatedDer => "truncated-der",
    /// Two bytes follow the certificate.
    TrailingBytes => "trailing-bytes",
    /// The outermost length takes one byte more than it needs: BER, not DER.
    LongLength => "long-length",
    /// The outermost length is indefinite: BER, not DER.
    IndefiniteLength => "indefinite-length",
    /// Extensions in a certificate that says it is of version 1.
    VersionOne => "version-one",
    /// The certificate does not fit into a leaf of 65,535 bytes.
    TooLarge => "too-large",

    /// The serial number is negative.
    NegativeSerial => "negative-serial",
    /// The serial number has 64 octets; RFC 5280 §4.1.2.2 allows 20.
    HugeSerial => "huge-serial",
    /// The certificate ends before it begins.
    ReversedValidity => "reversed-validity",
    /// notBefore lies in month 13.
    ImpossibleTime => "impossible-time",

    /// One bit of the signature is wrong.
    WrongSignature => "wrong-signature",
    /// The algorithm inside of what is signed is not the one beside the signature.
    AlgorithmMismatch => "algorithm-mismatch",
    /// The signature claims to be ECDSA with SHA-1.
    Sha1Signature => "sha1-signature",
    /// The signature claims to be Ed25519.
    UnsupportedSignatureAlgorithm => "unsupported-signature-algorithm",
    /// The subject's key claims to be on secp256k1.
    UnsupportedSubjectCurve => "unsupported-subject-curve",
    /// The subject's key is a P-256 point that does not lie on the curve.
    PointOffCurve => "point-off-curve",
    /// The issuing CA's key claims to be on secp256k1.
    UnsupportedIssuerCurve => "unsupported-issuer-curve",

    /// The issuer's name is not the subject of the next certificate, which did sign it.
    WrongIssuerName => "wrong-issuer-name",
    /// The issuer is an end entity.
    IssuerNotCa => "issuer-not-ca",
    /// The issuer is a CA whose keyUsage lacks keyCertSign.
    IssuerWithoutKeyCertSign => "issuer-without-key-cert-sign",
    /// A CA with path length 0 has a CA below it.
    PathLengthExceeded => "path-length-exceeded",
    /// The issuing CA's path length is negative.
    NegativePathLength => "negative-path-length",
    /// The issuing CA's path length does not fit into 64 bits.
    HugePathLength => "huge-path-length",
    /// The root stands before the CA that it issued.
    ChainOutOfOrder => "chain-out-of-order",
    /// The chain ends in a root that has the issuing authority's name and another key.
    UnknownRoot => "unknown-root",
    /// A certificate that has nothing to do with the chain follows the root.
    StrangerInChain => "stranger-in-chain",
    /// A number that the delegate CA above may not name (RFC 9060).
    DelegateBeyondParent => "delegate-beyond-parent",
    /// A delegate CA that names more than the delegate CA above it.
    DelegateCaBeyondParent => "delegate-ca-beyond-parent",

    /// An end entity without a TNAuthList.
    NoTnAuthList => "no-tn-auth-list",
    /// A TNAuthList of no entries.
    EmptyTnAuthList => "empty-tn-auth-list",
    /// Two TNAuthList extensions.
    TwoTnAuthLists => "two-tn-auth-lists",
    /// Bytes follow the TNAuthList inside its extension.
    TnAuthListTrailingBytes => "tn-auth-list-trailing-bytes",
    /// A TNAuthList of an untagged PrintableString with three digits, as real CAs have issued.
    UnreadableTnAuthList => "unreadable-tn-auth-list",
    /// The same with seven digits, in two strings.
    UnreadableTnAuthListWithNumber => "unreadable-tn-auth-list-with-number",
    /// A TNAuthList by reference (RFC 8226 §10.2), beside one by value.
    TnAuthListByReference => "tn-auth-list-by-reference",

    /// A service provider code and a number.
    MixedSpcAndNumber => "mixed-spc-and-number",
    /// A service provider code and a range.
    MixedSpcAndRange => "mixed-spc-and-range",
    /// A range and a number.
    MixedRangeAndNumber => "mixed-range-and-number",

    /// A service provider code with a hyphen.
    SpcOddCharacters => "spc-odd-characters",
    /// A service provider code of seven characters.
    SpcTooLong => "spc-too-long",
    /// A service provider code of none.
    SpcEmpty => "spc-empty",

    /// A range of nine numbers.
    RangeUnderTen => "range-under-ten",
    /// A range whose last number is longer than its first.
    RangeOfTwoLengths => "range-of-two-lengths",
    /// A range with a count that no machine word holds.
    RangeOverflow => "range-overflow",
    /// A range with a negative count.
    RangeNegativeCount => "range-negative-count",
    /// 513 ranges of ten, no two of which make one block.
    TooManyBlocks => "too-many-blocks",

    /// A number with `#`.
    NumberWithHash => "number-with-hash",
    /// A number with `*`.
    NumberWithStar => "number-with-star",
    /// A number that begins with zero.
    NumberLeadingZero => "number-leading-zero",
    /// A number of 16 digits.
    NumberTooLong => "number-too-long",
    /// A number of none.
    NumberEmpty => "number-empty",
    /// A number with its `+`.
    NumberWithPlus => "number-with-plus",
    /// 513 numbers.
    TooManyNumbers => "too-many-numbers",

    /// A telephoneNumber attribute in a carrier's subject.
    SubjectTelephoneAttribute => "subject-telephone-attribute",
    /// A carrier's common name is `+` and a number.
    SubjectPlusNumber => "subject-plus-number",
    /// A carrier's common name is a `tel:` URI.
    SubjectTelUri => "subject-tel-uri",
    /// A carrier's subject alternative name is a `tel:` URI.
    AlternativeTelUri => "alternative-tel-uri",
    /// A carrier's subject alternative name is a `sip:` URI with a number.
    AlternativeSipUri => "alternative-sip-uri",
    /// A carrier's subject alternative name is a directory name with a telephoneNumber.
    AlternativeTelephoneAttribute => "alternative-telephone-attribute",
    /// A number among the permitted values of a carrier's JWTClaimConstraints.
    ClaimConstraintsNumber => "claim-constraints-number",
    /// The same in EnhancedJWTClaimConstraints.
    EnhancedClaimConstraintsNumber => "enhanced-claim-constraints-number",

    /// A precertificate without the poison, which is a final certificate.
    PoisonMissing => "poison-missing",
    /// A precertificate whose poison is not critical.
    PoisonNotCritical => "poison-not-critical",
    /// A precertificate whose poison is not NULL.
    PoisonNotNull => "poison-not-null",
    /// A precertificate that already carries SCTs.
    PoisonAndScts => "poison-and-scts",
    /// A final certificate whose list of SCTs ends in the middle of one.
    SctListUnreadable => "sct-list-unreadable",
}

impl Malformation {
    /// Whether it is submitted as a precertificate.
    pub const fn is_precertificate(self) -> bool {
        matches!(
            self,
            Self::PoisonMissing | Self::PoisonNotCritical | Self::PoisonNotNull | Self::PoisonAndScts
        )
    }
}
