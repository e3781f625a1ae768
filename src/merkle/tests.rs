use super::*;

/// A tree written as RFC 6962 §2.1 writes it, recursively, to judge the other one.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
            Hash::of_node(&mth(left), &mth(right))
        }
    }
}

struct Naive(Vec<Hash>);

impl HashReader for Naive {
    type Error = NodeId;

    fn read(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, NodeId> {
        let hash = |node: &NodeId| {
            let start = (node.index as usize) << node.level;
            self.0.get(start..start + (1 << node.level)).map(mth).ok_or(*node)
        };
        nodes.iter().map(hash).collect()
    }
}

fn tree(size: usize) -> Naive {
    Naive((0..size).map(|i| Hash::of_leaf(&(i as u32).to_be_bytes())).collect())
}

fn every_flip(proof: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
    (0..proof.len() * 256).map(|bit| {
        let mut flipped = proof.to_vec();
        flipped[bit / 256].0[bit % 256 / 8] ^= 1 << (bit % 8);
        flipped
    })
}

/// The proof with one hash too few or too many, at each place.
fn every_wrong_length(proof: &[Hash], extra: Hash) -> Vec<Vec<Hash>> {
    let mut wrong = Vec::new();
    for place in 0..=proof.len() {
        let mut longer = proof.to_vec();
        longer.insert(place, extra);
        wrong.push(longer);
        if place < proof.len() {
            let mut shorter = proof.to_vec();
            shorter.remove(place);
            wrong.push(shorter);
        }
    }
    wrong
}

#[test]
fn the_root_is_that_of_the_recursion_at_every_size() {
    for size in 0..=100 {
        let tree = tree(size);
        assert_eq!(tree_root(&tree, size as u64).unwrap(), mth(&tree.0), "size {size}");
    }
}

#[test]
fn every_leaf_of_every_size_is_proved_and_every_other_is_not() {
    for size in 1..=100 {
        let tree = tree(size);
        let root = mth(&tree.0);
        for index in 0..size {
            let proof = prove_inclusion(&tree, index as u64, size as u64).unwrap();
            for (other, leaf) in tree.0.iter().enumerate() {
                let checked = check_inclusion(&proof, size as u64, other as u64, leaf, &root);
                assert_eq!(checked.is_ok(), other == index, "proof of {index}, leaf {other} of {size}");
            }
        }
    }
}

/// Fails when the comparison with the root at the end of `check_inclusion` is removed.
#[test]
fn every_flipped_bit_of_an_inclusion_proof_is_refused() {
    for size in 1..=100 {
        let tree = tree(size);
        let root = mth(&tree.0);
        // Every leaf of the small trees, and those of the larger ones where the shape changes.
        for index in (0..size).filter(|index| size <= 40 || index % 7 == 0 || index + 3 > size) {
            let proof = prove_inclusion(&tree, index as u64, size as u64).unwrap();
            for flipped in every_flip(&proof) {
                let checked = check_inclusion(&flipped, size as u64, index as u64, &tree.0[index], &root);
                assert_eq!(checked, Err(ProofError), "index {index} of {size}");
            }
        }
    }
}

/// Fails when `climb.finish()?` is removed from `check_inclusion` (too short) or the test of `self.last` from
/// `Climb::step` (too long): the roots here are those to which the wrong proof leads.
#[test]
fn an_inclusion_proof_of_the_wrong_length_is_refused_whatever_the_root() {
    for size in 1..=100u64 {
        let tree = tree(size as usize);
        for index in 0..size {
            let proof = prove_inclusion(&tree, index, size).unwrap();
            let leaf = tree.0[index as usize];
            for wrong in every_wrong_length(&proof, Hash([7; 32])) {
                let root = follow(&wrong, index, size, leaf);
                assert_eq!(check_inclusion(&wrong, size, index, &leaf, &root), Err(ProofError));
            }
        }
    }
}

/// The root to which a proof leads when nobody counts its hashes.
fn follow(proof: &[Hash], index: u64, size: u64, leaf: Hash) -> Hash {
    let mut climb = Climb { node: index, last: size - 1 };
    proof.iter().fold(leaf, |hash, sibling| match climb.step() {
        Ok(Side::Left) => Hash::of_node(sibling, &hash),
        _ => Hash::of_node(&hash, sibling),
    })
}

#[test]
fn every_pair_of_sizes_is_consistent_and_no_other_size_is() {
    for new in 0..=100u64 {
        let tree = tree(new as usize);
        let new_root = mth(&tree.0);
        for old in 0..=new {
            let proof = prove_consistency(&tree, old, new).unwrap();
            let old_root = mth(&tree.0[..old as usize]);
            assert_eq!(check_consistency(&proof, old, &old_root, new, &new_root), Ok(()), "{old} to {new}");
            for other in (0..=new).filter(|&other| other != old) {
                let other_root = mth(&tree.0[..other as usize]);
                let checked = check_consistency(&proof, old, &other_root, new, &new_root);
                assert_eq!(checked, Err(ProofError), "{old} to {new} with the root of {other}");
            }
        }
    }
}

/// Fails when either comparison of a root at the end of `check_consistency` is removed.
#[test]
fn every_flipped_bit_of_a_consistency_proof_and_of_its_roots_is_refused() {
    for new in 1..=64u64 {
        let tree = tree(new as usize);
        let new_root = mth(&tree.0);
        for old in (1..=new).filter(|old| new <= 32 || old % 5 == 0) {
            let proof = prove_consistency(&tree, old, new).unwrap();
            let old_root = mth(&tree.0[..old as usize]);
            for flipped in every_flip(&proof) {
                let checked = check_consistency(&flipped, old, &old_root, new, &new_root);
                assert_eq!(checked, Err(ProofError), "{old} to {new}");
            }
            for root in every_flip(&[old_root]) {
                assert!(check_consistency(&proof, old, &root[0], new, &new_root).is_err());
            }
            for root in every_flip(&[new_root]) {
                assert!(check_consistency(&proof, old, &old_root, new, &root[0]).is_err());
            }
        }
    }
}

/// The roots to which a consistency proof leads when nobody counts its hashes.
fn follow_consistency(proof: &[Hash], old_size: u64, old_root: Hash, new_size: u64) -> (Hash, Hash) {
    let whole = old_size.is_power_of_two();
    let (seed, proof) = if whole { (old_root, proof) } else { (proof[0], &proof[1..]) };
    let shared = (old_size - 1).trailing_ones();
    let mut climb = Climb { node: (old_size - 1) >> shared, last: (new_size - 1) >> shared };
    proof.iter().fold((seed, seed), |(old, new), sibling| match climb.step() {
        Ok(Side::Left) => (Hash::of_node(sibling, &old), Hash::of_node(sibling, &new)),
        _ => (old, Hash::of_node(&new, sibling)),
    })
}

/// Fails when `climb.finish()?` is removed from `check_consistency` (too short) or the test of `self.last` from
/// `Climb::step` (too long): the roots here are those to which the wrong proof leads.
#[test]
fn a_consistency_proof_of_the_wrong_length_is_refused_whatever_the_roots() {
    for new in 2..=100u64 {
        let tree = tree(new as usize);
        for old in 1..new {
            let proof = prove_consistency(&tree, old, new).unwrap();
            let old_root = mth(&tree.0[..old as usize]);
            for wrong in every_wrong_length(&proof, Hash([7; 32])) {
                if wrong.is_empty() {
                    assert!(check_consistency(&wrong, old, &old_root, new, &old_root).is_err());
                    continue;
                }
                let (old_root, new_root) = follow_consistency(&wrong, old, old_root, new);
                let checked = check_consistency(&wrong, old, &old_root, new, &new_root);
                assert_eq!(checked, Err(ProofError), "{old} to {new} with {} hashes", wrong.len());
            }
        }
    }
}

#[test]
fn a_consistency_proof_of_the_wrong_length_is_refused() {
    for new in 0..=100u64 {
        let tree = tree(new as usize);
        let new_root = mth(&tree.0);
        for old in 0..=new {
            let proof = prove_consistency(&tree, old, new).unwrap();
            let old_root = mth(&tree.0[..old as usize]);
            let extras = [Hash([7; 32]), old_root, new_root];
            for wrong in extras.iter().flat_map(|&extra| every_wrong_length(&proof, extra)) {
                let checked = check_consistency(&wrong, old, &old_root, new, &new_root);
                assert_eq!(checked, Err(ProofError), "{old} to {new} with {} hashes", wrong.len());
            }
        }
    }
}

#[test]
fn the_empty_tree_has_one_root() {
    let other = Hash([1; 32]);
    assert_eq!(check_consistency(&[], 0, &Hash::EMPTY_ROOT, 0, &Hash::EMPTY_ROOT), Ok(()));
    assert_eq!(check_consistency(&[], 0, &Hash::EMPTY_ROOT, 9, &other), Ok(()));
    assert_eq!(check_consistency(&[], 0, &other, 9, &other), Err(ProofError));
    assert_eq!(check_consistency(&[], 0, &other, 0, &other), Err(ProofError));
    assert_eq!(check_consistency(&[other], 0, &Hash::EMPTY_ROOT, 9, &other), Err(ProofError));
}

#[test]
fn arguments_out_of_range_are_refused() {
    let tree = tree(5);
    assert_eq!(plan_inclusion(5, 5), Err(RangeError { first: 5, size: 5 }));
    assert_eq!(plan_inclusion(0, 0), Err(RangeError { first: 0, size: 0 }));
    assert_eq!(plan_inclusion(0, MAX_SIZE + 1), Err(RangeError { first: 0, size: MAX_SIZE + 1 }));
    assert_eq!(plan_consistency(6, 5), Err(RangeError { first: 6, size: 5 }));
    assert!(prove_consistency(&tree, 1, MAX_SIZE + 1).is_err());
    assert!(tree_root(&tree, u64::MAX).is_err());
    assert_eq!(check_inclusion(&[], 0, 0, &tree.0[0], &tree.0[0]), Err(ProofError));
    assert_eq!(check_inclusion(&[], 1, 1, &tree.0[0], &tree.0[0]), Err(ProofError));
    assert_eq!(check_consistency(&[], 2, &tree.0[0], 1, &tree.0[0]), Err(ProofError));
}

#[test]
fn a_reader_that_miscounts_or_fails_makes_no_proof() {
    struct One;
    impl HashReader for One {
        type Error = ();
        fn read(&self, _: &[NodeId]) -> Result<Vec<Hash>, ()> {
            Ok(vec![Hash::EMPTY_ROOT])
        }
    }
    assert_eq!(prove_inclusion(&One, 0, 4), Err(ProveError::Count { asked: 2, given: 1 }));
    assert_eq!(prove_inclusion(&tree(3), 0, 4), Err(ProveError::Read(NodeId { level: 1, index: 1 })));
}

/// Each hash is the name of its node, so a tree of any size can be read.
struct Endless;

impl HashReader for Endless {
    type Error = core::convert::Infallible;

