"""Wrong requests, each with the exact answer that it must get (bad_input_test.py)."""

import re

import grpc
from tests.conformance import batches
from tests.conformance import raw_proto as raw

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
RANGE = grpc.StatusCode.OUT_OF_RANGE
EXISTS = grpc.StatusCode.ALREADY_EXISTS

# The fixture: topic "t" holds 3 records in partition 0 of 2, the last batch
# is number 2 of SESSION; topic "keyed" holds records with keys.
SESSION = bytes(range(16))
END = 3
PRODUCER_NAME = "bad-input"
U64_MAX = (1 << 64) - 1

ONE = raw.text(2, b"v")  # a record
SET = raw.text(1, ONE)  # a set of one
GOOD = raw.text(1, SET)  # a batch of it
MIB = 1 << 20


class Row:
    """One wrong request: what answer `method` must give to `request`."""

    def __init__(self, name, method, request, code, reason, message):
        self.name = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        self.method, self.request = method, request
        self.code, self.reason, self.message = code, reason, message


def request(batch=GOOD, topic="t", more=b""):
    """An AppendRequest; the batch stands last."""
    return raw.text(1, topic) + more + raw.text(4, batch)


def append(name, what, code, reason, message):
    return Row("append " + name, "Append", what, code, reason, message)


def producer(sequence=3, identity=SESSION, more=b"", epoch=0):
    return raw.text(5, raw.text(1, identity) + raw.integer(2, epoch) +
                    raw.integer(3, sequence) + more)


def record(content):
    """A batch of one record."""
    return raw.text(1, raw.text(1, content))


def malformed(name, what, message):
    return append(name, what, INVALID, "MALFORMED_REQUEST", message)


def over(name, what, limit, maximum, value):
    return append(name, what, INVALID, "LIMIT_EXCEEDED",
                  rf"limit {limit} {maximum}\b.*{value}")


def zstd(content, more=b""):
    return raw.text(2, content) + raw.integer(3, 1) + more


