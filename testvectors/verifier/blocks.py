"""Numbers, service provider codes, blocks, ranges (section 8) and calling codes (section 16)."""

import re

from refusal import require

MOST_NAMES = 512


def is_number(text):
    """A number is 4 to 15 digits, the first not 0."""
    return re.fullmatch(r"[1-9][0-9]{3,14}", text) is not None


def check_number(text):
    """The number that the text is, else `bad-number`."""
    require(is_number(text), "bad-number")
    return text


def check_spc(text):
    """A service provider code is 1 to 6 letters or digits, else `bad-service-provider-code`."""
    require(re.fullmatch(r"[A-Za-z0-9]{1,6}", text) is not None, "bad-service-provider-code")
    return text


def spc_set(codes):
    """The codes by their capitals; of equal ones the first stays."""
    by_capitals = {}
    for code in codes:
        by_capitals.setdefault(code.upper(), code)
    return [by_capitals[capitals] for capitals in sorted(by_capitals)]


def write_block(block):
    """The prefix, and an x for each free digit."""
    return block[0] + "x" * block[1]


def parse_block(text):
    """(prefix, count of free digits) of the written form, or None."""
    match = re.fullmatch(r"([1-9][0-9]*)(x*)", text)
    if match is None or not 4 <= len(text) <= 15:
        return None
    return match[1], len(match[2])


def block_covers_number(block, number):
    """Numbers of exactly the length of the block that begin with its prefix."""
    return len(number) == len(block[0]) + block[1] and number.startswith(block[0])


def block_covers_block(outer, inner):
    """Whether every number of the inner block lies in the outer one."""
    return sum_digits(outer) == sum_digits(inner) and inner[0].startswith(outer[0])


def sum_digits(block):
    """The count of digits of the numbers of a block."""
    return len(block[0]) + block[1]


def check_range(first, count):
    """A range of (number, count): `bad-number`, `range-under-ten`, `range-lengths-differ`."""
    check_number(first)
    require(count >= 10, "range-under-ten")
    require(int(first) + count - 1 < 10 ** len(first), "range-lengths-differ")


def join_ranges(ranges):
    """Step 1: the (digits, first, last) that are left when those that overlap or touch are joined."""
    joined = []
    for digits, first, last in sorted((len(f), int(f), int(f) + count - 1) for f, count in ranges):
        if joined and joined[-1][0] == digits and first <= joined[-1][2] + 1:
            joined[-1] = (digits, joined[-1][1], max(joined[-1][2], last))
        else:
            joined.append((digits, first, last))
    return joined


def split_range(digits, first, last):
    """Step 2: the largest blocks, one after another."""
    while first <= last:
        free = digits - 1
        while first % 10**free or first + 10**free - 1 > last:
            free -= 1
        yield str(first)[: digits - free], free
        first += 10**free


def blocks_of_ranges(ranges):
    """The blocks of checked ranges, sorted, else `too-many-blocks`."""
    blocks = [block for part in join_ranges(ranges) for block in split_range(*part)]
    require(len(blocks) <= MOST_NAMES, "too-many-blocks")
    return sorted(blocks)


CALLING_CODES = frozenset("""
    1 7
    20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66
    81 82 84 86 90 91 92 93 94 95 98
    211 212 213 216 218 220-249 250-258 260-269 290 291 297 298 299
    350-359 370-379 380 381 382 383 385 386 387 389
    420 421 423
    500-509 590-599
    670 672-679 680 681 682 683 685 686 687 688 689 690 691 692
    800 808 850 852 853 855 856 870 878 880 881 882 883 886
    960-968 970-977 979 992 993 994 995 996 998
    """.split())


def _expand(codes):
    """Every code, with `a-b` as all from a to b."""
    for item in codes:
        first, _, last = item.partition("-")
        yield from range(int(first), int(last or first) + 1)


CALLING_CODE_NUMBERS = frozenset(_expand(CALLING_CODES))


def calling_code(digits):
    """The one code of the table with which the digits begin, or None (section 16)."""
    for length in (1, 2, 3):
        if len(digits) >= length and int(digits[:length]) in CALLING_CODE_NUMBERS and digits[0] != "0":
            return int(digits[:length])
    return None
