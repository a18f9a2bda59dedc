#!/usr/bin/env python3
"""Computes the digests that tests/storage/chain_test.cc expects.

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


if __name__ == "__main__":
    main()
