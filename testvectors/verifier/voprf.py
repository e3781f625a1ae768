"""The VOPRF of section 9: RFC 9497, ristretto255-SHA512, mode 0x01."""

import hashlib

import edwards
import ristretto
from encoding import opaque, uint
from refusal import require

CONTEXT = b"OPRFV1-\x01-ristretto255-SHA512"
GROUP_DST = b"HashToGroup-" + CONTEXT
SCALAR_DST = b"HashToScalar-" + CONTEXT


def derive_secret_key(seed, info):
    """DeriveKeyPair of RFC 9497 section 3.2.1 (the secret key)."""
    message = seed + opaque(info, 2)
    for counter in range(256):
        key = ristretto.hash_to_scalar(message + bytes([counter]), b"DeriveKeyPair" + CONTEXT)
        if key:
            return key
    raise ValueError("no key")


def public_key(secret):
    """The encoded public key of a secret key."""
    return ristretto.encode(edwards.multiply(secret, edwards.BASE))


def decode_element(data, word):
    """An element that is canonical and not the identity, else the refusal `word`."""
    point = ristretto.decode(data)
    require(point is not None and data != ristretto.IDENTITY_ENCODED, word)
    return point


def hash_to_element(message):
    """HashToGroup of the suite."""
    return ristretto.hash_to_group(message, GROUP_DST)


def composite_seed(key):
    """The seed of ComputeComposites, RFC 9497 section 2.2.1."""
    return hashlib.sha512(opaque(key, 2) + opaque(b"Seed-" + CONTEXT, 2)).digest()


def composites(key, c, d):
    """(M, Z) of ComputeComposites, RFC 9497 section 2.2.2."""
    seed = composite_seed(key)
    m = z = edwards.IDENTITY
    for i, (ci, di) in enumerate(zip(c, d)):
        pair = opaque(ristretto.encode(ci), 2) + opaque(ristretto.encode(di), 2)
        scalar = ristretto.hash_to_scalar(opaque(seed, 2) + uint(i, 2) + pair + b"Composite", SCALAR_DST)
        m = edwards.add(m, edwards.multiply(scalar, ci))
        z = edwards.add(z, edwards.multiply(scalar, di))
    return m, z


def challenge(key, m, z, t2, t3):
    """The challenge scalar of RFC 9497 section 2.2."""
    parts = [key] + [ristretto.encode(point) for point in (m, z, t2, t3)]
    return ristretto.hash_to_scalar(b"".join(opaque(part, 2) for part in parts) + b"Challenge", SCALAR_DST)


def generate_proof(secret, c, d, r):
    """GenerateProof of RFC 9497 section 2.2.1 with the random scalar r; for the vectors of the RFC."""
    key = public_key(secret)
    m = composites(key, c, d)[0]
    z = edwards.multiply(secret, m)
    t2, t3 = edwards.multiply(r, edwards.BASE), edwards.multiply(r, m)
    scalar = challenge(key, m, z, t2, t3)
    return encode_scalar(scalar) + encode_scalar((r - scalar * secret) % edwards.L)


def verify_proof(key, key_point, c, d, proof):
    """VerifyProof of RFC 9497 section 2.2.2; `label-proof-encoding`, `label-proof`."""
    require(len(proof) == 64, "label-proof-encoding")
    challenge_scalar, s = decode_scalar(proof[:32]), decode_scalar(proof[32:])
    m, z = composites(key, c, d)
    t2 = edwards.add(edwards.multiply(s, edwards.BASE), edwards.multiply(challenge_scalar, key_point))
    t3 = edwards.add(edwards.multiply(s, m), edwards.multiply(challenge_scalar, z))
    require(challenge(key, m, z, t2, t3) == challenge_scalar, "label-proof")


def encode_scalar(scalar):
    """32 bytes, little-endian."""
    return scalar.to_bytes(32, "little")


def decode_scalar(data):
    """A canonical scalar, else `label-proof-encoding`."""
    scalar = int.from_bytes(data, "little")
    require(scalar < edwards.L, "label-proof-encoding")
    return scalar


def finalize(message, element):
    """The output of RFC 9497 section 3.3.2, from the unblinded element."""
    return hashlib.sha512(opaque(message, 2) + opaque(element, 2) + b"Finalize").digest()
