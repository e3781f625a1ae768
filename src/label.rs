//! Labels: the 32-byte keys under which entries are found.
//!
//! The first bit of a label says which world it is from. *Hidden* labels (0) stand for a single number, as output of a
//! verifiable oblivious pseudorandom function (RFC 9497, ristretto255-SHA512) under the log's label key, or for a service
//! provider code, as a hash. *Open* labels (1) stand for a block of numbers and show its digits in order.
//!
//! The function serves three needs: the log labels what it ingests ([`LabelKey::label`]); anybody gets the label of a number
//! without showing which ([`Blinded`] and [`LabelKey::evaluate`]); and a receipt proves, offline, that its labels are those of
//! the numbers in the certificate ([`LabelKey::prove`] and [`LabelPublicKey::check`], with blind = 1).

use curve25519_dalek::scalar::Scalar;
use rand_core::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};
use std::fmt;
use voprf::{BlindedElement, EvaluationElement, Proof, Ristretto255, VoprfClient, VoprfServer};
use zeroize::ZeroizeOnDrop;

use crate::block::Block;
use crate::number::{Number, ServiceProviderCode};

/// Domain of the DeriveKeyPair of RFC 9497 §3.2.1 that makes a label key out of its seed.
const KEY_INFO: &[u8] = b"tnlog label key v1";
const SPC_DOMAIN: &[u8] = b"tnlog service provider code label v1\0";

/// The bytes of a serialized element.
pub const ELEMENT: usize = 32;
/// The bytes of a serialized proof.
pub const PROOF: usize = 64;
/// The most blinded elements of one evaluation request.
pub const MAX_BLINDED: usize = 16;

/// The 32-byte key of an entry in the index. `Debug` hides it, since a hidden label is a person's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label([u8; 32]);

impl Label {
    /// From the bytes in a leaf.
    pub fn new(bytes: [u8; 32]) -> Self {
        Label(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether it stands for a number or a service provider code, not for a block.
    pub fn is_hidden(&self) -> bool {
        self.0[0] & 0x80 == 0
    }

    /// The hidden label of a service provider code: SHA-256 over a domain and `spc:` and the code in capitals.
    pub fn of_service_provider_code(code: &ServiceProviderCode) -> Self {
        let digest =
            Sha256::new_with_prefix(SPC_DOMAIN).chain_update("spc:").chain_update(code.canonical().as_str());
        Label::hidden(digest.finalize().into())
    }

    /// The open label of a block: the byte 0x80, a nibble for each digit of the prefix, the nibble 0xf, a nibble for the
    /// count of free digits, and zeros. All blocks below a prefix are one subtree.
    pub fn of_block(block: &Block) -> Self {
        let mut bytes = [0; 32];
        bytes[0] = 0x80;
        let digits = block.prefix().bytes().map(|digit| digit - b'0');
        for (position, nibble) in digits.chain([0xf, block.free()]).enumerate() {
            bytes[1 + position / 2] |= if position % 2 == 0 { nibble << 4 } else { nibble };
        }
        Label(bytes)
    }

    fn hidden(mut bytes: [u8; 32]) -> Self {
        bytes[0] &= 0x7f;
        Label(bytes)
    }

    /// The output of the function, cut to 32 bytes, as a hidden label.
    fn of_output(output: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&output[..32]);
        Label::hidden(bytes)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_hidden() { "Label(hidden)" } else { "Label(open)" })
    }
}

/// The input of the function is typed, so that identifiers other than numbers can follow.
fn input(number: &Number) -> Vec<u8> {
    [b"tn:", number.digits().as_bytes()].concat()
}

/// What a label proof can be refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Bytes that encode no element of ristretto255, or the identity.
    #[error("element {0} is no valid ristretto255 element")]
    Element(usize),
    /// Bytes that encode no label key.
    #[error("the label key is no valid ristretto255 element")]
    Key,
    /// Bytes that encode no proof.
    #[error("the label proof has no valid encoding")]
    ProofEncoding,
    /// Another count than that of the numbers, or none, or too many.
    #[error("{0} elements, where {1} are expected")]
    Count(usize, usize),
    /// The proof does not hold: an element is not the evaluation of its input under the log's label key.
    #[error("the label proof does not hold under the log's label key")]
    Proof,
}

