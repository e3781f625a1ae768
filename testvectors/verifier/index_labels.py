"""The labels that a leaf carries (section 21.1)."""

import labels
import leaf as leaves
import tnauthlist
from encoding import Malformed, Reader
from refusal import Refused

SEQUENCE, OCTET_STRING, EXTENSIONS = 0x30, 0x04, 0xA3
TN_AUTH_LIST = (0x06, bytes.fromhex("2b0601050507011a"))


def of_leaf(data):
    """The labels of a leaf, ascending; none of what is no leaf."""
    try:
        leaf = leaves.read(data)
    except Refused:
        return []
    if leaf.entry_type == leaves.X509:
        return of_certificate(leaf.entry)
    if leaf.entry_type == leaves.PRECERTIFICATE:
        return of_tbs(leaf.entry[1])
    if leaf.entry_type == leaves.PARAMETERS:
        return []
    said = leaf.entry[1]
    return said if isinstance(said, list) else [said]


def of_certificate(data):
    """The labels of an x509_entry."""
    try:
        inside = _values(_only(_values(data), SEQUENCE))
        return _of_tbs(_only(inside[:1], SEQUENCE))
    except Malformed:
        return []


def of_tbs(data):
    """The labels of a precert_entry."""
    try:
        return _of_tbs(_only(_values(data), SEQUENCE))
    except Malformed:
        return []


def _of_tbs(content):
    """The labels of what is in a TBSCertificate."""
    fields = [value for value in _values(content) if value[0] == EXTENSIONS]
    extensions = _only(_values(_only(fields[:1], EXTENSIONS)), SEQUENCE)
    for tag, extension in _values(extensions):
        value = _tn_auth_list(extension) if tag == SEQUENCE else None
        if value is not None:
            return _named(value)
    return []


def _tn_auth_list(extension):
    """The value of an extension that is a TNAuthList, else None."""
    try:
        values = _values(extension)
    except Malformed:
        return None
    is_one = values and values[0] == TN_AUTH_LIST and values[-1][0] == OCTET_STRING
    return values[-1][1] if is_one else None


def _named(value):
    """The labels of the codes or blocks that a TNAuthList names."""
    try:
        name, names = tnauthlist.names(tnauthlist.read(value))
    except (Malformed, Refused):
        return []
    label_of = {"spcs": labels.spc_label, "blocks": labels.block_label}.get(name)
    return sorted(label_of(item) for item in names) if label_of else []


def _only(values, tag):
    """The content of the one value of a list, which has this tag."""
    if [found for found, _ in values] != [tag]:
        raise Malformed("no value, another or several")
    return values[0][1]


def _values(data):
    """The (tag, content) of the values that the bytes are, one behind the other."""
    reader, values = Reader(data), []
    while not reader.at_end():
        tag = reader.uint(1)
        if tag & 0x1F == 0x1F:
            raise Malformed("tag of more than one byte")
        values.append((tag, reader.take(_length(reader))))
    return values


def _length(reader):
    """A length of one byte, or of 0x81 or 0x82 and as many bytes as are needed."""
    first = reader.uint(1)
    if first < 0x80:
        return first
    size = first - 0x80
    length = reader.uint(size) if size in (1, 2) else 0
    if length < (0x80 if size == 1 else 0x100):
        raise Malformed("length")
    return length
