"""Append and AppendStream."""

import concurrent.futures
import time

import grpc
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import record_pb2
from kappa.v1 import topic_service_pb2 as topic_pb2
from tests.conformance import batches
from tests.conformance import kappad
from tests.python import cases

INVALID = grpc.StatusCode.INVALID_ARGUMENT


class AppendTest(kappad.KappadTestCase):
    def create(self, name, **settings):
        return self.topics.CreateTopic(
            topic_pb2.CreateTopicRequest(name=name, **settings)).topic

    def append(self, topic, batch, **fields):
        return self.log.Append(
            log_pb2.AppendRequest(topic=topic, batch=batch, **fields))

    def refused(self, code, topic, batch, **fields):
        with self.assertRaises(grpc.RpcError) as caught:
            self.append(topic, batch, **fields)
        self.assertEqual(caught.exception.code(), code, caught.exception)

    def offsets(self, topic, partition=0):
        return self.log.GetOffsets(
            log_pb2.GetOffsetsRequest(topic=topic, partition=partition))

    def read(self, topic, partition=0):
        return batches.offsets_and_values(self.log.Read(log_pb2.ReadRequest(
            topic=topic, partition=partition)).batches)

    def test_tells_where_the_batch_is(self):
        topic = self.create("where")
        empty = self.offsets("where")
        self.assertEqual((empty.first_offset, empty.end_offset), (0, 0))
        self.assertEqual(empty.last_append_time_us, 0)
        self.assertEqual(len(empty.chain_digest), 32)
        last_time, chains = 0, {empty.chain_digest}
        for i in range(5):
            before = time.time_ns() // 1000
            answer = self.append("where", batches.batch(b"a", b"b", b"c"))
            after = time.time_ns() // 1000
            self.assertEqual(answer.topic_uuid, topic.uuid)
            self.assertEqual(answer.base_offset, 3 * i)
            self.assertEqual(answer.next_offset, 3 * i + 3)
            self.assertFalse(answer.duplicate)
            self.assertLessEqual(max(before, last_time),
                                 answer.append_time_us)
            self.assertLessEqual(answer.append_time_us, after)
            last_time = answer.append_time_us
            # Readable at once, and the end is where the answer says.
            now = self.offsets("where")
            self.assertEqual(now.end_offset, answer.next_offset)
            self.assertEqual(now.chain_digest, answer.chain_digest)
            self.assertEqual(now.last_append_time_us, last_time)
            chains.add(answer.chain_digest)
        self.assertEqual(len(chains), 6)

    def test_partitions_are_separate(self):
        self.create("separate", partitions=3)
        for i in range(4):
            for partition in (0, 2):
                answer = self.append("separate",
                                     batches.batch(b"%d" % partition),
                                     partition=partition)
                self.assertEqual(answer.base_offset, i)
        self.assertEqual(self.offsets("separate", 1).end_offset, 0)
        self.assertEqual(self.read("separate", 2),
                         [(i, b"2") for i in range(4)])

    def test_expected_offset_makes_an_append_conditional(self):
        self.create("conditional")
        self.append("conditional", batches.batch(b"a", b"b"),
                    expected_offset=0)
        for wrong in (0, 1, 3, 2**63):
            self.refused(grpc.StatusCode.FAILED_PRECONDITION, "conditional",
                         batches.batch(b"x"), expected_offset=wrong)
        self.append("conditional", batches.batch(b"c"), expected_offset=2)
        self.assertEqual(self.read("conditional"),
                         [(0, b"a"), (1, b"b"), (2, b"c")])

    def test_checksum_and_count_are_checked(self):
        self.create("checked")
        for make in (batches.batch, batches.zstd_batch):
            batch = make(b"a", b"b")
            batch.record_count = 2
            batch.payload_crc32c = batches.crc32c(
                batches.payload_bytes(batch))
            self.append("checked", batch)
            batch.record_count = 3
            self.refused(INVALID, "checked", batch)
            batch.record_count = 2
            batch.payload_crc32c ^= 1
            self.refused(INVALID, "checked", batch)
        self.assertEqual(self.offsets("checked").end_offset, 4)

    def test_compressed_batches_are_stored(self):
        self.create("compressed")
        answer = self.append("compressed", batches.zstd_batch(b"a", b"b"))
        self.assertEqual(answer.next_offset, 2)
        self.assertEqual(self.read("compressed"), [(0, b"a"), (1, b"b")])

    def test_what_does_not_inflate_to_legal_records_is_refused(self):
        self.create("damaged")
        good = batches.record_set(b"a").SerializeToString()
        frame = batches.zstd_frame(good)
        for content, compression in (
                (frame[:-1], record_pb2.COMPRESSION_ZSTD),
                (frame + b"x", record_pb2.COMPRESSION_ZSTD),
                (frame, record_pb2.COMPRESSION_LZ4),
                (frame, 0),
                (b"", record_pb2.COMPRESSION_ZSTD),
                (batches.zstd_frame(b""), record_pb2.COMPRESSION_ZSTD),
                (batches.zstd_frame(good + b"\x12\x00"),
                 record_pb2.COMPRESSION_ZSTD),
                (batches.zstd_bomb(3 * 1024 * 1024 + 1),
                 record_pb2.COMPRESSION_ZSTD),
                (batches.zstd_bomb(1 << 31), record_pb2.COMPRESSION_ZSTD)):
            self.refused(INVALID, "damaged",
                         record_pb2.Batch(compressed_records=content,
                                          compression=compression))
        # A codec without compressed records.
        self.refused(INVALID, "damaged", record_pb2.Batch(
            records=batches.record_set(b"a"),
            compression=record_pb2.COMPRESSION_ZSTD))
        self.assertEqual(self.offsets("damaged").end_offset, 0)

    def test_one_bad_record_refuses_the_whole_batch(self):
        self.create("atomic")
        batch = batches.batch(b"good")
        batch.records.records.add(key=b"k" * 65537)
        batch.records.records.add(value=b"good")
        self.refused(INVALID, "atomic", batch)
        self.refused(INVALID, "atomic",
                     record_pb2.Batch(records=record_pb2.RecordSet()))
        self.assertEqual(self.offsets("atomic").end_offset, 0)

    def test_unknown_fields_of_a_record_are_refused(self):
        # What is stored is what this version understands.
        self.create("unknown")
        raw = self.channel.unary_unary(
            "/kappa.v1.LogService/Append",
            request_serializer=lambda request: request,
            response_deserializer=log_pb2.AppendResponse.FromString)
        # Field 5 of a Record, in a RecordSet, in a Batch, in the request.
        record = b"\x12\x01v\x2a\x01x"
        records = b"\x0a" + bytes([len(record)]) + record
        batch = b"\x0a" + bytes([len(records)]) + records
        request = b"\x0a\x07unknown" + b"\x22" + bytes([len(batch)]) + batch
        with self.assertRaises(grpc.RpcError) as caught:
            raw(request)
        self.assertEqual(caught.exception.code(), INVALID)
        self.assertEqual(self.offsets("unknown").end_offset, 0)

    def test_concurrent_appends_get_offsets_of_their_own(self):
        self.create("concurrent")

        def append(number):
            answer = self.append(
                "concurrent", batches.batch(b"%d" % number, b"%d'" % number))
            return answer.base_offset, number

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = sorted(pool.map(append, range(200)))
        self.assertEqual([base for base, _ in answers],
                         list(range(0, 400, 2)))
        expected = []
        for base, number in answers:
            expected += [(base, b"%d" % number), (base + 1, b"%d'" % number)]
        self.assertEqual(self.read("concurrent"), expected)

    def test_a_stream_answers_each_batch_in_order(self):
        self.create("stream", partitions=4)

        def request(i):
            return log_pb2.AppendStreamRequest(
                correlation_id=1000 + i,
                append=log_pb2.AppendRequest(
                    topic="stream", partition=i % 5,  # 4 does not exist
                    batch=batches.batch(b"%d" % i)))

        answers = list(self.log.AppendStream(map(request, range(500))))
        self.assertEqual(sorted(a.correlation_id for a in answers),
                         [1000 + i for i in range(500)])
        for partition in range(5):
            mine = [a for a in answers
                    if (a.correlation_id - 1000) % 5 == partition]
            ids = [a.correlation_id for a in mine]
            self.assertEqual(ids, sorted(ids))
            if partition == 4:
                self.assertTrue(all(a.error.code == 5 for a in mine))
                continue
            self.assertEqual([a.ack.base_offset for a in mine],
                             list(range(100)))
            self.assertEqual(
                self.read("stream", partition),
                [(n, b"%d" % (5 * n + partition)) for n in range(100)])

    def test_a_stream_outlives_a_refused_batch(self):
        self.create("outlives")

        def requests():
            for i, batch in enumerate((
                    batches.batch(b"a"), record_pb2.Batch(),
                    batches.batch(b"b"))):
                yield log_pb2.AppendStreamRequest(
                    correlation_id=i, append=log_pb2.AppendRequest(
                        topic="outlives", batch=batch))

        answers = {a.correlation_id: a
                   for a in self.log.AppendStream(requests())}
        self.assertEqual(answers[0].ack.base_offset, 0)
        self.assertEqual(answers[1].error.code, INVALID.value[0])
        self.assertEqual(answers[2].ack.base_offset, 1)


if __name__ == "__main__":
    cases.main()