def malformed_rows():
    whole = request(more=raw.integer(3, 0) + producer())
    for cut in range(len(whole)):
        yield malformed(f"cut after {cut} bytes", whole[:cut], ".")
    for field, (number, type_) in {
            "topic": (1, raw.BYTES), "uuid": (2, raw.BYTES),
            "partition": (3, raw.VARINT), "producer": (5, raw.BYTES),
            "expected offset": (6, raw.VARINT)}.items():
        for i, wrong in enumerate(raw.of_other_type(number, type_)):
            yield malformed(f"{field} of wrong type {i}", wrong + raw.text(4, GOOD),
                            f"append: field {number}: wire type")
    for i, wrong in enumerate(raw.of_other_type(4, raw.BYTES)):
        yield malformed(f"batch of wrong type {i}", raw.text(1, "t") + wrong,
                        "append: field 4: wire type")
    for field, (number, type_) in {
            "compression": (3, raw.VARINT), "count": (4, raw.VARINT),
            "crc": (5, raw.FIXED32)}.items():
        for i, wrong in enumerate(raw.of_other_type(number, type_)):
            yield malformed(f"{field} of wrong type {i}", request(wrong + GOOD),
                            f"batch: field {number}: wire type")
    for number in (1, 2):
        for i, wrong in enumerate(raw.of_other_type(number, raw.BYTES)):
            yield malformed(f"payload {number} of wrong type {i}", request(wrong),
                            f"batch: field {number}: wire type")
    for field, (number, type_) in {
            "id": (1, raw.BYTES), "epoch": (2, raw.VARINT),
            "sequence": (3, raw.VARINT), "previous sequence": (4, raw.VARINT),
            "state": (5, raw.BYTES), "start": (6, raw.VARINT)}.items():
        for i, wrong in enumerate(raw.of_other_type(number, type_)):
            yield malformed(f"producer {field} of wrong type {i}",
                            request(more=raw.text(5, wrong)),
                            f"producer: field {number}: wire type")
    for field, (number, type_) in {
            "key": (1, raw.BYTES), "value": (2, raw.BYTES),
            "headers": (3, raw.BYTES), "event time": (4, raw.VARINT)}.items():
        for i, wrong in enumerate(raw.of_other_type(number, type_)):
            yield malformed(f"{field} of wrong type {i}", request(record(wrong)),
                            "record 0")
    for number in (1, 2):
        for i, wrong in enumerate(raw.of_other_type(number, raw.BYTES)):
            yield malformed(f"header field {number} of wrong type {i}",
                            request(record(raw.text(3, wrong))), "record 0")
    for name, rest in {
            "a zero byte": b"\x00", "half a tag": b"\xff",
            "field 0": raw.integer(0, 1), "wire type 7": raw.tag(9, 7),
            "an open group": raw.tag(9, raw.START_GROUP),
            "an end of no group": raw.tag(9, raw.END_GROUP),
            "a field past the end": raw.tag(9, raw.BYTES) + b"\x05ab"}.items():
        yield malformed(f"{name} behind the request", request() + rest,
                        "append: damaged")
        yield malformed(f"{name} behind the batch", request(GOOD + rest),
                        "batch: damaged")
        yield malformed(f"{name} behind the records",
                        request(raw.text(1, SET + rest)), "record")
    yield malformed("field of a newer version behind the records",
                    request(raw.text(1, SET + raw.text(2, b""))), "record")
    yield malformed("both payload fields", request(GOOD + raw.text(2, SET)),
                    "batch: both records and compressed_records")
    yield malformed("both payload fields in the other order",
                    request(raw.text(2, SET) + GOOD),
                    "batch: both records and compressed_records")
    yield malformed("records twice", request(GOOD + GOOD), "batch: field 1 comes twice")
    yield malformed("compressed records twice",
                    request(zstd(SET) + raw.text(2, SET)), "batch: field 2 comes twice")
    yield malformed("batch twice", request() + raw.text(4, GOOD),
                    "append: field 4 comes twice")
    yield malformed("producer sequence twice",
                    request(more=producer(more=raw.integer(3, 4))),
                    "producer: field 3 comes twice")
    yield malformed("no batch", raw.text(1, "t"), "append: batch is missing")
    yield malformed("no payload", request(b""), "batch: neither records nor")
    yield malformed("no records", request(raw.text(1, b"")), "record set is empty")
    yield malformed("no records when inflated", request(zstd(batches.zstd_bomb(0))),
                    "record set is empty")
    yield malformed("a partition past 32 bits",
                    request(more=raw.integer(3, 1 << 32)),
                    "append: field 3: number out of range")
    yield malformed("a varint of eleven bytes",
                    request(more=raw.tag(3, raw.VARINT) + b"\x80" * 10 + b"\x01"),
                    "append: field 3: damaged number")
    yield malformed("header name no UTF-8",
                    request(record(raw.text(3, raw.text(1, b"\xff")))), "record 0.*UTF-8")
    yield malformed("header without a name",
                    request(record(raw.text(3, raw.text(2, b"v")))), "record 0.*name")
    yield malformed("topic no UTF-8", request(topic=b"\xff"), "append: topic is not UTF-8")
    for size in (1, 15, 17):
        yield malformed(f"uuid of {size} bytes",
                        request(more=raw.text(2, b"u" * size)),
                        f"topic_uuid has {size} bytes")


