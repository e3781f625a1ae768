"""Chains of section 12."""

import hashlib
from dataclasses import dataclass

import certificate as certificates
import classify
import der
import ecdsa
from blocks import block_covers_block, block_covers_number, calling_code
from refusal import Refused, require

LONGEST_CHAIN = 10
ECDSA_HASHES = {"1.2.840.10045.4.3.2": "sha256", "1.2.840.10045.4.3.3": "sha384"}
RSA_WITH_SHA256 = "1.2.840.113549.1.1.11"
SHA256_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
APP_CRITICAL = frozenset(
    [
        certificates.BASIC_CONSTRAINTS,
        certificates.KEY_USAGE,
        certificates.EXTENDED_KEY_USAGE,
        classify.SUBJECT_ALTERNATIVE_NAME,
        classify.TN_AUTH_LIST,
        classify.CLAIM_CONSTRAINTS,
        classify.ENHANCED_CLAIM_CONSTRAINTS,
    ]
)


@dataclass(frozen=True)
class Root:
    """An accepted root, and the calling codes that it is good for (None: all)."""

    certificate: certificates.Certificate
    calling_codes: tuple | None = None


@dataclass(frozen=True)
class Chain:
    """A verified chain, with its root, and the class of each certificate."""

    certificates: tuple
    classes: tuple


def verify(data, roots, as_precertificate=False, now=None):
    """The rules of section 12 in order; with `now`, also those of an app."""
    chain = [_at(i, certificates.parse, item) for i, item in enumerate(data)]
    require(data, "empty-chain", 0)
    require(len(data) <= LONGEST_CHAIN, "chain-too-long", LONGEST_CHAIN)
    for i, item in enumerate(data):
        require(item not in data[:i], "duplicate-in-chain", i)
    _check_poison(chain, as_precertificate)
    classes = [_at(i, classify.classify, item) for i, item in enumerate(chain)]
    for i in range(len(chain) - 1):
        require(chain[i].issuer == chain[i + 1].subject, "wrong-issuer", i)
    root = find_root(chain, roots, now is None)
    if root.certificate.raw != chain[-1].raw:
        chain.append(root.certificate)
        _check_issuer_kind(root.certificate, len(data), as_precertificate)
    if len(chain) > 1 and chain[1].is_precertificate_signer:
        require(len(chain) > 2, "unknown-root", 1)
    _check_issuers(chain)
    if len(chain) > len(data):
        classes.append(_at(len(data), classify.classify, root.certificate))
    check_encompassing(chain, classes)
    _check_calling_codes(classes[0], root)
    for i in range(len(chain) - 2, -1, -1):
        _check_signature_at(i, chain, len(data) - 1, now is None)
    if now is not None:
        _check_app(chain, now)
    return Chain(tuple(chain), tuple(classes))


def _at(index, function, *arguments):
    """Calls the function; its refusal is that of this certificate."""
    try:
        return function(*arguments)
    except Refused as refusal:
        raise Refused(refusal.word, index) from refusal


def _check_poison(chain, as_precertificate):
    """Rules 2 and 3."""
    poison = chain[0].extension(certificates.POISON)
    require(poison is None or (poison.critical and poison.value == b"\x05\x00"), "bad-poison", 0)
    require(as_precertificate or poison is None, "precertificate-to-add-chain", 0)
    require(poison is not None or not as_precertificate, "certificate-to-add-pre-chain", 0)
    for i in range(1, len(chain)):
        _check_issuer_kind(chain[i], i, as_precertificate)


def _check_issuer_kind(issuer, index, as_precertificate):
    """Rule 3, for one issuer."""
    require(issuer.extension(certificates.POISON) is None, "poisoned-issuer", index)
    allowed = (as_precertificate and index == 1) or not issuer.is_precertificate_signer
    require(allowed, "precertificate-signer", index)


def find_root(chain, roots, rsa_taken):
    """Rule 6."""
    last = chain[-1]
    for root in roots:
        if root.certificate.raw == last.raw and (len(chain) > 1 or last.self_issued):
            return root
    named = [root for root in roots if root.certificate.subject == last.issuer]
    require(named, "unknown-root", len(chain) - 1)
    return next((root for root in named if _verifies(last, root.certificate, rsa_taken)), named[0])


def _verifies(lower, issuer, rsa_taken):
    """Whether the issuer's key verifies the certificate."""
    try:
        check_signature(lower, issuer, rsa_taken)
    except Refused:
        return False
    return True


