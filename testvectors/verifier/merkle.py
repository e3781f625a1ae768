"""The tree of section 2: RFC 6962 hashes, inclusion and consistency proofs (RFC 9162)."""

import hashlib

from refusal import Refused, require

EMPTY_ROOT = hashlib.sha256(b"").digest()
LARGEST_SIZE = 2**63


def leaf_hash(leaf):
    """SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left, right):
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size):
    """The largest power of two below `size` (size > 1)."""
    return 1 << ((size - 1).bit_length() - 1)


def root_of_hashes(hashes):
    """The root of a tree, from the hashes of its leaves."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return node_hash(root_of_hashes(hashes[:k]), root_of_hashes(hashes[k:]))


def inclusion_path(hashes, index):
    """The inclusion proof of RFC 6962 section 2.1.1."""
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return inclusion_path(hashes[:k], index) + [root_of_hashes(hashes[k:])]
    return inclusion_path(hashes[k:], index - k) + [root_of_hashes(hashes[:k])]


def consistency_path(hashes, old_size, whole=True):
    """The consistency proof of RFC 6962 section 2.1.2."""
    if old_size == 0:
        return []
    if old_size == len(hashes):
        return [] if whole else [root_of_hashes(hashes)]
    k = split(len(hashes))
    if old_size <= k:
        return consistency_path(hashes[:k], old_size, whole) + [root_of_hashes(hashes[k:])]
    return consistency_path(hashes[k:], old_size - k, False) + [root_of_hashes(hashes[:k])]


def check_inclusion(hash_of_leaf, index, size, path, root):
    """Section 2, `inclusion`: RFC 9162 section 2.1.3.2."""
    require(0 <= index < size <= LARGEST_SIZE, "inclusion")
    fn, sn, r = index, size - 1, hash_of_leaf
    for p in path:
        require(sn != 0 and len(p) == 32, "inclusion")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    require(sn == 0 and r == root, "inclusion")


def check_consistency(old_size, old_root, new_size, new_root, path):
    """Section 2, `consistency`: RFC 9162 section 2.1.4.2, with the two trivial cases of the page."""
    require(0 <= old_size <= new_size <= LARGEST_SIZE, "consistency")
    require(all(len(p) == 32 for p in path), "consistency")
    if old_size == 0:
        require(not path and old_root == EMPTY_ROOT, "consistency")
        require(new_size > 0 or new_root == EMPTY_ROOT, "consistency")
    elif old_size == new_size:
        require(not path and old_root == new_root, "consistency")
    else:
        _walk_consistency(old_size, old_root, new_size, new_root, path)


def _walk_consistency(old_size, old_root, new_size, new_root, path):
    """The steps 2 to 7 of RFC 9162 section 2.1.4.2."""
    if old_size & (old_size - 1) == 0:
        path = [old_root] + path
    if not path:
        raise Refused("consistency")
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        require(sn != 0, "consistency")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    require(sn == 0 and fr == old_root and sr == new_root, "consistency")