def batch_rows():
    def header(name, value=b""):
        return raw.text(3, raw.text(1, name) + raw.text(2, value))

    yield over("a key too long", request(record(raw.text(1, b"k" * 65537))),
               "key_bytes_max", 65536, 65537)
    yield over("a key too long in the second record",
               request(raw.text(1, SET + raw.text(1, raw.text(1, b"k" * 65537)))),
               "key_bytes_max", 65536, "record 1 has 65537")
    yield over("a header too many", request(record(header("n") * 65)),
               "headers_max", 64, 65)
    yield over("a header name too long", request(record(header("n" * 1025))),
               "header_name_bytes_max", 1024, 1025)
    yield over("header bytes too many", request(record(header("n", b"v" * 65536))),
               "header_bytes_max", 65536, 65537)
    yield over("a record too many", request(raw.text(1, raw.text(1, b"") * 65537)),
               "batch_records_max", 65536, "there are more")
    payload = raw.text(1, raw.text(2, b"v" * (3 * MIB - 9)))
    assert len(payload) == 3 * MIB + 1
    yield over("a byte too many", request(raw.text(1, payload)),
               "batch_bytes_max", 3 * MIB, 3 * MIB + 1)
    yield over("a byte too many when inflated",
               request(zstd(batches.zstd_bomb(3 * MIB + 1))),
               "batch_bytes_max", 3 * MIB, ".")
    yield over("a bomb", request(zstd(batches.zstd_bomb(1 << 31))),
               "batch_bytes_max", 3 * MIB, ".")
    yield over("a compressed record too many",
               request(zstd(batches.zstd_frame(raw.text(1, b"") * 65537))),
               "batch_records_max", 65536, "there are more")
    yield over("a topic name too long", request(topic="n" * 201),
               "topic_name_bytes_max", 200, 201)
    yield over("a topic name of 300 bytes", request(topic="n" * 300),
               "topic_name_bytes_max", 200, 300)
    yield over("a producer state too long",
               request(more=producer(more=raw.text(5, b"s" * 1025))),
               "state_bytes_max", 1024, 1025)
    yield over("a producer state far too long",
               request(more=producer(more=raw.text(5, b"s" * 100_000))),
               "state_bytes_max", 1024, 100)
    crc = batches.crc32c(SET)
    for name, wrong in {"flipped": crc ^ 1, "zero": 0, "of other bytes":
                        batches.crc32c(ONE)}.items():
        yield append(f"crc {name}", request(GOOD + raw.fixed32(5, wrong)), INVALID,
                     "CHECKSUM_MISMATCH", f"{crc:08x}|{crc}")
    frame = batches.zstd_frame(SET)
    yield append("crc of the inflated bytes",
                 request(zstd(frame, raw.fixed32(5, crc))), INVALID,
                 "CHECKSUM_MISMATCH", ".")
    for count in (2, 65536, (1 << 32) - 1):
        for name, payload in {"plain": GOOD, "compressed": zstd(frame)}.items():
            yield append(f"{name} count {count}", request(payload + raw.integer(4, count)),
                         INVALID, "RECORD_COUNT_MISMATCH", f"{count}.* 1|1 .*{count}")
    for compression in (3, 9, (1 << 32) + 1, U64_MAX):
        yield append(f"unknown compression {compression}",
                     request(raw.text(2, frame) + raw.integer(3, compression)),
                     INVALID, "COMPRESSION_REFUSED", str(compression))
    yield append("compressed records without compression", request(raw.text(2, SET)),
                 INVALID, "COMPRESSION_REFUSED", "compression")
    yield append("compression of plain records", request(GOOD + raw.integer(3, 1)),
                 INVALID, "COMPRESSION_REFUSED|MALFORMED_REQUEST", "records")
    for name, content in {"no frame": b"no frame", "cut": frame[:-1],
                          "with bytes behind": frame + b"x", "empty": b""}.items():
        yield append(f"frame {name}", request(zstd(content)), INVALID,
                     "COMPRESSION_REFUSED", "zstd")
    yield append("frame of the other codec",
                 request(raw.text(2, frame) + raw.integer(3, 2)), INVALID,
                 "COMPRESSION_REFUSED", "lz4")


