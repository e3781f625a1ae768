//! What a log signs its trees with.

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};

use super::staging::Tree;
use crate::checkpoint::{Checkpoint, TreeHead, tree_head_message};
use crate::note::{Note, Signer, VerifierKey};
use crate::sct::SctKey;

/// A tree and the time that it was signed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedTree {
    /// Size and root.
    pub tree: Tree,
    /// Milliseconds of Unix time; zero where the log signs no tree heads.
    pub time: u64,
}

/// Signs checkpoints with Ed25519 and, for an entry log, the RFC 6962 tree head with the SCT key. One note holds both
/// (C2SP `static-ct-api`), so that `checkpoint` and `get-sth` can never say different things.
pub struct CheckpointSigner {
    checkpoint: Signer,
    tree_head: Option<(SigningKey, SctKey)>,
}

impl CheckpointSigner {
    /// A signer of checkpoints alone. The origin is the name of the key.
    pub fn new(checkpoint: Signer) -> Self {
        CheckpointSigner { checkpoint, tree_head: None }
    }

    /// A signer of checkpoints and tree heads.
    pub fn with_tree_heads(checkpoint: Signer, sct_key: SigningKey, public: SctKey) -> Self {
        CheckpointSigner { checkpoint, tree_head: Some((sct_key, public)) }
    }

    /// The key that checkpoints verify with.
    pub fn verifier_key(&self) -> &VerifierKey {
        self.checkpoint.verifier_key()
    }

    /// Signs a tree. The same tree at the same time gives the same note.
    pub fn sign(&self, signed: &SignedTree) -> String {
        let SignedTree { tree, time } = signed;
        let origin = self.verifier_key().name();
        let checkpoint = Checkpoint::new(origin, tree.size, tree.root);
        let mut note = checkpoint.sign(&self.checkpoint).expect("the origin is the name of an Ed25519 key");
        if let Some((key, public)) = &self.tree_head {
            let signature: Signature = key.sign(&tree_head_message(*time, tree.size, &tree.root));
            let signature = signature.to_der().as_bytes().to_vec();
            let head = TreeHead { size: tree.size, root: tree.root, timestamp: *time, signature };
            let line = head.note_signature(origin, public.log_id()).expect("an origin is a key name");
            note.add(line).expect("a note has room for two signatures");
        }
        note.to_string()
    }

    /// Whether these bytes are a whole note, with as many signatures as this signer makes, whoever signed it: no such note
    /// is what a crash leaves of another one.
    pub fn is_whole(&self, note: &[u8]) -> bool {
        let signatures = 1 + usize::from(self.tree_head.is_some());
        Note::parse(note).is_ok_and(|note| note.signatures().len() >= signatures)
    }

    /// The tree that a note of this signer signs; none when it is not this signer's.
    pub fn open(&self, note: &[u8]) -> Option<SignedTree> {
        let note = Note::parse(note).ok()?;
        let checkpoint = Checkpoint::open(&note, self.verifier_key()).ok()?;
        let tree = Tree { size: checkpoint.size, root: checkpoint.root };
        let Some((_, public)) = &self.tree_head else { return Some(SignedTree { tree, time: 0 }) };
        let head = TreeHead::extract(&note, public.log_id()).ok()?;
        head.verify(public.verifying_key()).ok()?;
        Some(SignedTree { tree, time: head.timestamp })
    }
}
