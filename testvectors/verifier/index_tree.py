"""The tree of the number index (section 21.2) and the proofs out of it (section 21.3)."""

import hashlib
import os
from dataclasses import dataclass

from encoding import Malformed, Reader, uint
from refusal import Refused, require

LONGEST = 16_777_216
LARGEST_COUNT = 2**63
NOTHING, LABEL, INNER, KNOWN = 0, 1, 2, 3
EMPTY_ROOT = hashlib.sha256(b"\x02").digest()


@dataclass(frozen=True)
class Entry:
    """A label, and the count and root of its list."""

    label: bytes
    count: int
    list_root: bytes


@dataclass(frozen=True)
class Node:
    """A node: its prefix in bits (of a label all of them), and the entries that are told at it and below."""

    hash: bytes
    prefix: str
    entries: list


WHOLE_TREE_EMPTY = Node(EMPTY_ROOT, "", [])


def bits(data, count):
    """The first bits of the bytes, as text of 0 and 1."""
    return "".join(f"{octet:08b}" for octet in data)[:count]


def padded(prefix, size):
    """So many bytes that begin with the prefix, padded with zero bits."""
    return uint(int(prefix.ljust(8 * size, "0") or "0", 2), size)


def label_node(entry):
    """The node of one label."""
    data = b"\x03" + entry.label + uint(entry.count, 8) + entry.list_root
    return Node(hashlib.sha256(data).digest(), bits(entry.label, 256), [entry])


def inner_node(prefix, left, right):
    """The node above two others."""
    data = b"\x04" + uint(len(prefix), 1) + padded(prefix, 32) + left.hash + right.hash
    return Node(hashlib.sha256(data).digest(), prefix, left.entries + right.entries)


def nodes_of(entries):
    """The node of these labels (ascending, at least one), and behind it all nodes below it."""
    if len(entries) == 1:
        return [label_node(entries[0])]
    prefix = os.path.commonprefix([bits(entries[0].label, 256), bits(entries[-1].label, 256)])
    left = [entry for entry in entries if bits(entry.label, 256)[len(prefix)] == "0"]
    below = nodes_of(left), nodes_of(entries[len(left) :])
    return [inner_node(prefix, below[0][0], below[1][0]), *below[0], *below[1]]


def root_of(entries):
    """The root of the index of these labels."""
    return nodes_of(entries)[0].hash if entries else EMPTY_ROOT


def asked_for(entries, query):
    """The entries whose labels begin with a prefix of the query."""
    return [entry for entry in entries if bits(entry.label, 256).startswith(tuple(query))]


def known_nodes(query, old):
    """The nodes, by hash, that who has the old answer to the query knows."""
    parts = [asked_for(old, [prefix]) for prefix in query]
    return {node.hash: node for part in parts if part for node in nodes_of(part)}


def verify(data, query, root, old=()):
    """The entries that were asked for, else `index-proof`; `old` is an earlier answer to the query."""
    require(len(data) <= LONGEST, "index-proof")
    proof = _Proof(data, query, known_nodes(query, old))
    try:
        node = proof.node("")
        proof.reader.finish()
    except Malformed as error:
        raise Refused("index-proof") from error
    require(node.hash == root, "index-proof")
    return asked_for(node.entries, query)


class _Proof:
    """Reads the nodes of a proof."""

    def __init__(self, data, query, known):
        self.reader, self.query, self.known = Reader(data), query, known

    def node(self, position):
        """The Node at a position; that of the whole tree alone is the empty prefix."""
        kind = self.reader.uint(1)
        if kind == NOTHING and position == "":
            return WHOLE_TREE_EMPTY
        if kind == KNOWN:
            return self._known(position)
        if kind not in (LABEL, INNER):
            raise Malformed("type of a node")
        node = self._label(position) if kind == LABEL else self._inner(position)
        if node.hash in self.known:
            raise Malformed("a known node is told again")
        return node

    def _known(self, position):
        """A node of which only the hash is told."""
        node = self.known.get(self.reader.take(32))
        if node is None:
            raise Malformed("a hash that is not known")
        _check_position(node.prefix, position)
        return node

    def _label(self, position):
        """A label."""
        entry = Entry(self.reader.take(32), self.reader.uint(8), self.reader.take(32))
        if not 1 <= entry.count <= LARGEST_COUNT:
            raise Malformed("count of a list")
        node = label_node(entry)
        _check_position(node.prefix, position)
        return node

    def _inner(self, position):
        """An inner node, with what is below it; each position is longer, so there are at most 256."""
        length = self.reader.uint(1)
        octets = self.reader.take((length + 7) // 8)
        prefix = bits(octets, length)
        if padded(prefix, len(octets)) != octets:
            raise Malformed("bits beyond the length")
        _check_position(prefix, position)
        return inner_node(prefix, self._child(prefix + "0"), self._child(prefix + "1"))

    def _child(self, position):
        """A Node where a label that was asked for can be, elsewhere the hash of one."""
        if any(position.startswith(prefix) or prefix.startswith(position) for prefix in self.query):
            return self.node(position)
        return Node(self.reader.take(32), position, [])


def _check_position(prefix, position):
    """What is at a position begins with it."""
    if not prefix.startswith(position):
        raise Malformed("a node in another's place")
