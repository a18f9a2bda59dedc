"""Batches, frames and checksums made without any of Kappa's own code."""

import struct

from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import record_pb2


def record_set(*values, key=None):
    """A set of one record per value."""
    return record_pb2.RecordSet(
        records=[record_pb2.Record(key=key, value=value) for value in values])


def batch(*values, key=None):
    return record_pb2.Batch(records=record_set(*values, key=key))


def zstd_frame(content):
    """A Zstandard frame (RFC 8878) of raw blocks: legal, not smaller."""
    frame = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(content))
    blocks = [content[i:i + 65536] for i in range(0, len(content), 65536)]
    for i, block in enumerate(blocks):
        last = i == len(blocks) - 1
        frame += struct.pack("<I", last | len(block) << 3)[:3] + block
    return frame


def zstd_bomb(size):
    """A frame of a few bytes that inflates to `size` zero bytes; tells it."""
    frame = struct.pack("<IBI", 0xFD2FB528, 0xA0, size)
    if size == 0:
        return frame + b"\x01\x00\x00"  # one empty block, the last
    while size > 0:
        block = min(size, 65536)
        size -= block
        frame += struct.pack("<I", (size == 0) | 1 << 1 | block << 3)[:3]
        frame += b"\x00"
    return frame


def zstd_batch(*values):
    """A compressed batch of one record per value."""
    return record_pb2.Batch(
        compressed_records=zstd_frame(record_set(*values).SerializeToString()),
        compression=record_pb2.COMPRESSION_ZSTD)


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_TABLE = _crc_table()


def crc32c(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def payload_bytes(delivered):
    """The bytes that a DeliveredBatch's payload consists of."""
    if delivered.HasField("records"):
        return delivered.records.SerializeToString(deterministic=True)
    return delivered.compressed_records


def offsets_and_values(batches):
    """What delivered, uncompressed batches hold, as (offset, value)."""
    pairs = []
    for b in batches:
        deltas = b.offset_deltas or range(len(b.records.records))
        assert len(deltas) == len(b.records.records) == b.record_count
        pairs += [(b.base_offset + delta, record.value)
                  for delta, record in zip(deltas, b.records.records)]
    return pairs


def start(**position):
    return log_pb2.ReadStart(**position)


def stop(**position):
    return log_pb2.ReadStop(**position)
