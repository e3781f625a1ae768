"""Certificates of section 11 (RFC 5280 in DER) and identities of section 6."""

import calendar
import hashlib
import hmac
import re
from dataclasses import dataclass

import der
import ecdsa
from encoding import Malformed, opaque, uint
from refusal import Refused, require

LONGEST = 65_000
LONGEST_SERIAL = 21
POISON = "1.3.6.1.4.1.11129.2.4.3"
SCT_LIST = "1.3.6.1.4.1.11129.2.4.2"
PRECERTIFICATE_SIGNING = "1.3.6.1.4.1.11129.2.4.4"
AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE = "2.5.29.19", "2.5.29.15", "2.5.29.37"
EC_PUBLIC_KEY, RSA_ENCRYPTION = "1.2.840.10045.2.1", "1.2.840.113549.1.1.1"


@dataclass(frozen=True)
class Extension:
    """An extension: its value is the content of extnValue, `raw` the whole of it."""

    oid: str
    critical: bool
    value: bytes
    raw: bytes


@dataclass(frozen=True)
class Certificate:
    """What the rules look at; names and keys are raw DER."""

    raw: bytes
    tbs: der.Element
    serial: bytes
    algorithm: der.Element
    issuer: bytes
    not_before: int
    not_after: int
    subject: bytes
    spki: bytes
    extensions: tuple
    signature: bytes
    is_ca: bool
    path_length: int | None
    key_usage: bytes | None
    extended_key_usage: tuple

    def extension(self, oid):
        """The extension of this kind, or None."""
        return next((extension for extension in self.extensions if extension.oid == oid), None)

    @property
    def key_hash(self):
        """The SHA-256 of the SPKI."""
        return hashlib.sha256(self.spki).digest()

    @property
    def self_issued(self):
        """Subject and issuer are the same name."""
        return self.issuer == self.subject

    @property
    def is_precertificate_signer(self):
        """A CA with the extended key usage of section 6."""
        return self.is_ca and PRECERTIFICATE_SIGNING in self.extended_key_usage

    @property
    def may_sign_certificates(self):
        """keyUsage, if there, has keyCertSign (bit 5)."""
        return self.key_usage is None or bool(self.key_usage and self.key_usage[0] & 0x04)


def parse(data):
    """A certificate: `certificate-too-long`, `malformed-certificate`."""
    require(len(data) <= LONGEST, "certificate-too-long")
    try:
        return _certificate(data)
    except (Malformed, RecursionError) as error:
        raise Refused("malformed-certificate") from error


def _certificate(data):
    """The fields of a Certificate."""
    whole = der.single(data)
    parts = der.sequence(whole)
    if len(parts) != 3:
        raise Malformed("fields of a certificate")
    tbs, outer_algorithm, signature = parts
    fields = _tbs_fields(tbs)
    if fields["algorithm"].raw != outer_algorithm.raw:
        raise Malformed("the signature algorithms differ")
    return Certificate(raw=data, tbs=tbs, signature=_octets(signature), **fields)


def _octets(element):
    """A BIT STRING without unused bits."""
    unused, octets = der.bit_string(element)
    if unused:
        raise Malformed("unused bits")
    return octets


def _tbs_fields(tbs):
    """The fields of a TBSCertificate, by name."""
    rest = der.sequence(tbs)
    if rest and rest[0].tag == 0xA0:
        _check_version(rest.pop(0))
    if len(rest) < 6:
        raise Malformed("fields of a TBSCertificate")
    serial, algorithm, issuer, validity, subject, spki = rest[:6]
    serial_octets = der.integer_octets(serial)
    if len(serial_octets) > LONGEST_SERIAL:
        raise Malformed("serial number")
    _check_algorithm(algorithm)
    _check_name(issuer)
    _check_name(subject)
    times = [_time(element) for element in der.sequence(validity)]
    if len(times) != 2:
        raise Malformed("validity")
    _check_spki(spki)
    extensions = _optional_fields(rest[6:])
    fields = {"serial": serial_octets, "algorithm": algorithm, "issuer": issuer.raw, "subject": subject.raw}
    fields |= {"not_before": times[0], "not_after": times[1], "spki": spki.raw, "extensions": extensions}
    return fields | _known_extensions(extensions)


def _check_version(element):
    """v2 or v3; v1 is the default and not written. The other fields do not depend on it here."""
    if der.integer(der.single(element.content)) not in (1, 2):
        raise Malformed("version")


