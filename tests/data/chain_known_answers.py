#!/usr/bin/env python3
"""Computes the digests that chain_test.cc and format_test.cc expect.

Written from the text of storage/chain.h and DESIGN.md, not from the C++ code.
"""

import hashlib
import struct


def start(topic_uuid, partition):
    return hashlib.sha256(topic_uuid + struct.pack(">I", partition)).digest()


def following(previous, base_offset, count, append_time_us, producer_id, epoch,
              sequence, state, encoding, codec, payload):
    covered = previous
    covered += struct.pack(">QIq", base_offset, count, append_time_us)
    covered += producer_id + struct.pack(">QQ", epoch, sequence)
    covered += struct.pack(">BI", 0 if state is None else 1,
                           0 if state is None else len(state))
    covered += b"" if state is None else state
    covered += struct.pack(">BB", encoding, codec)
    covered += hashlib.sha256(payload).digest()
    return hashlib.sha256(covered).digest()


def repeated(text, size):
    return (text * (size // len(text) + 1))[:size].encode()


def format_content():
    """The chains of tests/storage/format_content.h."""
    def topic(group):
        return struct.pack("<Q", group) + bytes(8)

    chain = start(topic(1), 0)
    for i in range(1, 41):
        chain = following(chain, 3 * (i - 1), 3, 10 * i, bytes(16), 0, 0, None,
                          1, 0, repeated(f"g1 e{i} ", 30_000))
    print("group 1    ", chain.hex())
    chain = start(topic(2), 0)
    for i in range(1, 8):
        chain = following(chain, 2 * (i - 1), 2, 10 * i, b"\xaa" * 16, 1, i,
                          f"lsn {i}".encode(), 1, 0, repeated(f"g2 e{i} ", 500))
    # The fence is entry 8 at time 80; the batch after it is entry 9.
    chain = following(chain, 14, 1, 90, b"\xaa" * 16, 2, 8, b"", 1, 0,
                      b"g2 again")
    print("group 2    ", chain.hex())
    chain = b"\x33" * 32
    for i in range(1, 6):
        chain = following(chain, 999 + i, 1, 5000 + 10 * i, bytes(16), 0, 0,
                          None, 1, 0, f"g3 e{i}".encode())
    print("group 3    ", chain.hex())


def main():
    topic = bytes(range(16))
    zero = start(topic, 7)
    print("start     ", zero.hex())
    one = following(zero, 0, 3, 1_700_000_000_000_000, bytes(16), 0, 0, None, 1,
                    0, b"three records")
    print("plain     ", one.hex())
    two = following(one, 3, 1, 1_700_000_000_000_001, b"\xaa" * 16, 2, 9,
                    b"lsn 0/16B3748", 1, 1, b"\x28\xb5\x2f\xfd")
    print("producer  ", two.hex())
    three = following(two, 4, 65536, -1, b"\xbb" * 16, 2**64 - 1, 2**63, b"", 2,
                      0, b"")
    print("empty state", three.hex())
    format_content()


if __name__ == "__main__":
    main()
