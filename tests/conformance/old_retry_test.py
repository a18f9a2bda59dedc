"""The first of very many batches, sent again after a restart, is recognised.

The nightly version sends a million.
"""

import os
import uuid

import grpc
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import log_service_pb2_grpc
from kappa.v1 import topic_service_pb2 as topic_pb2
from tests.conformance import batches
from tests.conformance import kappad
from tests.python import cases

BATCHES = 1_000_000 if os.environ.get("KAPPA_NIGHTLY") else 10_000


class OldRetryTest(kappad.KappadTestCase):
    def request(self, sequence, value=b"v"):
        return log_pb2.AppendRequest(
            topic="t", batch=batches.batch(value),
            producer=log_pb2.ProducerSequence(id=self.session, sequence=sequence))

    def test_the_first_batch_is_stored_for_ever(self):
        self.session = uuid.uuid4().bytes
        self.topics.CreateTopic(topic_pb2.CreateTopicRequest(name="t"))
        answers = self.log.AppendStream(
            log_pb2.AppendStreamRequest(correlation_id=i, append=self.request(i))
            for i in range(1, BATCHES + 1))
        stored = sum(answer.HasField("ack") for answer in answers)
        self.assertEqual(stored, BATCHES)
        self.server.kill()
        self.server.start()
        with self.server.channel() as channel:
            log = log_service_pb2_grpc.LogServiceStub(channel)
            end = log.GetOffsets(log_pb2.GetOffsetsRequest(topic="t"))
            self.assertEqual(end.end_offset, BATCHES)
            for sequence in (1, 2, BATCHES // 2, BATCHES - 128):
                with self.assertRaises(grpc.RpcError) as caught:
                    log.Append(self.request(sequence))
                self.assertEqual(caught.exception.code(), grpc.StatusCode.ALREADY_EXISTS)
            for sequence in (BATCHES - 127, BATCHES):
                again = log.Append(self.request(sequence))
                self.assertTrue(again.duplicate)
                self.assertEqual(again.base_offset, sequence - 1)
            with self.assertRaises(grpc.RpcError) as caught:
                log.Append(self.request(BATCHES, b"w"))
            self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
            self.assertEqual(log.GetOffsets(log_pb2.GetOffsetsRequest(topic="t")), end)
        print(f"{BATCHES:,} batches, all recognised after kill -9")


if __name__ == "__main__":
    cases.main()
