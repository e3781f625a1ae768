//! Ed25519 where verifiers are known to differ: the edges of RFC 8032, for note.json.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

use crate::case::{bad, good, hex};
use base64ct::{Base64, Encoding};

const NAME: &str = "a.example.com";
const TEXT: &str = "hello\n";

/// A key that is known as a scalar, so that signatures can be made that no signer makes.
struct Key {
    secret: Scalar,
    encoded: [u8; 32],
}

impl Key {
    /// With a part of small order added to the public key.
    fn new(torsion: EdwardsPoint) -> Self {
        let secret = scalar(b"secret", 0);
        Key { secret, encoded: (ED25519_BASEPOINT_POINT * secret + torsion).compress().0 }
    }

    fn id(&self) -> [u8; 4] {
        let digest = Sha256::digest([NAME.as_bytes(), b"\n", &[1], &self.encoded].concat());
        *digest.first_chunk().expect("SHA-256 has 32 bytes")
    }

    fn vkey(&self) -> String {
        let base64 = Base64::encode_string(&[&[1], &self.encoded[..]].concat());
        format!("{NAME}+{}+{base64}", hex(&self.id()))
    }

    fn challenge(&self, r: &[u8; 32]) -> Scalar {
        let digest = Sha512::digest([&r[..], &self.encoded, TEXT.as_bytes()].concat());
        Scalar::from_bytes_mod_order_wide(&digest.into())
    }

    /// The s that goes with this R, whose scalar is `nonce`.
    fn answer(&self, nonce: Scalar, r: &[u8; 32]) -> [u8; 32] {
        (nonce + self.challenge(r) * self.secret).to_bytes()
    }

    fn note(&self, r: &[u8; 32], s: &[u8; 32]) -> String {
        let line = Base64::encode_string(&[&self.id(), &r[..], s].concat());
        format!("{TEXT}\n— {NAME} {line}\n")
    }

    fn fields(&self, r: &[u8; 32], s: &[u8; 32]) -> Value {
        json!({"kind": "verify", "note": self.note(r, s), "keys": [self.vkey()]})
    }
}

fn scalar(purpose: &[u8], counter: u8) -> Scalar {
    let digest = Sha512::digest([b"tnlog ed25519 vectors", purpose, &[counter]].concat());
    Scalar::from_bytes_mod_order_wide(&digest.into())
}

/// `s` and the order of the group.
fn plus_order(s: &[u8; 32]) -> [u8; 32] {
    let minus_one = (-Scalar::ONE).to_bytes();
    let mut carry = 1;
    std::array::from_fn(|i| {
        let sum = u16::from(s[i]) + u16::from(minus_one[i]) + carry;
        carry = sum >> 8;
        sum as u8
    })
}

fn one() -> [u8; 32] {
    EdwardsPoint::default().compress().0
}

pub fn cases() -> Vec<Value> {
    let key = Key::new(EdwardsPoint::default());
    let nonce = scalar(b"nonce", 0);
    let r = (ED25519_BASEPOINT_POINT * nonce).compress().0;
    let s = key.answer(nonce, &r);
    let mut right = key.fields(&r, &s);
    right["verified"] = json!([NAME]);
    let mut cases = vec![
        good("ed25519", "a signature by hand, which the next cases change", right),
        bad(
            "ed25519-s-plus-order",
            "note-signature",
            "the same s, not below the order",
            key.fields(&r, &plus_order(&s)),
        ),
    ];
    let mut sign = one();
    sign[31] |= 0x80;
    let mut above = [0xff; 32];
    (above[0], above[31]) = (0xee, 0x7f);
    for (name, comment, r) in [
        ("ed25519-r-identity", "R is the identity, and the equation holds", one()),
        (
            "ed25519-r-identity-sign",
            "R is the identity with the sign of x set: no encoding of a point, x being 0",
            sign,
        ),
        ("ed25519-r-identity-above", "R is the identity with y = p + 1: no encoding of a point", above),
    ] {
        let s = key.answer(Scalar::ZERO, &r);
        cases.push(bad(name, "note-signature", comment, key.fields(&r, &s)));
    }
    let shifted = (ED25519_BASEPOINT_POINT * nonce + EIGHT_TORSION[1]).compress().0;
    let s = key.answer(nonce, &shifted);
    cases.push(bad(
        "ed25519-r-mixed",
        "note-signature",
        "R has a part of order 8: the equation holds only when multiplied by 8",
        key.fields(&shifted, &s),
    ));
    cases.extend(mixed_key());
    cases.extend(keys());
    cases
}

/// A public key with a part of order 8 is a key; its signature verifies where that part falls away.
fn mixed_key() -> Vec<Value> {
    let key = Key::new(EIGHT_TORSION[1]);
    let tries = (0..=255).map(|counter| {
        let nonce = scalar(b"nonce", counter);
        (nonce, (ED25519_BASEPOINT_POINT * nonce).compress().0)
    });
    let falls_away = |r: &[u8; 32]| key.challenge(r).to_bytes()[0].is_multiple_of(8);
    let (yes, no): (Vec<_>, Vec<_>) = tries.partition(|(_, r)| falls_away(r));
    let fields = |(nonce, r): &(Scalar, [u8; 32])| key.fields(r, &key.answer(*nonce, r));
    let mut right = fields(&yes[0]);
    right["verified"] = json!([NAME]);
    vec![
        good("ed25519-key-mixed", "the key has a part of order 8, and the equation holds", right),
        bad(
            "ed25519-key-mixed-wrong",
            "note-signature",
            "the same key; the equation holds only when multiplied by 8",
            fields(&no[0]),
        ),
    ]
}

fn keys() -> Vec<Value> {
    let encoded = |first: u8, last: u8, middle: u8| {
        let mut bytes = [middle; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    let no_point = encoded(2, 0, 0);
    assert!(CompressedEdwardsY(no_point).decompress().is_none());
    let above = encoded(0xf0, 0x7f, 0xff);
    assert!(CompressedEdwardsY(above).decompress().is_some_and(|point| !point.is_small_order()));
    let vkey = |encoded: [u8; 32]| Key { secret: Scalar::ZERO, encoded }.vkey();
    let three = encoded(3, 0, 0);
    let mut cases = vec![good(
        "key-y-three",
        "y = 3, a point of large order",
        json!({"kind": "key", "vkey": vkey(three), "of": NAME, "type": 1, "public_key": hex(&three),
            "key_id": hex(&Key { secret: Scalar::ZERO, encoded: three }.id())}),
    )];
    for (name, comment, bytes) in [
        ("key-y-above", "y = p + 3: a point of large order to lax readers", above),
        ("key-no-point", "y = 2, which no point has", no_point),
        ("key-identity-sign", "x = 0 with the sign of x set", encoded(1, 0x80, 0)),
        ("key-order-8", "a point of order 8", EIGHT_TORSION[1].compress().0),
    ] {
        cases.push(bad(name, "key", comment, json!({"kind": "key", "vkey": vkey(bytes)})));
    }
    cases
}
