"""What was acknowledged is there after the server ends, however it ends."""

import hashlib
import struct
import threading
import unittest

import grpc
from kappa.v1 import log_service_pb2 as pb2
from kappa.v1 import log_service_pb2_grpc
from kappa.v1 import topic_service_pb2 as topic_pb2
from kappa.v1 import topic_service_pb2_grpc
from tests.conformance import batches
from tests.conformance import kappad
from tests.python import cases

PARTITIONS = 3


class DurabilityTest(unittest.TestCase):
    def setUp(self):
        self.server = kappad.Kappad()
        self.addCleanup(self.server.remove)
        self.start()

    def start(self):
        self.server.start()
        self.channel = self.server.channel()
        self.addCleanup(self.channel.close)
        self.log = log_service_pb2_grpc.LogServiceStub(self.channel)
        self.topics = topic_service_pb2_grpc.TopicServiceStub(self.channel)

    def create(self):
        return self.topics.CreateTopic(topic_pb2.CreateTopicRequest(
            name="t", partitions=PARTITIONS)).topic

    def append(self, partition, batch, **fields):
        return self.log.Append(pb2.AppendRequest(
            topic="t", partition=partition, batch=batch, **fields))

    def replay(self, partition):
        """All stored batches, with digests."""
        options = pb2.ReadOptions(stop=batches.stop(end=True),
                                  delivery=pb2.DELIVERY_WHOLE_BATCHES,
                                  with_digests=True)
        request = pb2.ReplayRequest(topic="t", partition=partition,
                                    options=options)
        return [b for answer in self.log.Replay(request)
                for b in answer.batches]

    def everything(self):
        return [self.replay(partition) for partition in range(PARTITIONS)]

    def fill(self, count):
        for i in range(count):
            make = batches.zstd_batch if i % 4 == 3 else batches.batch
            self.append(i % PARTITIONS, make(b"%d" % i, b"x" * (i % 50)))

    def test_a_crash_changes_nothing(self):
        topic = self.create()
        self.fill(120)
        before = self.everything()
        self.assertEqual(sum(len(p) for p in before), 120)
        for _ in range(3):
            self.server.kill()
            self.start()
            self.assertEqual(self.everything(), before)
        self.assertEqual(
            self.topics.GetTopic(topic_pb2.GetTopicRequest(name="t")).topic,
            topic)
        end = self.log.GetOffsets(
            pb2.GetOffsetsRequest(topic="t", partition=1))
        answer = self.append(1, batches.batch(b"after"))
        self.assertEqual(answer.base_offset, end.end_offset)
        self.assertGreaterEqual(answer.append_time_us,
                                end.last_append_time_us)

    def test_an_ordinary_end_is_clean(self):
        self.create()
        self.fill(30)
        before = self.everything()
        self.assertEqual(self.server.stop(), 0, self.server.log())
        self.start()
        self.assertEqual(self.everything(), before)

    def test_an_open_replay_ends_with_unavailable(self):
        self.create()
        self.fill(3)
        call = self.log.Replay(pb2.ReplayRequest(topic="t"), timeout=60)
        next(call)
        codes = []

        def drain():
            try:
                for _ in call:
                    continue
            except grpc.RpcError as error:
                codes.append(error.code())

        reader = threading.Thread(target=drain)
        reader.start()
        self.assertEqual(self.server.stop(), 0, self.server.log())
        reader.join(60)
        self.assertEqual(codes, [grpc.StatusCode.UNAVAILABLE])

    def test_acknowledged_appends_survive_a_crash_under_load(self):
        self.create()
        acknowledged = [[] for _ in range(PARTITIONS)]
        enough = threading.Event()

        def write(partition):
            number = 0
            try:
                while True:
                    answer = self.append(partition,
                                         batches.batch(b"%d" % number))
                    acknowledged[partition].append(answer)
                    number += 1
                    if number == 100:
                        enough.set()
            except grpc.RpcError:
                return

        writers = [threading.Thread(target=write, args=(p,))
                   for p in range(PARTITIONS)]
        for writer in writers:
            writer.start()
        self.assertTrue(enough.wait(60))
        self.server.kill()
        for writer in writers:
            writer.join(60)
        self.start()
        for partition, answers in enumerate(acknowledged):
            stored = self.replay(partition)
            self.assertGreaterEqual(len(stored), len(answers))
            for number, (answer, batch) in enumerate(zip(answers, stored)):
                self.assertEqual(answer.base_offset, number)
                self.assertEqual(batch.base_offset, number)
                self.assertEqual(batch.append_time_us, answer.append_time_us)
                self.assertEqual(batch.chain_digest, answer.chain_digest)
                self.assertEqual(batch.records.records[0].value,
                                 b"%d" % number)

    def test_the_chain_covers_what_users_see(self):
        """Computed here from the answers alone, as an auditor would."""
        topic = self.create()
        self.fill(40)
        opened = self.log.OpenProducer(pb2.OpenProducerRequest(
            name="p", topic="t", partitions=[0]))
        start = self.log.GetOffsets(
            pb2.GetOffsetsRequest(topic="t")).end_offset
        self.append(0, batches.batch(b"s"), producer=pb2.ProducerSequence(
            id=opened.producer_id, epoch=1, sequence=1, state=b"lsn 1"))
        for partition in range(PARTITIONS):
            chain = hashlib.sha256(
                topic.uuid + struct.pack(">I", partition)).digest()
            for b in self.replay(partition):
                payload = batches.payload_bytes(b)
                sha = hashlib.sha256(payload).digest()
                self.assertEqual(b.payload_sha256, sha)
                producer = bytes(16) + struct.pack(">QQ", 0, 0)
                state = struct.pack(">BI", 0, 0)
                if partition == 0 and b.base_offset == start:
                    producer = opened.producer_id + struct.pack(">QQ", 1, 1)
                    state = struct.pack(">BI", 1, 5) + b"lsn 1"
                chain = hashlib.sha256(
                    chain + struct.pack(">QIq", b.base_offset,
                                        b.record_count, b.append_time_us)
                    + producer + state
                    + struct.pack(">BB", 1, b.compression) + sha).digest()
                self.assertEqual(b.chain_digest, chain)
            end = self.log.GetOffsets(
                pb2.GetOffsetsRequest(topic="t", partition=partition))
            self.assertEqual(end.chain_digest, chain)


if __name__ == "__main__":
    cases.main()