def order_rows():
    yield append("partition 2 of 2", request(more=raw.integer(3, 2)), NOT_FOUND,
                 "PARTITION_NOT_FOUND", r"\bt\b.*\b2\b")
    yield append("partition 2^32 - 1", request(more=raw.integer(3, (1 << 32) - 1)),
                 NOT_FOUND, "PARTITION_NOT_FOUND", "4294967295")
    yield append("another UUID", request(more=raw.text(2, b"\x01" * 16)), PRECONDITION,
                 "TOPIC_UUID_MISMATCH", r"\bt\b")
    for offset in (0, 2, 4, 1 << 63, U64_MAX):
        yield append(f"expected offset {offset}", request(more=raw.integer(6, offset)),
                     PRECONDITION, "EXPECTED_OFFSET_MISMATCH", rf"{offset}.*\b{END}\b")
    yield append("sequence gap", request(more=producer(4)), PRECONDITION, "SEQUENCE_GAP",
                 r"\b4\b.*\b2\b|\b2\b.*\b4\b")
    yield append("sequence 2^64 - 1", request(more=producer(U64_MAX)), PRECONDITION,
                 "SEQUENCE_GAP", str(U64_MAX))
    yield append("previous sequence behind",
                 request(more=producer(9, more=raw.integer(4, 1))), PRECONDITION,
                 "SEQUENCE_GAP", r"\b1\b.*\b2\b|\b2\b.*\b1\b")
    yield append("previous sequence not below",
                 request(more=producer(3, more=raw.integer(4, 3))), INVALID,
                 "MALFORMED_REQUEST", r"\b3\b")
    yield append("sequence with other bytes", request(more=producer(2)), INVALID,
                 "SEQUENCE_REUSED", r"\b2\b")
    yield append("sequence 0", request(more=producer(0)), INVALID, "MALFORMED_REQUEST",
                 "sequence")
    for size in (0, 15, 17):
        yield append(f"producer id of {size} bytes",
                     request(more=producer(1, identity=b"p" * size)), INVALID,
                     "MALFORMED_REQUEST", rf"id.*\b{size}\b|\b{size}\b.*16")
    yield append("producer id of zeros", request(more=producer(1, identity=bytes(16))),
                 INVALID, "MALFORMED_REQUEST", "id")
    yield append("a named producer that was never opened",
                 request(more=producer(1, identity=b"\x07" * 16, epoch=1)), PRECONDITION,
                 "PRODUCER_UNKNOWN", "07")


def unknown_topic_rows():
    for method, message in {
            "Append": request(topic="no-such"),
            "Read": raw.text(1, "no-such"), "Replay": raw.text(1, "no-such"),
            "GetOffsets": raw.text(1, "no-such"),
            "OpenProducer": raw.text(1, "p") + raw.text(2, "no-such"),
            "GetProducer": raw.text(1, PRODUCER_NAME) + raw.text(2, "no-such"),
            "GetTopic": raw.text(1, "no-such"),
            "UpdateTopic": raw.text(1, "no-such"),
            "DeleteTopic": raw.text(1, "no-such"),
            "AddPartitions": raw.text(1, "no-such") + raw.integer(3, 2)}.items():
        yield Row(f"{method} unknown topic", method, message, NOT_FOUND,
                  "TOPIC_NOT_FOUND", "no-such")
    for method, message in {
            "Read": raw.text(1, "t") + raw.integer(3, 2),
            "Replay": raw.text(1, "t") + raw.integer(3, 2),
            "GetOffsets": raw.text(1, "t") + raw.integer(3, 2),
            "OpenProducer": raw.text(1, "p") + raw.text(2, "t") + raw.integer(4, 2),
            "GetProducer": raw.text(1, PRODUCER_NAME) + raw.text(2, "t") +
                           raw.integer(4, 2)}.items():
        yield Row(f"{method} unknown partition", method, message, NOT_FOUND,
                  "PARTITION_NOT_FOUND", r"\bt\b.*\b2\b")
    other = b"\x01" * 16
    for method, message in {
            "Read": raw.text(1, "t") + raw.text(2, other),
            "Replay": raw.text(1, "t") + raw.text(2, other),
            "GetOffsets": raw.text(1, "t") + raw.text(2, other),
            "OpenProducer": raw.text(1, "p") + raw.text(2, "t") + raw.text(3, other),
            "GetProducer": raw.text(1, PRODUCER_NAME) + raw.text(2, "t") +
                           raw.text(3, other),
            "UpdateTopic": raw.text(1, "t") + raw.text(2, other),
            "DeleteTopic": raw.text(1, "t") + raw.text(2, other),
            "AddPartitions": raw.text(1, "t") + raw.text(2, other) +
                             raw.integer(3, 3)}.items():
        yield Row(f"{method} another UUID", method, message, PRECONDITION,
                  "TOPIC_UUID_MISMATCH", r"\bt\b")
    for method in ("Read", "Replay", "GetOffsets", "UpdateTopic", "DeleteTopic"):
        yield Row(f"{method} UUID of 15 bytes", method,
                  raw.text(1, "t") + raw.text(2, b"u" * 15), INVALID,
                  "MALFORMED_REQUEST", "topic_uuid.*15")
    for method in ("Read", "Replay", "GetOffsets", "OpenProducer", "GetProducer",
                   "CreateTopic", "GetTopic", "ListTopics", "UpdateTopic",
                   "DeleteTopic", "AddPartitions"):
        for name, wrong in {"cut": raw.text(1, "t")[:-1], "no UTF-8": raw.text(1, b"\xff"),
                            "garbage": b"\xff\xff\xff",
                            "trailing": raw.text(1, "t") + b"\x00"}.items():
            if (method, name) == ("ListTopics", "no UTF-8"):
                wrong = raw.text(3, b"\xff")
            if (method, name) == ("ListTopics", "cut"):
                wrong = raw.text(3, "t")[:-1]
            yield Row(f"{method} {name}", method, wrong, INVALID, "MALFORMED_REQUEST",
                      method)