def _check_algorithm(element):
    """AlgorithmIdentifier: identifier, and at most one element of parameters that is not looked into."""
    parts = der.sequence(element)
    if not 1 <= len(parts) <= 2:
        raise Malformed("algorithm")
    der.oid(parts[0])
    for parameters in parts[1:]:
        der.check_tag(parameters)


def _check_name(element):
    """RDNSequence: sets of (type, value), not empty, ascending, none twice; values are not looked into."""
    for rdn in der.sequence(element):
        attributes = der.children(rdn, der.SET)
        if not attributes:
            raise Malformed("empty RelativeDistinguishedName")
        if any(a.raw >= b.raw for a, b in zip(attributes, attributes[1:])):
            raise Malformed("DER SET OF not in order")
        for attribute in attributes:
            pair = der.sequence(attribute)
            if len(pair) != 2:
                raise Malformed("attribute of a name")
            der.oid(pair[0])
            der.check_tag(pair[1])


def _check_spki(element):
    """AlgorithmIdentifier and a BIT STRING without unused bits."""
    parts = der.sequence(element)
    if len(parts) != 2:
        raise Malformed("SubjectPublicKeyInfo")
    _check_algorithm(parts[0])
    _octets(parts[1])


def _time(element):
    """Seconds since 1970 of a UTCTime or GeneralizedTime; a time before 1970 is malformed."""
    if element.tag not in (der.UTC_TIME, der.GENERALIZED_TIME):
        raise Malformed("time")
    year_digits = 2 if element.tag == der.UTC_TIME else 4
    match = re.fullmatch(rb"(\d{%d})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z" % year_digits, element.content)
    if match is None:
        raise Malformed("time")
    year, month, day, hour, minute, second = map(int, match.groups())
    if element.tag == der.UTC_TIME:
        year += 1900 if year >= 50 else 2000
    if year < 1970 or not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        raise Malformed("time")
    if hour > 23 or minute > 59 or second > 59:
        raise Malformed("time")
    return calendar.timegm((year, month, day, hour, minute, second))


def _optional_fields(rest):
    """The unique identifiers are passed over; the extensions are read."""
    for tag in (0x81, 0x82):
        if rest and rest[0].tag == tag:
            der.check_bits(rest[0].content)
            rest = rest[1:]
    if not rest:
        return ()
    if len(rest) != 1 or rest[0].tag != 0xA3:
        raise Malformed("fields behind the key")
    extensions = tuple(_extension(element) for element in der.sequence(der.single(rest[0].content)))
    if not extensions or len({extension.oid for extension in extensions}) != len(extensions):
        raise Malformed("extensions")
    return extensions


def _extension(element):
    """SEQUENCE { oid, critical DEFAULT FALSE, OCTET STRING }."""
    parts = der.sequence(element)
    if not 2 <= len(parts) <= 3:
        raise Malformed("extension")
    if len(parts) == 3 and not der.boolean(parts[1]):
        raise Malformed("default value written")
    value = der.expect(parts[-1], der.OCTET_STRING).content
    return Extension(der.oid(parts[0]), len(parts) == 3, value, element.raw)


def _known_extensions(extensions):
    """basicConstraints, keyUsage and extendedKeyUsage."""
    values = {extension.oid: extension.value for extension in extensions}
    is_ca, path_length = _basic_constraints(values.get(BASIC_CONSTRAINTS))
    usage = values.get(KEY_USAGE)
    return {
        "is_ca": is_ca,
        "path_length": path_length,
        "key_usage": None if usage is None else _key_usage(usage),
        "extended_key_usage": _extended_key_usage(values.get(EXTENDED_KEY_USAGE)),
    }


def _basic_constraints(value):
    """(CA, path length); a FALSE that is written is taken."""
    if value is None:
        return False, None
    fields = der.sequence(der.single(value))
    is_ca = bool(fields) and fields[0].tag == der.BOOLEAN and der.boolean(fields.pop(0))
    path_length = der.integer(fields.pop(0)) if fields else None
    if fields or (path_length is not None and not 0 <= path_length <= 255):
        raise Malformed("basicConstraints")
    return is_ca, path_length


def _key_usage(value):
    """The octets of the BIT STRING."""
    return der.bit_string(der.single(value))[1]


def _extended_key_usage(value):
    """The purposes, as dotted text."""
    if value is None:
        return ()
    purposes = tuple(der.oid(element) for element in der.sequence(der.single(value)))
    if not purposes:
        raise Malformed("extendedKeyUsage")
    return purposes