/// The secret label key of a log. It cannot be rotated within a log's life. Its memory is wiped when it is dropped.
pub struct LabelKey(VoprfServer<Ristretto255>);

/// What the log gives out: evaluated elements in the order of the inputs, and one proof for all.
#[derive(Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// One evaluated element for each input.
    pub elements: Vec<[u8; ELEMENT]>,
    /// The batched proof (RFC 9497 §2.2).
    pub proof: [u8; PROOF],
}

impl fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Evaluation({} elements, ..)", self.elements.len())
    }
}

impl LabelKey {
    /// Derives the key pair from 32 uniformly random bytes (RFC 9497 §3.2.1, mode VOPRF).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        LabelKey(VoprfServer::new_from_seed(seed, KEY_INFO).expect("a seed of 32 bytes derives a key"))
    }

    /// The key that verifies what this one evaluates; it stands in leaf 0.
    pub fn public(&self) -> LabelPublicKey {
        LabelPublicKey(self.0.get_public_key())
    }

    /// The label of a number: one hash to the group and one multiplication, about 70 us.
    pub fn label(&self, number: &Number) -> Label {
        let output = self.0.evaluate(&input(number)).expect("the input is short");
        Label::of_output(&output)
    }

    /// Evaluates up to [`MAX_BLINDED`] elements that a client blinded; the log learns nothing of the numbers.
    ///
    /// # Errors
    /// [`LabelError::Count`] and [`LabelError::Element`].
    pub fn evaluate<R: RngCore + CryptoRng>(
        &self,
        blinded: &[[u8; ELEMENT]],
        rng: &mut R,
    ) -> Result<Evaluation, LabelError> {
        if blinded.is_empty() || blinded.len() > MAX_BLINDED {
            return Err(LabelError::Count(blinded.len(), MAX_BLINDED));
        }
        let blinded = elements(blinded, BlindedElement::deserialize)?;
        Ok(self.evaluate_all(&blinded, rng))
    }

    /// Evaluates the numbers of a certificate with blind = 1, so that who knows them can check the proof offline.
    /// About 250 us and 120 us for each number.
    ///
    /// # Panics
    /// When there are none.
    pub fn prove<R: RngCore + CryptoRng>(&self, numbers: &[Number], rng: &mut R) -> Evaluation {
        assert!(!numbers.is_empty(), "a proof is about at least one number");
        let blinded: Vec<_> = numbers.iter().map(|number| unblinded(number).1).collect();
        self.evaluate_all(&blinded, rng)
    }

    fn evaluate_all<R: RngCore + CryptoRng>(
        &self,
        blinded: &Vec<BlindedElement<Ristretto255>>,
        rng: &mut R,
    ) -> Evaluation {
        let result = self.0.batch_blind_evaluate(rng, blinded).expect("a batch of at most 512 elements");
        Evaluation {
            elements: result.messages.iter().map(|element| element.serialize().into()).collect(),
            proof: result.proof.serialize()[..].try_into().expect("a proof is two scalars"),
        }
    }
}

/// Compiles as long as the key wipes itself.
impl ZeroizeOnDrop for LabelKey where VoprfServer<Ristretto255>: ZeroizeOnDrop {}

impl fmt::Debug for LabelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LabelKey(..)")
    }
}

/// The public label key of a log, as leaf 0 shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelPublicKey(curve25519_dalek::RistrettoPoint);

