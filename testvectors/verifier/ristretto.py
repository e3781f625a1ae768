"""ristretto255 (RFC 9496 section 4) and its hash to group (RFC 9380 appendix B)."""

import hashlib

import edwards
from edwards import D, P, SQRT_M1

ONE_MINUS_D_SQ = (1 - D * D) % P
D_MINUS_ONE_SQ = (D - 1) * (D - 1) % P


def is_negative(x):
    """RFC 9496 section 4.1: the least significant bit of the canonical encoding."""
    return x % P & 1


def absolute(x):
    """CT_ABS of RFC 9496."""
    return -x % P if is_negative(x) else x % P


def sqrt_ratio(u, v):
    """SQRT_RATIO_M1 of RFC 9496 section 4.2: (whether u/v is a square, the root)."""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    if check in (-u % P, -u * SQRT_M1 % P):
        r = r * SQRT_M1 % P
    return check in (u % P, -u % P), absolute(r)


INVSQRT_A_MINUS_D = sqrt_ratio(1, (-1 - D) % P)[1]
# The RFC takes the square root of a*d - 1 that is odd.
SQRT_AD_MINUS_ONE = P - sqrt_ratio((-D - 1) % P, 1)[1]


def decode(data):
    """RFC 9496 section 4.3.1: a point, or None when the 32 bytes are no canonical element."""
    s = int.from_bytes(data, "little")
    if len(data) != 32 or s >= P or is_negative(s):
        return None
    ss = s * s % P
    u1, u2 = (1 - ss) % P, (1 + ss) % P
    u2_sqr = u2 * u2 % P
    v = (-(D * u1 * u1) - u2_sqr) % P
    was_square, invsqrt = sqrt_ratio(1, v * u2_sqr % P)
    den_x = invsqrt * u2 % P
    den_y = invsqrt * den_x * v % P
    x = absolute(2 * s * den_x)
    y = u1 * den_y % P
    t = x * y % P
    if not was_square or is_negative(t) or y == 0:
        return None
    return x, y, 1, t


def encode(point):
    """RFC 9496 section 4.3.2."""
    x0, y0, z0, t0 = point
    u1 = (z0 + y0) * (z0 - y0) % P
    u2 = x0 * y0 % P
    invsqrt = sqrt_ratio(1, u1 * u2 * u2 % P)[1]
    den1, den2 = invsqrt * u1 % P, invsqrt * u2 % P
    z_inv = den1 * den2 * t0 % P
    x, y, den_inv = x0, y0, den2
    if is_negative(t0 * z_inv):
        x, y, den_inv = y0 * SQRT_M1 % P, x0 * SQRT_M1 % P, den1 * INVSQRT_A_MINUS_D % P
    if is_negative(x * z_inv):
        y = -y % P
    return absolute(den_inv * (z0 - y)).to_bytes(32, "little")


IDENTITY_ENCODED = bytes(32)


def _map(t):
    """MAP of RFC 9496 section 4.3.4."""
    r = SQRT_M1 * t * t % P
    u = (r + 1) * ONE_MINUS_D_SQ % P
    v = (-1 - r * D) * (r + D) % P
    was_square, s = sqrt_ratio(u, v)
    if was_square:
        c = -1 % P
    else:
        s, c = -absolute(s * t) % P, r
    n = (c * (r - 1) * D_MINUS_ONE_SQ - v) % P
    w0, w1 = 2 * s * v % P, n * SQRT_AD_MINUS_ONE % P
    w2, w3 = (1 - s * s) % P, (1 + s * s) % P
    return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P


def from_uniform_bytes(data):
    """The one-way map of RFC 9496 section 4.3.4, from 64 bytes."""
    mask = (1 << 255) - 1
    halves = (int.from_bytes(data[:32], "little") & mask, int.from_bytes(data[32:], "little") & mask)
    return edwards.add(_map(halves[0] % P), _map(halves[1] % P))


def expand_message_xmd(message, dst, length):
    """RFC 9380 section 5.3.1 with SHA-512."""
    dst_prime = dst + bytes([len(dst)])
    b0 = hashlib.sha512(bytes(128) + message + length.to_bytes(2, "big") + b"\x00" + dst_prime).digest()
    block, result = bytes(64), b""
    for i in range(1, -(-length // 64) + 1):
        mixed = bytes(x ^ y for x, y in zip(b0, block))
        block = hashlib.sha512(mixed + bytes([i]) + dst_prime).digest()
        result += block
    return result[:length]


def hash_to_group(message, dst):
    """hash_to_ristretto255 of RFC 9380 appendix B."""
    return from_uniform_bytes(expand_message_xmd(message, dst, 64))


def hash_to_scalar(message, dst):
    """RFC 9497 section 4.1: 64 uniform bytes, little-endian, modulo the order."""
    return int.from_bytes(expand_message_xmd(message, dst, 64), "little") % edwards.L