def _check_issuers(chain):
    """Rule 7."""
    below = 0
    for i, item in enumerate(chain):
        if i == 0:
            continue
        require(item.is_ca, "not-a-ca", i)
        require(item.may_sign_certificates, "may-not-sign", i)
        require(item.path_length is None or item.path_length >= below, "path-length", i)
        if not item.self_issued and not item.is_precertificate_signer:
            below += 1


def check_encompassing(chain, classes):
    """Rule 8, from the root down."""
    binding = None
    for i in range(len(chain) - 1, -1, -1):
        found = classes[i]
        if binding and binding.name == "numbers" and found.name != "numbers":
            signer = chain[i].is_precertificate_signer and found.name == "unlimited-ca"
            require(signer, "open-below-numbers", i)
        if found.name == "unreadable":
            require(i == 0, "unreadable-issuer", i)
            require(binding is None or binding.name != "blocks", "not-encompassed", i)
        if found.names_something:
            require(binding is None or encompasses(binding, found), "not-encompassed", i)
            binding = found


def encompasses(binding, found):
    """The table of rule 8."""
    if binding.name == "spcs":
        capitals = {code.upper() for code in binding.names}
        return found.name != "spcs" or all(code.upper() in capitals for code in found.names)
    if found.name == "spcs":
        return False
    if binding.name == "numbers":
        return found.name == "numbers" and set(found.names) <= set(binding.names)
    covers = block_covers_block if found.name == "blocks" else block_covers_number
    return all(any(covers(block, name) for block in binding.names) for name in found.names)


def _check_calling_codes(found, root):
    """Rule 9."""
    if root.calling_codes is None or found.name not in ("blocks", "numbers"):
        return
    for name in found.names:
        digits = name[0] if found.name == "blocks" else name
        require(calling_code(digits) in root.calling_codes, "calling-code", 0)


def _algorithm(item):
    """The dotted OBJECT IDENTIFIER of the signature algorithm, if its parameters are the right ones."""
    fields = der.sequence(item.algorithm)
    oid = der.oid(fields[0])
    right = b"".join(field.raw for field in fields[1:]) in (b"", b"\x05\x00")
    known = oid in ECDSA_HASHES or oid == RSA_WITH_SHA256
    require(known and right, "unsupported-signature-algorithm")
    return oid


def check_signature(lower, issuer, rsa_taken=True):
    """Rule 10, for one certificate; an app takes no RSA."""
    oid = _algorithm(lower)
    is_ec, rsa = certificates.has_ec_shape(issuer.spki), certificates.rsa_key(issuer.spki)
    require(is_ec or rsa, "unsupported-issuer-key")
    if rsa:
        require(2048 <= rsa[0].bit_length() <= 4096, "unsupported-rsa-length")
    require((oid == RSA_WITH_SHA256) == (rsa is not None), "unsupported-signature")
    require(rsa_taken or not rsa, "unsupported-signature")
    if rsa:
        good = rsa_verify(rsa, lower.tbs.raw, lower.signature)
    else:
        key = certificates.ec_key(issuer.spki)
        good = key and ecdsa.verify(*key, ECDSA_HASHES[oid], lower.tbs.raw, lower.signature)
    require(good, "bad-signature")


def _check_signature_at(index, chain, last, rsa_taken):
    """Rule 10 for one certificate; what is wrong with the issuer's key is told of the issuer.

    The last submitted certificate, if self-issued, is a root of its own when its signature fails.
    """
    try:
        check_signature(chain[index], chain[index + 1], rsa_taken)
    except Refused as refusal:
        if refusal.word == "bad-signature" and index == last and chain[index].self_issued:
            raise Refused("unknown-root", index) from refusal
        of_issuer = refusal.word in ("unsupported-issuer-key", "unsupported-rsa-length")
        raise Refused(refusal.word, index + 1 if of_issuer else index) from refusal


def rsa_verify(key, message, signature):
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2.2)."""
    modulus, exponent = key
    size = (modulus.bit_length() + 7) // 8
    value = int.from_bytes(signature, "big")
    if len(signature) != size or value >= modulus or not 3 <= exponent < 2**33 or not exponent & 1:
        return False
    suffix = b"\x00" + SHA256_DIGEST_INFO + hashlib.sha256(message).digest()
    expected = b"\x00\x01" + b"\xff" * (size - 2 - len(suffix)) + suffix
    return pow(value, exponent, modulus).to_bytes(size, "big") == expected


def _check_app(chain, now):
    """The rules of an app."""
    for i, item in enumerate(chain):
        require(item.not_before <= now, "not-yet-valid", i)
        require(now <= item.not_after, "expired", i)
        require(certificates.ec_key(item.spki), "not-ecdsa", i)
        critical = {extension.oid for extension in item.extensions if extension.critical}
        require(critical <= APP_CRITICAL, "critical-extension", i)
