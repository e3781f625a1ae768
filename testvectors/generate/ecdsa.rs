//! ECDSA where verifiers are known to differ: the range of r and s and their DER.

use p256::ecdsa::Signature;
use tnlog::synthetic::der;

/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The INTEGER of a number of 33 bytes.
fn integer(number: &[u8; 33]) -> Vec<u8> {
    let zeros = number.windows(2).take_while(|pair| pair[0] == 0 && pair[1] < 0x80).count();
    der::integer_octets(&number[zeros..])
}

fn widened(number: &[u8]) -> [u8; 33] {
    let mut wide = [0; 33];
    wide[1..].copy_from_slice(number);
    wide
}

fn plus_order(number: &[u8]) -> [u8; 33] {
    let (a, b) = (widened(number), widened(&ORDER));
    let (mut sum, mut carry) = ([0; 33], 0);
    for i in (0..33).rev() {
        let digit = u16::from(a[i]) + u16::from(b[i]) + carry;
        (sum[i], carry) = (digit as u8, digit >> 8);
    }
    sum
}

/// The other s of a signature, which verifies as well.
pub fn negated(signature: &[u8]) -> Vec<u8> {
    let signature = Signature::from_der(signature).expect("a signature");
    let (r, s) = signature.split_scalars();
    let other = Signature::from_scalars(r, -s).expect("s is not 0");
    other.to_der().as_bytes().to_vec()
}

/// Signatures that a lax verifier may take for `signature`, and some that are none at all.
pub fn changed(signature: &[u8]) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let parsed = Signature::from_der(signature).expect("a signature");
    let (r, s) = (parsed.r().to_bytes(), parsed.s().to_bytes());
    let (r_integer, s_integer) = (integer(&widened(&r)), integer(&widened(&s)));
    let pair = |r: &[u8], s: &[u8]| der::sequence(&[r.to_vec(), s.to_vec()]);
    let padded = |number: &[u8]| der::integer_octets(&[&[0, 0], number].concat());
    let negative = der::integer_octets(&[&[0x80], &r[1..]].concat());
    vec![
        ("r-zero", "r is 0", pair(&der::integer(0), &s_integer)),
        ("s-zero", "s is 0", pair(&r_integer, &der::integer(0))),
        ("r-order", "r is the order", pair(&integer(&widened(&ORDER)), &s_integer)),
        ("r-plus-order", "r and the order", pair(&integer(&plus_order(&r)), &s_integer)),
        ("s-plus-order", "s and the order", pair(&r_integer, &integer(&plus_order(&s)))),
        ("r-negative", "r is negative", pair(&negative, &s_integer)),
        ("r-padded", "r has a zero octet too many", pair(&padded(&r), &s_integer)),
        ("long-length", "a length in two octets", [&[0x30, 0x81, signature[1]], &signature[2..]].concat()),
        (
            "third-field",
            "a third INTEGER",
            der::sequence(&[r_integer.clone(), s_integer.clone(), der::integer(1)]),
        ),
        ("trailing-der", "a byte after the SEQUENCE", [signature, &[0]].concat()),
        ("raw", "r and s as 64 bytes", [&r[..], &s[..]].concat()),
        ("no-signature", "no bytes", vec![]),
    ]
}
