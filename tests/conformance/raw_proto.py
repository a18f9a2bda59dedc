"""Protobuf's wire format by hand: what no generated stub would send."""

import struct

VARINT, FIXED64, BYTES, START_GROUP, END_GROUP, FIXED32 = range(6)


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def tag(number, wire_type):
    return varint(number << 3 | wire_type)


def text(number, content):
    """A string, bytes or message field."""
    if isinstance(content, str):
        content = content.encode()
    return tag(number, BYTES) + varint(len(content)) + content


def integer(number, value):
    """An integer field; 2^64 is added to a negative value."""
    return tag(number, VARINT) + varint(value % (1 << 64))


def fixed32(number, value):
    return tag(number, FIXED32) + struct.pack("<I", value)


def of_other_type(number, wire_type):
    """The field with every wire type but its own."""
    forms = {
        VARINT: integer(number, 1),
        FIXED64: tag(number, FIXED64) + bytes(8),
        BYTES: text(number, b""),
        FIXED32: fixed32(number, 0),
        START_GROUP: tag(number, START_GROUP) + tag(number, END_GROUP),
    }
    return [form for type_, form in forms.items() if type_ != wire_type]