def ec_key(spki):
    """(curve, point) of an SPKI with an uncompressed P-256 or P-384 point, or None."""
    try:
        algorithm, bits = der.sequence(der.single(spki))
        parts = der.sequence(algorithm)
        if len(parts) != 2 or der.oid(parts[0]) != EC_PUBLIC_KEY:
            return None
        curve = ecdsa.CURVES.get(der.oid(parts[1]))
        point = curve and ecdsa.decode_point(curve, _octets(bits))
    except (Malformed, ValueError):
        return None
    return (curve, point) if point else None


def sct_key(spki):
    """(P-256, point) of the SPKI of an SCT key (section 5.1), else `sct-key`."""
    key = ec_key(spki)
    require(key is not None and key[0] is ecdsa.P256 and len(spki) == 91, "sct-key")
    return key


def has_ec_shape(spki):
    """P-256 or P-384 and as many octets as an uncompressed point has, on the curve or not (section 12)."""
    try:
        algorithm, bits = der.sequence(der.single(spki))
        parts = der.sequence(algorithm)
        is_curve = len(parts) == 2 and der.oid(parts[0]) == EC_PUBLIC_KEY
        curve = ecdsa.CURVES.get(der.oid(parts[1])) if is_curve else None
        point = _octets(bits)
    except Malformed:
        return False
    return curve is not None and len(point) == 1 + 2 * curve.size and point[0] == 4


def rsa_key(spki):
    """(modulus, exponent) of an SPKI with an RSA key, or None."""
    try:
        algorithm, bits = der.sequence(der.single(spki))
        if der.oid(der.sequence(algorithm)[0]) != RSA_ENCRYPTION:
            return None
        modulus, exponent = map(der.integer, der.sequence(der.single(_octets(bits))))
    except (Malformed, ValueError):
        return None
    return (modulus, exponent) if modulus >= 0 and exponent >= 0 else None


def tbs_without(certificate, oid, issuer=None, replaced=()):
    """The TBSCertificate without one extension (section 6).

    With a precertificate signing certificate, `issuer` is the name to write and `replaced` the extensions.
    """
    fields = der.sequence(certificate.tbs)
    kept = replaced or certificate.extensions
    raw = b"".join(extension.raw for extension in kept if extension.oid != oid)
    parts = [field.raw for field in fields if field.tag != 0xA3]
    if issuer is not None:
        parts[3 if fields[0].tag == 0xA0 else 2] = issuer
    if raw:
        parts.append(der.write(0xA3, der.write(der.SEQUENCE, raw)))
    return der.write(der.SEQUENCE, b"".join(parts))


def _replace_key_identifier(precertificate, signer):
    """The authority key identifier of the signer, in place of that of the precertificate."""
    new = signer.extension(AUTHORITY_KEY_IDENTIFIER)
    result, seen = [], False
    for extension in precertificate.extensions:
        if extension.oid == AUTHORITY_KEY_IDENTIFIER:
            seen = True
            result += [new] if new else []
        else:
            result.append(extension)
    if not seen and new:
        result.append(new)
    return tuple(result)


def final_tbs(certificate):
    """`tbs_certificate` computed from the final certificate."""
    return tbs_without(certificate, SCT_LIST)


def precertificate_tbs(precertificate, issuer):
    """`tbs_certificate` of a precertificate; `issuer` is the certificate above it."""
    if issuer is None or not issuer.is_precertificate_signer:
        return tbs_without(precertificate, POISON)
    extensions = _replace_key_identifier(precertificate, issuer)
    return tbs_without(precertificate, POISON, issuer.issuer, extensions)


def certificate_identity(data):
    """The identity of a certificate."""
    return uint(0, 2) + opaque(data, 3)


def precertificate_identity(issuer_key_hash, tbs):
    """The identity of a precertificate."""
    return uint(1, 2) + issuer_key_hash + opaque(tbs, 3)


def hmac_sha256(key, message):
    """HMAC of section 1."""
    return hmac.new(key, message, hashlib.sha256).digest()


def opening(secret, identity):
    """The opening, as the log computes it."""
    return hmac_sha256(secret, b"tnlog opening v1\x00" + identity)


def commitment(opening_bytes, identity):
    """HMAC(opening, identity)."""
    return hmac_sha256(opening_bytes, identity)


def certificate_id(secret, issuer_key_hash, serial):
    """The certificate id, as the log computes it."""
    return hmac_sha256(secret, b"tnlog certificate id v1\x00" + issuer_key_hash + serial)[:16]