    fn read(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, Self::Error> {
        let zeros = |level| (0..level).fold(Hash([0; 32]), |hash, _| Hash::of_node(&hash, &hash));
        Ok(nodes.iter().map(|node| zeros(node.level)).collect())
    }
}

#[test]
fn the_largest_trees_do_not_overflow() {
    let leaf = Hash([0; 32]);
    let sizes = [MAX_SIZE, MAX_SIZE - 1, MAX_SIZE / 2 + 1, MAX_SIZE / 2, 0x5555_5555_5555_5555];
    for size in sizes {
        let root = tree_root(&Endless, size).unwrap();
        for index in [0, 1, size / 3, size / 2, size - 2, size - 1] {
            let proof = prove_inclusion(&Endless, index, size).unwrap();
            assert_eq!(check_inclusion(&proof, size, index, &leaf, &root), Ok(()), "{index} of {size}");
            assert!(proof.len() <= 63);
        }
        for old in [1, 2, 3, size / 3, size / 2, size - 1, size] {
            let old_root = tree_root(&Endless, old).unwrap();
            let proof = prove_consistency(&Endless, old, size).unwrap();
            assert_eq!(check_consistency(&proof, old, &old_root, size, &root), Ok(()), "{old} to {size}");
            assert!(proof.len() <= 64);
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn hash(text: &str) -> Hash {
    Hash(unhex(text).try_into().unwrap())
}

#[test]
fn the_vectors_of_certificate_transparency_hold() {
    let mut leaves = Vec::new();
    let mut roots = Vec::new();
    let mut proofs = 0;
    for line in include_str!("../../testvectors/external/rfc6962-tree.txt").lines() {
        let words: Vec<_> = line.split(' ').collect();
        let number = |i: usize| words[i].parse::<u64>().unwrap();
        let hashes = || words[3..].iter().map(|word| hash(word)).collect::<Vec<_>>();
        match words[0] {
            "leaf" => leaves.push(Hash::of_leaf(&unhex(words.get(1).unwrap_or(&"")))),
            "root" => {
                assert_eq!(tree_root(&Naive(leaves.clone()), number(1)).unwrap(), hash(words[2]));
                roots.push(hash(words[2]));
            }
            "inclusion" => {
                let (index, size) = (number(1), number(2));
                assert_eq!(prove_inclusion(&Naive(leaves.clone()), index, size).unwrap(), hashes());
                let (leaf, root) = (&leaves[index as usize], &roots[size as usize]);
                assert_eq!(check_inclusion(&hashes(), size, index, leaf, root), Ok(()));
                proofs += 1;
            }
            "consistency" => {
                let (old, new) = (number(1), number(2));
                assert_eq!(prove_consistency(&Naive(leaves.clone()), old, new).unwrap(), hashes());
                let (old_root, new_root) = (&roots[old as usize], &roots[new as usize]);
                assert_eq!(check_consistency(&hashes(), old, old_root, new, new_root), Ok(()));
                proofs += 1;
            }
            comment => assert_eq!(comment, "#"),
        }
    }
    assert_eq!((leaves.len(), roots.len(), proofs), (8, 9, 5));
}

#[test]
fn hashes_print_as_hexadecimal() {
    assert_eq!(format!("{:?}", Hash([0xab; 32])), "ab".repeat(32));
}
