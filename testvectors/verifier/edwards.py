"""Arithmetic on edwards25519 (RFC 8032 section 5.1), in extended coordinates (X, Y, Z, T)."""

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)


def add(p, q):
    """The sum of two points."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def double(p):
    """Twice a point."""
    a, b, c = p[0] * p[0] % P, p[1] * p[1] % P, 2 * p[2] * p[2] % P
    h = a + b
    e = (h - (p[0] + p[1]) ** 2) % P
    g = a - b
    f = c + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, p):
    """scalar * p, in windows of four bits; nothing here is secret, so nothing is constant-time."""
    table = [IDENTITY, p]
    for _ in range(14):
        table.append(add(table[-1], p))
    result = IDENTITY
    for shift in range((max(scalar.bit_length(), 1) - 1) // 4 * 4, -1, -4):
        result = double(double(double(double(result))))
        nibble = scalar >> shift & 15
        if nibble:
            result = add(result, table[nibble])
    return result


def equal(p, q):
    """Whether two points are the same."""
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def decompress(data):
    """RFC 8032 section 5.1.3: a point, or None when the 32 bytes are none."""
    if len(data) != 32:
        return None
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x + u) % P == 0:
        x = x * SQRT_M1 % P
    if (v * x * x - u) % P != 0 or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def is_small_order(p):
    """Whether eight times the point is the identity."""
    return equal(double(double(double(p))), IDENTITY)