impl LabelPublicKey {
    /// From its 32 bytes.
    ///
    /// # Errors
    /// [`LabelError::Key`]: no canonical encoding of an element, or the identity.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, LabelError> {
        use curve25519_dalek::traits::IsIdentity;
        curve25519_dalek::ristretto::CompressedRistretto(*bytes)
            .decompress()
            .filter(|point| !point.is_identity())
            .map(LabelPublicKey)
            .ok_or(LabelError::Key)
    }

    /// Its 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.compress().to_bytes()
    }

    /// The labels of `numbers`, in their order, if the evaluation with blind = 1 holds.
    /// About 300 us and 200 us for each number.
    ///
    /// # Errors
    /// Any [`LabelError`].
    pub fn check(&self, numbers: &[Number], evaluation: &Evaluation) -> Result<Vec<Label>, LabelError> {
        let (clients, inputs): (Vec<_>, Vec<_>) =
            numbers.iter().map(|number| (unblinded(number).0, input(number))).unzip();
        self.finalize(&clients, &inputs, evaluation)
    }

    fn finalize(
        &self,
        clients: &Vec<VoprfClient<Ristretto255>>,
        inputs: &Vec<Vec<u8>>,
        evaluation: &Evaluation,
    ) -> Result<Vec<Label>, LabelError> {
        if clients.is_empty() || evaluation.elements.len() != clients.len() {
            return Err(LabelError::Count(evaluation.elements.len(), clients.len()));
        }
        let messages = elements(&evaluation.elements, EvaluationElement::deserialize)?;
        let proof = Proof::deserialize(&evaluation.proof).map_err(|_| LabelError::ProofEncoding)?;
        let outputs = VoprfClient::batch_finalize(inputs, clients, &messages, &proof, self.0)
            .map_err(|_| LabelError::Proof)?;
        outputs.map(|output| Ok(Label::of_output(&output.map_err(|_| LabelError::Proof)?))).collect()
    }
}

/// Numbers whose labels are asked for without showing them.
pub struct Blinded {
    clients: Vec<VoprfClient<Ristretto255>>,
    inputs: Vec<Vec<u8>>,
    elements: Vec<[u8; ELEMENT]>,
}

impl Blinded {
    /// Blinds each number with a random scalar.
    pub fn new<R: RngCore + CryptoRng>(numbers: &[Number], rng: &mut R) -> Self {
        let mut blinded = Blinded { clients: Vec::new(), inputs: Vec::new(), elements: Vec::new() };
        for number in numbers {
            let input = input(number);
            let result = VoprfClient::blind(&input, rng).expect("the input is short and not empty");
            blinded.clients.push(result.state);
            blinded.elements.push(result.message.serialize().into());
            blinded.inputs.push(input);
        }
        blinded
    }

    /// What is sent to the log: uniformly random elements.
    pub fn elements(&self) -> &[[u8; ELEMENT]] {
        &self.elements
    }

    /// The labels, if the log evaluated honestly.
    ///
    /// # Errors
    /// Any [`LabelError`].
    pub fn finalize(&self, evaluation: &Evaluation, key: &LabelPublicKey) -> Result<Vec<Label>, LabelError> {
        key.finalize(&self.clients, &self.inputs, evaluation)
    }
}

impl fmt::Debug for Blinded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blinded({} numbers)", self.clients.len())
    }
}

/// The "blinding" with 1, which hides nothing and lets anybody who knows the number follow.
fn unblinded(number: &Number) -> (VoprfClient<Ristretto255>, BlindedElement<Ristretto255>) {
    let result = VoprfClient::deterministic_blind_unchecked(&input(number), Scalar::ONE)
        .expect("the input is short and not empty");
    (result.state, result.message)
}

