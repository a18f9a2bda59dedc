"""Read: every option, against a model of the partition in Python."""

import random

import grpc
from kappa.v1 import log_service_pb2 as pb2
from kappa.v1 import record_pb2
from kappa.v1 import topic_service_pb2 as topic_pb2
from tests.conformance import batches
from tests.conformance import kappad
from tests.python import cases


class ReadTest(kappad.KappadTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.topics.CreateTopic(topic_pb2.CreateTopicRequest(name="t"))
        cls.topics.CreateTopic(topic_pb2.CreateTopicRequest(name="empty"))
        rng = random.Random(1)
        # The model: (offset, append time, record), and per batch its bounds.
        cls.model, cls.bounds = [], []
        for number in range(40):
            records = [
                record_pb2.Record(
                    key=rng.choice([b"a", b"ab", b"b", b""]),
                    value=b"%d.%d" % (number, i),
                    headers=[record_pb2.Header(name="h",
                                               value=rng.choice([b"1", b"2"]))]
                    if rng.random() < 0.5 else [])
                for i in range(rng.randrange(1, 7))]
            records_set = record_pb2.RecordSet(records=records)
            batch = record_pb2.Batch(records=records_set)
            if number % 3 == 1:
                batch = record_pb2.Batch(
                    compressed_records=batches.zstd_frame(
                        records_set.SerializeToString()),
                    compression=record_pb2.COMPRESSION_ZSTD)
            answer = cls.log.Append(
                pb2.AppendRequest(topic="t", batch=batch))
            cls.bounds.append((answer.base_offset, answer.next_offset, batch,
                               answer))
            for i, record in enumerate(records):
                cls.model.append(
                    (answer.base_offset + i, answer.append_time_us, record))
        cls.end = len(cls.model)

    def read(self, topic="t", **options):
        return self.log.Read(pb2.ReadRequest(
            topic=topic, options=pb2.ReadOptions(**options)))

    def refused(self, code, **options):
        with self.assertRaises(grpc.RpcError) as caught:
            self.read(**options)
        self.assertEqual(caught.exception.code(), code, caught.exception)

    def pairs(self, answer):
        for b in answer.batches:
            self.assertEqual(b.compression, 0)
            self.assertEqual(b.payload_crc32c,
                             batches.crc32c(batches.payload_bytes(b)))
        return batches.offsets_and_values(answer.batches)

    def values(self, first, last):
        return [(o, r.value) for o, _, r in self.model[first:last]]

    def test_reads_everything_without_options(self):
        answer = self.log.Read(pb2.ReadRequest(topic="t"))
        self.assertEqual(self.pairs(answer), self.values(0, self.end))
        self.assertEqual(answer.next_offset, self.end)
        self.assertEqual(answer.end_offset, self.end)
        self.assertFalse(answer.HasField("gap"))
        self.assertEqual(len(answer.topic_uuid), 16)

    def test_every_start_and_stop_offset(self):
        for first in range(self.end + 1):
            last = first + (first * 7) % 13
            answer = self.read(start=batches.start(offset=first),
                               stop=batches.stop(offset=last))
            last = min(last, self.end)
            self.assertEqual(self.pairs(answer), self.values(first, last))
            self.assertEqual(answer.next_offset, max(first, last))

    def test_a_stop_before_the_start_reads_nothing(self):
        answer = self.read(start=batches.start(offset=9),
                           stop=batches.stop(offset=3))
        self.assertEqual(list(answer.batches), [])
        self.assertEqual(answer.next_offset, 9)

    def test_the_end_is_a_start_but_nothing_beyond_it(self):
        for start in (batches.start(offset=self.end), batches.start(end=True),
                      batches.start(append_time_us=2**62)):
            answer = self.read(start=start)
            self.assertEqual(list(answer.batches), [])
            self.assertEqual(answer.next_offset, self.end)
        self.refused(grpc.StatusCode.OUT_OF_RANGE,
                     start=batches.start(offset=self.end + 1))

    def test_records_max_is_exact(self):
        for records_max in (1, 2, 3, 7, 50):
            offset, pairs = 0, []
            while offset < self.end:
                answer = self.read(start=batches.start(offset=offset),
                                   records_max=records_max)
                got = self.pairs(answer)
                self.assertEqual(len(got),
                                 min(records_max, self.end - offset))
                pairs += got
                offset = answer.next_offset
            self.assertEqual(pairs, self.values(0, self.end))

    def test_bytes_max_ends_at_a_batch_after_at_least_one(self):
        bases = [base for base, _, _, _ in self.bounds] + [self.end]
        for bytes_max in (1, 50, 200):
            offset, pairs = 0, []
            while offset < self.end:
                answer = self.read(start=batches.start(offset=offset),
                                   bytes_max=bytes_max)
                got = self.pairs(answer)
                self.assertTrue(got)
                self.assertIn(answer.next_offset, bases)
                sizes = [len(batches.payload_bytes(b)) for b in answer.batches]
                if len(sizes) > 1:
                    self.assertLess(sum(sizes[:-1]), bytes_max)
                pairs += got
                offset = answer.next_offset
            self.assertEqual(pairs, self.values(0, self.end))

    def test_starts_and_stops_at_a_time(self):
        times = sorted({t for _, t, _ in self.model})
        for time_us in [0, times[0] - 1, times[-1] + 1] + times:
            at = sum(t < time_us for _, t, _ in self.model)
            answer = self.read(start=batches.start(append_time_us=time_us))
            self.assertEqual(self.pairs(answer), self.values(at, self.end))
            answer = self.read(stop=batches.stop(append_time_us=time_us))
            self.assertEqual(self.pairs(answer), self.values(0, at))
            offsets = self.log.GetOffsets(pb2.GetOffsetsRequest(
                topic="t", append_time_us=time_us))
            self.assertEqual(offsets.offset_at_time, at)

    def matching(self, match):
        return [(o, r.value) for o, _, r in self.model if match(r)]

    def test_filters(self):
        def has(value):
            return lambda r: any(h.value == value for h in r.headers)

        header = record_pb2.Header(name="h", value=b"1")
        for fields, match in (
                ({"key": b"a"}, lambda r: r.key == b"a"),
                ({"key": b""}, lambda r: r.key == b""),
                ({"key": b"zz"}, lambda r: False),
                ({"key_prefix": b"a"}, lambda r: r.key.startswith(b"a")),
                ({"key_prefix": b""}, lambda r: True),
                ({"header": header}, has(b"1")),
                ({"header": header, "key": b"b"},
                 lambda r: r.key == b"b" and has(b"1")(r))):
            with self.subTest(**fields):
                answer = self.read(filter=pb2.RecordFilter(**fields))
                self.assertEqual(self.pairs(answer), self.matching(match))
                # What was passed over counts as read.
                self.assertEqual(answer.next_offset, self.end)
                # A filter implies exact delivery.
                self.assertEqual(
                    self.read(filter=pb2.RecordFilter(**fields),
                              delivery=pb2.DELIVERY_WHOLE_BATCHES).batches,
                    answer.batches)
                some = self.read(filter=pb2.RecordFilter(**fields),
                                 records_max=3)
                self.assertEqual(self.pairs(some), self.matching(match)[:3])

    def test_whole_batches_are_the_stored_bytes(self):
        answer = self.read(delivery=pb2.DELIVERY_WHOLE_BATCHES,
                           with_digests=True)
        self.assertEqual(len(answer.batches), len(self.bounds))
        for got, (base, end, sent, acked) in zip(answer.batches, self.bounds):
            self.assertEqual(got.base_offset, base)
            self.assertEqual(got.record_count, end - base)
            self.assertEqual(got.append_time_us, acked.append_time_us)
            self.assertEqual(got.compression, sent.compression)
            self.assertEqual(got.records, sent.records)
            self.assertEqual(got.compressed_records, sent.compressed_records)
            self.assertEqual((got.first_record, got.last_record),
                             (0, end - base - 1))
            self.assertFalse(got.reencoded)
            self.assertEqual(got.chain_digest, acked.chain_digest)
            self.assertEqual(len(got.payload_sha256), 32)

    def test_whole_batches_tell_which_records_were_asked_for(self):
        base, end, _, _ = next(b for b in self.bounds if b[1] - b[0] >= 4)
        answer = self.read(delivery=pb2.DELIVERY_WHOLE_BATCHES,
                           start=batches.start(offset=base + 1),
                           stop=batches.stop(offset=end - 1))
        [got] = answer.batches
        self.assertEqual(got.base_offset, base)
        self.assertEqual(got.record_count, end - base)
        self.assertEqual((got.first_record, got.last_record),
                         (1, end - base - 2))
        self.assertEqual(answer.next_offset, end - 1)

    def test_a_listed_codec_is_delivered_as_stored(self):
        answer = self.read(
            accepted_compressions=[record_pb2.COMPRESSION_ZSTD])
        for got, (_, _, sent, _) in zip(answer.batches, self.bounds):
            self.assertEqual(got.compression, sent.compression)
            self.assertEqual(got.compressed_records, sent.compressed_records)
            self.assertFalse(got.reencoded)
            self.assertEqual(got.payload_crc32c,
                             batches.crc32c(batches.payload_bytes(got)))

    def test_cut_batches_say_that_they_are_encoded_anew(self):
        base, end, _, _ = next(b for b in self.bounds if b[1] - b[0] >= 4)
        whole = self.read(start=batches.start(offset=base),
                          stop=batches.stop(offset=end))
        cut = self.read(start=batches.start(offset=base + 1),
                        stop=batches.stop(offset=end - 1))
        self.assertTrue(cut.batches[0].reencoded)
        self.assertEqual(cut.batches[0].base_offset, base + 1)
        self.assertEqual(cut.batches[0].record_count, end - base - 2)
        self.assertEqual(
            whole.batches[0].reencoded,
            self.bounds[[b[0] for b in self.bounds].index(base)][2]
            .compression != 0)

    def backwards(self, **options):
        """Everything, by as many reads as it takes; pairs per answer."""
        pairs, start = [], None
        while True:
            if start is not None:
                options["start"] = batches.start(offset=start)
            answer = self.read(backwards=True, **options)
            pairs += self.pairs(answer)
            if not answer.batches:
                return pairs
            start = answer.next_offset

    def test_backwards_goes_from_the_newest_batch_to_the_oldest(self):
        expected = []
        for base, end, _, _ in reversed(self.bounds):
            expected += self.values(base, end)
        self.assertEqual(self.pairs(self.read(backwards=True)), expected)
        self.assertEqual(self.backwards(bytes_max=60), expected)
        # One record at a time: strictly descending.
        self.assertEqual(self.backwards(records_max=1),
                         list(reversed(self.values(0, self.end))))

    def test_backwards_between_bounds(self):
        answer = self.read(backwards=True, start=batches.start(offset=50),
                           stop=batches.stop(offset=20))
        got = self.pairs(answer)
        self.assertEqual(sorted(got), self.values(20, 50))
        self.assertEqual([b.base_offset for b in answer.batches],
                         sorted((b.base_offset for b in answer.batches),
                                reverse=True))
        self.assertEqual(answer.next_offset, 20)
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, backwards=True,
                     stop=batches.stop(never=True))

    def test_an_empty_partition(self):
        for options in ({}, {"backwards": True},
                        {"start": batches.start(end=True)}):
            answer = self.read("empty", **options)
            self.assertEqual(list(answer.batches), [])
            self.assertEqual((answer.next_offset, answer.end_offset), (0, 0))

    def test_contradictions_are_refused(self):
        for options in (
                {"delivery": 9}, {"consistency": 9},
                {"start": batches.start(append_time_us=-1)},
                {"stop": batches.stop(append_time_us=-1)}):
            with self.subTest(**options):
                self.refused(grpc.StatusCode.INVALID_ARGUMENT, **options)

    def test_random_options_agree_with_the_model(self):
        rng = random.Random(2)
        for _ in range(400):
            first = rng.randrange(self.end + 1)
            last = rng.randrange(self.end + 1)
            records_max = rng.choice([0, 0, 1, 2, 5, 17])
            prefix = rng.choice([None, None, b"a", b""])
            options = {"start": batches.start(offset=first),
                       "stop": batches.stop(offset=last),
                       "records_max": records_max,
                       "consistency": rng.choice([0, 1])}
            expected = self.model[first:last]
            if prefix is not None:
                options["filter"] = pb2.RecordFilter(key_prefix=prefix)
                expected = [e for e in expected if e[2].key.startswith(prefix)]
            if records_max:
                expected = expected[:records_max]
            self.assertEqual(self.pairs(self.read(**options)),
                             [(o, r.value) for o, _, r in expected], options)


if __name__ == "__main__":
    cases.main()
