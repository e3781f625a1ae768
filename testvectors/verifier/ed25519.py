"""Ed25519 (RFC 8032 section 5.1.7), strictly, as section 4.1 says."""

import hashlib

import edwards


def decode_key(key):
    """The point of a public key, or None when it is no point or of small order."""
    point = edwards.decompress(key)
    return None if point is None or edwards.is_small_order(point) else point


def verify(key, message, signature):
    """s canonical, R and key not of small order, equation without cofactor."""
    if len(signature) != 64:
        return False
    a, r = decode_key(key), decode_key(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= edwards.L:
        return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    k = int.from_bytes(digest, "little") % edwards.L
    left = edwards.multiply(s, edwards.BASE)
    return edwards.equal(left, edwards.add(r, edwards.multiply(k, a)))
