"""Pages of the list of a label (section 21.4)."""

from dataclasses import dataclass

import merkle
from encoding import Malformed, Reader, uint
from refusal import Refused, require

MOST_ITEMS, MOST_HASHES = 65_536, 64


@dataclass(frozen=True)
class Page:
    """A ListPage."""

    first: int
    items: list
    before: list
    after: list


@dataclass(frozen=True)
class Known:
    """What is known of a list up to a place: count, root and last item."""

    count: int = 0
    root: bytes = merkle.EMPTY_ROOT
    last: int | None = None


def read(data):
    """A ListPage, else `page-format`."""
    reader = Reader(data)
    try:
        first = reader.uint(8)
        items, before, after = _parts(reader.opaque(3), 8), *(_parts(reader.opaque(2), 32) for _ in range(2))
        reader.finish()
    except Malformed as error:
        raise Refused("page-format") from error
    require(len(items) <= MOST_ITEMS, "page-format")
    require(len(before) <= MOST_HASHES and len(after) <= MOST_HASHES, "page-format")
    return Page(first, [int.from_bytes(item, "big") for item in items], before, after)


def _parts(data, size):
    """The bytes in parts of one size."""
    if len(data) % size:
        raise Malformed("part of an item")
    return [data[i : i + size] for i in range(0, len(data), size)]


def item_hash(item):
    """The leaf hash of an item of a list."""
    return merkle.leaf_hash(uint(item, 8))


def list_root(items):
    """The root of a whole list."""
    return merkle.root_of_hashes([item_hash(item) for item in items])


def verify(data, known, whole, log_size):
    """(items, what is known behind them): `page-format`, `page-place`, `page-order`, `page-proof`.

    `whole` is (count, root) of the whole list, from the index of a log of `log_size` entries.
    """
    page = read(data)
    require(page.first == known.count, "page-place")
    _check_order(page.items, known.last, log_size)
    subtrees = _subtrees(page)
    require(_joined(subtrees) == known.root, "page-proof")
    for item in page.items:
        _append(subtrees, item)
    end = Known(page.first + len(page.items), _joined(subtrees), page.items[-1] if page.items else known.last)
    _check_end(page, end, whole)
    return page.items, end


def _check_order(items, last, log_size):
    """The items rise from behind the last known one, and the last of all is below the size of the log."""
    for item in items:
        require(last is None or item > last, "page-order")
        last = item
    require(last is None or last < log_size, "page-order")


def _subtrees(page):
    """The [size, hash] of the complete subtrees before the page, the largest first, else `page-proof`."""
    sizes = [1 << bit for bit in range(63, -1, -1) if page.first >> bit & 1]
    require(len(page.before) == len(sizes), "page-proof")
    return [list(pair) for pair in zip(sizes, page.before)]


def _joined(subtrees):
    """The root of complete subtrees, joined from the right."""
    if not subtrees:
        return merkle.EMPTY_ROOT
    *rest, (_, root) = subtrees
    for _, subtree in reversed(rest):
        root = merkle.node_hash(subtree, root)
    return root


def _append(subtrees, item):
    """One more leaf; two subtrees of one size become one of twice the size."""
    subtrees.append([1, item_hash(item)])
    while len(subtrees) > 1 and subtrees[-2][0] == subtrees[-1][0]:
        size, right = subtrees.pop()
        subtrees[-1] = [2 * size, merkle.node_hash(subtrees[-1][1], right)]


def _check_end(page, end, whole):
    """The list up to the end of the page is a beginning of the whole list, else `page-proof`."""
    count, root = whole
    require(end.count > 0 or count == 0, "page-proof")
    try:
        merkle.check_consistency(end.count, end.root, count, root, page.after)
    except Refused as error:
        raise Refused("page-proof") from error
