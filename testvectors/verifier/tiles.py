"""Tiles, entry bundles and side bundles of section 3."""

import re

from encoding import Malformed, Reader, opaque
from refusal import Refused, require

LEVEL = r"(0|[1-9][0-9]?|entries|chains)"
GROUPS = r"((?:x[0-9]{3}/)*[0-9]{3})"
PATH = re.compile(rf"tile/{LEVEL}/{GROUPS}(?:\.p/([1-9][0-9]{{0,2}}))?")


def number_path(number):
    """<N> in groups of three digits, all but the last with x before them."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join(["x" + group for group in groups[:-1]] + groups[-1:])


def tile_path(level, number, width=256):
    """The path of a tile or bundle; `level` is a number, "entries" or "chains"."""
    partial = "" if width == 256 else f".p/{width}"
    return f"tile/{level}/{number_path(number)}{partial}"


def parse_tile_path(path):
    """(level, number, width) of a path, else `tile-path`."""
    match = PATH.fullmatch(path)
    require(match is not None, "tile-path")
    level = match[1] if match[1] in ("entries", "chains") else int(match[1])
    number = int(match[2].replace("x", "").replace("/", ""))
    width = int(match[3]) if match[3] else 256
    require(isinstance(level, str) or level <= 63, "tile-path")
    require(match[3] is None or width <= 255, "tile-path")
    require(number < 2**64 and tile_path(level, number, width) == path, "tile-path")
    return level, number, width


def check_tile(data, width):
    """The hashes of a tile; exactly 32 W bytes, else `tile-length`."""
    require(len(data) == 32 * width, "tile-length")
    return [data[i : i + 32] for i in range(0, len(data), 32)]


def read_bundle(data, width):
    """The items of an entry bundle or side bundle, else `bundle`."""
    reader, items = Reader(data), []
    try:
        for _ in range(width):
            items.append(reader.opaque(2))
        reader.finish()
    except Malformed as error:
        raise Refused("bundle") from error
    return items


def write_bundle(items):
    """A bundle of the items."""
    return b"".join(opaque(item, 2) for item in items)


def read_side_item(data):
    """(precertificate, fingerprints) of an item of a side bundle, else `side-item`."""
    reader = Reader(data)
    try:
        precertificate, chain = reader.opaque(3), reader.opaque(2)
        reader.finish()
    except Malformed as error:
        raise Refused("side-item") from error
    require(len(chain) % 32 == 0, "side-item")
    return precertificate, [chain[i : i + 32] for i in range(0, len(chain), 32)]


def write_side_item(precertificate, fingerprints):
    """An item of a side bundle."""
    return opaque(precertificate, 3) + opaque(b"".join(fingerprints), 2)
