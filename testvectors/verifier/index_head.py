"""Heads of the index log (section 21.5)."""

from dataclasses import dataclass

import index_tree
import merkle
from encoding import Malformed, Reader
from refusal import Refused, require

VERSION = 1


@dataclass(frozen=True)
class Head:
    """An IndexHead."""

    size: int
    root: bytes
    index_root: bytes
    labels: int


def read(data):
    """An IndexHead: `head-format`, `head-version`, `head-size`."""
    reader = Reader(data)
    try:
        require(reader.uint(1) == VERSION, "head-version")
        head = Head(reader.uint(8), reader.take(32), reader.take(32), reader.uint(8))
        reader.finish()
    except Malformed as error:
        raise Refused("head-format") from error
    require(head.size <= merkle.LARGEST_SIZE and (head.size > 0 or head.labels == 0), "head-size")
    require((head.size == 0) == (head.root == merkle.EMPTY_ROOT), "head-size")
    require((head.labels == 0) == (head.index_root == index_tree.EMPTY_ROOT), "head-size")
    return head
