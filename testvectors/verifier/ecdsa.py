"""ECDSA verification (FIPS 186-5) on P-256 and P-384, in Jacobian coordinates."""

import hashlib
from dataclasses import dataclass

import der
from encoding import Malformed


@dataclass(frozen=True)
class Curve:
    """y^2 = x^3 - 3x + b over the field of p elements; the base point has the prime order n."""

    oid: str
    size: int
    p: int
    n: int
    b: int
    g: tuple


P256 = Curve(
    "1.2.840.10045.3.1.7",
    32,
    0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
)
P384 = Curve(
    "1.3.132.0.34",
    48,
    2**384 - 2**128 - 2**96 + 2**32 - 1,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    (
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    ),
)
CURVES = {curve.oid: curve for curve in (P256, P384)}
INFINITY = (0, 1, 0)


def on_curve(curve, x, y):
    """Whether (x, y) is a point of the curve."""
    p = curve.p
    return x < p and y < p and (y * y - (x * x * x - 3 * x + curve.b)) % p == 0


def decode_point(curve, data):
    """The point of an uncompressed encoding, or None."""
    if len(data) != 1 + 2 * curve.size or data[0] != 4:
        return None
    x, y = int.from_bytes(data[1 : 1 + curve.size], "big"), int.from_bytes(data[1 + curve.size :], "big")
    return (x, y) if on_curve(curve, x, y) else None


def _double(curve, point):
    """Twice a point (a = -3)."""
    p = curve.p
    x, y, z = point
    if z == 0 or y == 0:
        return INFINITY
    delta, gamma = z * z % p, y * y % p
    beta = x * gamma % p
    alpha = 3 * (x - delta) * (x + delta) % p
    x3 = (alpha * alpha - 8 * beta) % p
    z3 = 2 * y * z % p
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % p, z3


def _add(curve, first, second):
    """The sum of two points."""
    if first[2] == 0:
        return second
    if second[2] == 0:
        return first
    p = curve.p
    x1, y1, z1 = first
    x2, y2, z2 = second
    z1z1, z2z2 = z1 * z1 % p, z2 * z2 % p
    u1, u2 = x1 * z2z2 % p, x2 * z1z1 % p
    s1, s2 = y1 * z2 * z2z2 % p, y2 * z1 * z1z1 % p
    h, r = (u2 - u1) % p, (s2 - s1) % p
    if h == 0:
        return _double(curve, first) if r == 0 else INFINITY
    hh = h * h % p
    hhh, v = h * hh % p, u1 * hh % p
    x3 = (r * r - hhh - 2 * v) % p
    return x3, (r * (v - x3) - s1 * hhh) % p, h * z1 * z2 % p


def _combine(curve, u1, u2, point):
    """u1 G + u2 point, with one row of doublings."""
    g, q = (*curve.g, 1), (*point, 1)
    table = {(1, 0): g, (0, 1): q, (1, 1): _add(curve, g, q)}
    result = INFINITY
    for bit in range(max(u1.bit_length(), u2.bit_length()) - 1, -1, -1):
        result = _double(curve, result)
        pair = (u1 >> bit & 1, u2 >> bit & 1)
        if pair != (0, 0):
            result = _add(curve, result, table[pair])
    return result


def decode_signature(signature):
    """(r, s) of an Ecdsa-Sig-Value in strict DER, or None."""
    try:
        fields = der.sequence(der.single(signature))
        if len(fields) != 2:
            return None
        return der.integer(fields[0]), der.integer(fields[1])
    except Malformed:
        return None


def verify(curve, point, hash_name, message, signature):
    """Whether the DER signature over the message is one of the key."""
    values = decode_signature(signature)
    if values is None:
        return False
    r, s = values
    n = curve.n
    if not (0 < r < n and 0 < s < n):
        return False
    digest = hashlib.new(hash_name, message).digest()
    e = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - n.bit_length())
    w = pow(s, -1, n)
    x, _, z = _combine(curve, e * w % n, r * w % n, point)
    if z == 0:
        return False
    return x * pow(z * z, -1, curve.p) % curve.p % n == r