def read_rows():
    def read(options, topic="t"):
        return raw.text(1, topic) + raw.text(4, options)

    for method in ("Read", "Replay"):
        def row(name, options, code, reason, message):
            return Row(f"{method} {name}", method, read(options), code, reason, message)

        for offset in (END + 1, 1 << 63, U64_MAX):
            yield row(f"from {offset}", raw.text(1, raw.integer(1, offset)), RANGE,
                      "OFFSET_OUT_OF_RANGE", rf"{offset}.*\b{END}\b")
        for time_us in (-1, -(1 << 63)):
            yield row(f"from time {time_us}", raw.text(1, raw.integer(2, time_us)),
                      INVALID, "MALFORMED_REQUEST", f"{time_us}")
            yield row(f"to time {time_us}", raw.text(2, raw.integer(2, time_us)),
                      INVALID, "MALFORMED_REQUEST", f"{time_us}")
        yield row("delivery 9", raw.integer(5, 9), INVALID, "MALFORMED_REQUEST",
                  "delivery.*9")
        yield row("consistency 9", raw.integer(8, 9), INVALID, "MALFORMED_REQUEST",
                  "consistency.*9")
        yield row("backwards for ever", raw.integer(9, 1) + raw.text(2, raw.integer(4, 1)),
                  INVALID, "MALFORMED_REQUEST", "backwards|never")
    for heartbeat in (1, 99, 60_001, (1 << 32) - 1):
        yield Row(f"Replay heartbeat {heartbeat}", "Replay",
                  raw.text(1, "t") + raw.integer(5, heartbeat), INVALID,
                  "LIMIT_EXCEEDED", str(heartbeat))
    for time_us in (-1, -(1 << 63)):
        yield Row(f"GetOffsets of time {time_us}", "GetOffsets",
                  raw.text(1, "t") + raw.integer(4, time_us), INVALID,
                  "MALFORMED_REQUEST", str(time_us))
    yield Row("GetOffsets consistency 9", "GetOffsets",
              raw.text(1, "t") + raw.integer(5, 9), INVALID, "MALFORMED_REQUEST",
              "consistency.*9")


ILLEGAL_NAMES = {
    "empty": "", "dot": ".", "two dots": "..", "slash": "a/b", "up": "../t",
    "space": "a b", "NUL": "a\x00b", "newline": "a\n", "letter of another script": "é",
    "backslash": "a\\b", "colon": "a:b", "star": "*", "201 bytes": "n" * 201,
    "300 bytes": "n" * 300}


def producer_rows():
    for name, wrong in ILLEGAL_NAMES.items():
        for method in ("OpenProducer", "GetProducer"):
            yield Row(f"{method} name {name}", method,
                      raw.text(1, wrong) + raw.text(2, "t"), INVALID, "INVALID_NAME",
                      "producer")
    for method, first in {"OpenProducer": "p", "GetProducer": PRODUCER_NAME}.items():
        yield Row(f"{method} partition twice", method,
                  raw.text(1, first) + raw.text(2, "t") + raw.integer(4, 1) * 2,
                  INVALID, "MALFORMED_REQUEST", r"partition.*\b1\b")
    yield Row("GetProducer never opened", "GetProducer",
              raw.text(1, "never") + raw.text(2, "t"), NOT_FOUND, "PRODUCER_NOT_FOUND",
              "never")