fn elements<T>(
    bytes: &[[u8; ELEMENT]],
    read: impl Fn(&[u8]) -> voprf::Result<T>,
) -> Result<Vec<T>, LabelError> {
    bytes.iter().enumerate().map(|(i, bytes)| read(bytes).map_err(|_| LabelError::Element(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::OsRng;

    fn numbers(digits: &[&str]) -> Vec<Number> {
        digits.iter().map(|digits| Number::new(digits).unwrap()).collect()
    }

    #[test]
    fn three_ways_give_one_label() {
        let key = LabelKey::from_seed(&[1; 32]);
        let numbers = numbers(&["17035550123", "17035550124"]);
        let direct: Vec<_> = numbers.iter().map(|number| key.label(number)).collect();
        assert_ne!(direct[0], direct[1]);
        assert!(direct.iter().all(Label::is_hidden));

        let proved = key.public().check(&numbers, &key.prove(&numbers, &mut OsRng)).unwrap();
        assert_eq!(proved, direct);

        let blinded = Blinded::new(&numbers, &mut OsRng);
        let evaluation = key.evaluate(blinded.elements(), &mut OsRng).unwrap();
        assert_eq!(blinded.finalize(&evaluation, &key.public()).unwrap(), direct);
    }

    #[test]
    fn blinding_shows_another_element_each_time() {
        let numbers = numbers(&["17035550123"]);
        let (a, b) = (Blinded::new(&numbers, &mut OsRng), Blinded::new(&numbers, &mut OsRng));
        assert_ne!(a.elements(), b.elements());
    }

    /// Fails without the `map_err(|_| LabelError::Proof)` of `finalize`.
    #[test]
    fn a_proof_for_another_number_or_key_or_element_is_refused() {
        let key = LabelKey::from_seed(&[1; 32]);
        let asked = numbers(&["17035550123"]);
        let evaluation = key.prove(&asked, &mut OsRng);
        let check = |key: &LabelKey, numbers: &[Number], evaluation: &Evaluation| {
            key.public().check(numbers, evaluation)
        };
        assert!(check(&key, &asked, &evaluation).is_ok());
        assert_eq!(check(&key, &numbers(&["17035550124"]), &evaluation), Err(LabelError::Proof));
        assert_eq!(check(&LabelKey::from_seed(&[2; 32]), &asked, &evaluation), Err(LabelError::Proof));
        let other = LabelKey::from_seed(&[2; 32]).prove(&asked, &mut OsRng);
        let swapped = Evaluation { elements: other.elements, proof: evaluation.proof };
        assert_eq!(check(&key, &asked, &swapped), Err(LabelError::Proof));
    }

    #[test]
    fn every_flipped_bit_of_an_evaluation_is_refused() {
        let key = LabelKey::from_seed(&[1; 32]);
        let numbers = numbers(&["17035550123"]);
        let good = key.prove(&numbers, &mut OsRng);
        for bit in 0..8 * PROOF {
            let mut bad = good.clone();
            bad.proof[bit / 8] ^= 1 << (bit % 8);
            assert!(key.public().check(&numbers, &bad).is_err(), "bit {bit} of the proof");
        }
        for bit in 0..8 * ELEMENT {
            let mut bad = good.clone();
            bad.elements[0][bit / 8] ^= 1 << (bit % 8);
            assert!(key.public().check(&numbers, &bad).is_err(), "bit {bit} of the element");
        }
    }

    #[test]
    fn counts_are_bounded() {
        let key = LabelKey::from_seed(&[1; 32]);
        assert_eq!(key.evaluate(&[], &mut OsRng), Err(LabelError::Count(0, 16)));
        assert_eq!(key.evaluate(&[[0; 32]; 17], &mut OsRng), Err(LabelError::Count(17, 16)));
        assert_eq!(key.evaluate(&[[0xff; 32]], &mut OsRng), Err(LabelError::Element(0)));
        let evaluation = Evaluation { elements: vec![], proof: [0; 64] };
        assert_eq!(key.public().check(&[], &evaluation), Err(LabelError::Count(0, 0)));
    }

    #[test]
    fn the_label_of_a_code_ignores_case_and_is_hidden() {
        let label = |code| Label::of_service_provider_code(&ServiceProviderCode::new(code).unwrap());
        assert_eq!(label("867j"), label("867J"));
        assert_ne!(label("867J"), label("868J"));
        assert!(label("867J").is_hidden());
    }

    #[test]
    fn blocks_below_a_prefix_are_one_subtree() {
        let label = |block: &str| Label::of_block(&block.parse().unwrap());
        assert_eq!(label("1703555xxxx").as_bytes()[..6], [0x80, 0x17, 0x03, 0x55, 0x5f, 0x40]);
        assert!(!label("1703555xxxx").is_hidden());
        let mut sorted =
            [label("1703xxxxxxx"), label("170355xxxxx"), label("1703555xxxx"), label("1704xxxxxxx")];
        sorted.sort();
        let below: Vec<_> = sorted.iter().map(|l| l.as_bytes()[..3] == [0x80, 0x17, 0x03]).collect();
        assert_eq!(below, [true, true, true, false]);
    }
}
