"""Labels of section 9."""

import hashlib

import voprf
from refusal import require

LABEL_KEY_INFO = b"tnlog label key v1"


def clear_first_bit(label):
    """A hidden label begins with the bit 0."""
    return bytes([label[0] & 0x7F]) + label[1:]


def block_label(block):
    """0x80, then nibbles: the digits of the prefix, 0xf, the count of free digits, zeros."""
    prefix, free = block
    nibbles = (prefix + "f" + f"{free:x}").ljust(62, "0")
    return b"\x80" + bytes.fromhex(nibbles)


def spc_label(code):
    """SHA-256 of the code in capitals, first bit cleared."""
    text = b"tnlog service provider code label v1\x00spc:" + code.upper().encode("ascii")
    return clear_first_bit(hashlib.sha256(text).digest())


def number_input(digits):
    """The input of the VOPRF."""
    return b"tn:" + digits.encode("ascii")


def number_labels(label_key, numbers, elements, proof):
    """Section 9, "Proof in a receipt": the labels, in the order of the (sorted) numbers."""
    key_point = voprf.decode_element(label_key, "label-key")
    require(len(numbers) == len(elements) and numbers, "label-count")
    evaluated = [voprf.decode_element(element, "label-element") for element in elements]
    inputs = [number_input(digits) for digits in numbers]
    hashed = [voprf.hash_to_element(message) for message in inputs]
    voprf.verify_proof(label_key, key_point, hashed, evaluated, proof)
    outputs = [voprf.finalize(message, element) for message, element in zip(inputs, elements)]
    return [clear_first_bit(output[:32]) for output in outputs]