def topic_rows():
    for name, wrong in ILLEGAL_NAMES.items():
        yield Row(f"CreateTopic name {name}", "CreateTopic", raw.text(1, wrong), INVALID,
                  "INVALID_NAME", "topic name")
    new = raw.text(1, "new")

    def create(name, more, reason, message, code=INVALID):
        return Row(f"CreateTopic {name}", "CreateTopic", new + more, code, reason, message)

    def label(name, value=""):
        return raw.text(5, raw.text(1, name) + raw.text(2, value))

    limit = "LIMIT_EXCEEDED"
    yield create("10,001 partitions", raw.integer(2, 10_001), limit,
                 "partitions_max 10000: .*10001")
    yield create("two replicas", raw.integer(3, 2), "TOO_FEW_NODES", r"\b2\b.*\b1\b",
                 PRECONDITION)
    yield create("a description too long", raw.text(4, "d" * 1025), limit,
                 "description_bytes_max 1024: .*1025")
    yield create("a label too many", b"".join(label(f"n{i}") for i in range(65)), limit,
                 "labels_max 64: .*65")
    yield create("a label without a name", label(""), "INVALID_NAME", "label")
    yield create("a label name too long", label("n" * 64), "INVALID_NAME|LIMIT_EXCEEDED",
                 "label")
    yield create("a label name with a space", label("a b"), "INVALID_NAME", "label.*a b")
    yield create("a label value too long", label("n", "v" * 256), limit,
                 "label_value_bytes_max 255: .*256")
    yield create("a label twice", label("n") * 2, "MALFORMED_REQUEST", "label.*n")
    yield create("too large batches", raw.text(7, raw.integer(1, 16 * MIB + 1)), limit,
                 f"batch_bytes_max {16 * MIB}: .*{16 * MIB + 1}")
    yield create("too many records", raw.text(7, raw.integer(2, MIB + 1)), limit,
                 f"batch_records_max {MIB}: .*{MIB + 1}")
    for codecs in ((0,), (7,), (1, 1)):
        yield create(f"codecs {codecs}",
                     raw.text(8, b"".join(raw.integer(1, codec) for codec in codecs)),
                     "MALFORMED_REQUEST|COMPRESSION_REFUSED", f"{codecs[0]}|zstd|compression")
    yield Row("CreateTopic of an existing one with other settings", "CreateTopic",
              raw.text(1, "t"), EXISTS, "TOPIC_EXISTS", r"\bt\b")
    yield Row("DeleteTopic of a protected one", "DeleteTopic", raw.text(1, "t"),
              PRECONDITION, "DELETION_PROTECTED", r"\bt\b")
    yield Row("AddPartitions to keyed data", "AddPartitions",
              raw.text(1, "keyed") + raw.integer(3, 2), PRECONDITION,
              "KEY_MOVEMENT_NOT_ACCEPTED", "keyed")
    for count in (0, 1, 10_001):
        yield Row(f"AddPartitions to {count}", "AddPartitions",
                  raw.text(1, "t") + raw.integer(3, count) + raw.integer(4, 1), INVALID,
                  limit, rf"partitions.*\b{count}\b")
    yield Row("UpdateTopic a description too long", "UpdateTopic",
              raw.text(1, "t") + raw.text(3, "d" * 1025), INVALID, limit,
              "description_bytes_max 1024: .*1025")
    yield Row("ListTopics 1,001 at once", "ListTopics", raw.integer(1, 1001), INVALID,
              limit, "page_size 1000: .*1001")
    for token in ("x", "A" * 10_000, "\x00"):
        yield Row(f"ListTopics token {token.encode()[:2].hex()} of {len(token)}", "ListTopics",
                  raw.text(2, token), INVALID, "INVALID_PAGE_TOKEN", "page.token")


ROWS = [row for rows in (malformed_rows, batch_rows, order_rows, unknown_topic_rows,
                         read_rows, producer_rows, topic_rows) for row in rows()]
