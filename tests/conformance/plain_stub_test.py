"""What a user can do with the generated stub and no configuration."""

import pathlib
import subprocess
import sys

import grpc
from google.protobuf import text_format
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import record_pb2
from kappa.v1 import topic_service_pb2 as topic_pb2
from tests.conformance import kappad
from tests.python import cases

BATCH_BYTES_MAX = 3 * 1024 * 1024
BATCH_RECORDS_MAX = 65536
RESPONSE_BYTES_MAX = int(3.9 * 1024 * 1024)
END = log_pb2.ReadOptions(stop=log_pb2.ReadStop(end=True))


def value_of_encoded_size(size):
    """A set of one record whose encoding has exactly `size` bytes."""
    for overhead in range(2, 16):
        records = record_pb2.RecordSet(
            records=[record_pb2.Record(value=b"v" * (size - overhead))])
        if records.ByteSize() == size:
            return records
    raise AssertionError(f"no record has {size} bytes")


def many_records(count, size):
    """A set of `count` records whose encoding has exactly `size` bytes."""
    records = record_pb2.RecordSet()
    each = size // count
    for i in range(count):
        records.records.add(key=b"k", value=b"v" * (each - 7))
    missing = size - records.ByteSize()
    records.records[0].value += b"v" * missing
    # Crossing 128 bytes lengthens the lengths.
    records.records[0].value = records.records[0].value[
        :len(records.records[0].value) - (records.ByteSize() - size)]
    assert records.ByteSize() == size, records.ByteSize()
    return records


def delivered(batches):
    return [r for batch in batches for r in batch.records.records]


class PlainStubTest(kappad.KappadTestCase):
    def create(self, name):
        self.topics.CreateTopic(topic_pb2.CreateTopicRequest(name=name))

    def append(self, topic, records):
        return self.log.Append(
            log_pb2.AppendRequest(
                topic=topic, batch=record_pb2.Batch(records=records)))

    def read_all(self, topic, **options):
        """Reads to the end in as many answers as it takes."""
        batches, start = [], 0
        while True:
            answer = self.log.Read(
                log_pb2.ReadRequest(
                    topic=topic,
                    options=log_pb2.ReadOptions(
                        start=log_pb2.ReadStart(offset=start), **options)))
            self.assertLessEqual(answer.ByteSize(), RESPONSE_BYTES_MAX)
            batches.extend(answer.batches)
            if answer.next_offset == answer.end_offset:
                return batches
            self.assertGreater(answer.next_offset, start)
            start = answer.next_offset

    def replay_all(self, topic):
        batches = []
        for answer in self.log.Replay(
                log_pb2.ReplayRequest(topic=topic, options=END)):
            self.assertLessEqual(answer.ByteSize(), RESPONSE_BYTES_MAX)
            batches.extend(answer.batches)
        return batches

    def test_ten_events_in_under_ten_lines(self):
        script = pathlib.Path(__file__).with_name("ten_lines.py")
        lines = [line for line in script.read_text().splitlines()
                 if line.strip() and not line.startswith('"""')]
        self.assertLess(len(lines), 10)
        output = subprocess.run(
            [sys.executable, script, self.server.address], check=True,
            capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)})
        printed = text_format.Parse(output.stdout, record_pb2.RecordSet())
        self.assertEqual([record.value for record in printed.records],
                         [b"event %d" % i for i in range(10)])

    def test_largest_batch_of_one_record(self):
        records = value_of_encoded_size(BATCH_BYTES_MAX)
        self.create("one-large")
        answer = self.append("one-large", records)
        self.assertEqual((answer.base_offset, answer.next_offset), (0, 1))
        self.assertEqual(delivered(self.read_all("one-large")),
                         list(records.records))
        self.assertEqual(delivered(self.replay_all("one-large")),
                         list(records.records))

    def test_largest_batch_of_most_records(self):
        records = many_records(BATCH_RECORDS_MAX, BATCH_BYTES_MAX)
        self.create("many")
        answer = self.append("many", records)
        self.assertEqual(answer.next_offset, BATCH_RECORDS_MAX)
        self.assertEqual(delivered(self.read_all("many")),
                         list(records.records))
        self.assertEqual(delivered(self.replay_all("many")),
                         list(records.records))
        # Under a filter an offset per record is added.
        filtered = self.read_all("many",
                                 filter=log_pb2.RecordFilter(key=b"k"))
        self.assertEqual(delivered(filtered), list(records.records))

    def test_several_large_batches(self):
        records = value_of_encoded_size(BATCH_BYTES_MAX)
        self.create("several")
        for number in range(4):
            self.assertEqual(
                self.append("several", records).base_offset, number)
        for batches in (self.read_all("several"), self.replay_all("several")):
            self.assertEqual([b.base_offset for b in batches], [0, 1, 2, 3])
            self.assertEqual(delivered(batches), 4 * list(records.records))

    def test_one_byte_more_is_refused(self):
        self.create("too-large")
        with self.assertRaises(grpc.RpcError) as caught:
            self.append("too-large",
                        value_of_encoded_size(BATCH_BYTES_MAX + 1))
        self.assertEqual(caught.exception.code(),
                         grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(self.read_all("too-large"), [])

    def test_one_record_more_is_refused(self):
        self.create("too-many")
        records = record_pb2.RecordSet(
            records=[record_pb2.Record()] * (BATCH_RECORDS_MAX + 1))
        with self.assertRaises(grpc.RpcError) as caught:
            self.append("too-many", records)
        self.assertEqual(caught.exception.code(),
                         grpc.StatusCode.INVALID_ARGUMENT)
        del records.records[-1]
        self.assertEqual(self.append("too-many", records).next_offset,
                         BATCH_RECORDS_MAX)

    def test_every_field_of_a_record_comes_back(self):
        records = record_pb2.RecordSet(records=[
            record_pb2.Record(),
            record_pb2.Record(key=b"", value=b"", event_time_us=0),
            record_pb2.Record(
                key=bytes(range(256)), value=b"\x00\xff", event_time_us=-1,
                headers=[record_pb2.Header(name="größe", value=b"\x00"),
                         record_pb2.Header(name="größe"),
                         record_pb2.Header(name="a", value=b"b")]),
            record_pb2.Record(event_time_us=2**63 - 1),
            record_pb2.Record(event_time_us=-(2**63)),
        ])
        self.create("fields")
        self.append("fields", records)
        self.assertEqual(delivered(self.read_all("fields")),
                         list(records.records))
        self.assertEqual(delivered(self.replay_all("fields")),
                         list(records.records))


if __name__ == "__main__":
    cases.main()
