"""The model flags each way in which a log may differ from what was promised."""

import hashlib
import struct
import unittest
import uuid

from kappa.v1 import log_service_pb2 as log_pb2
from tests.conformance import batches
from tests.crash import model
from tests.python import cases

UUID = uuid.UUID(int=7).bytes
WRITER_ID = uuid.UUID(int=8).bytes


class ModelTest(unittest.TestCase):
    """A legal history of four batches, two of them acknowledged, and changes."""

    def setUp(self):
        self.log = model.Log("t", UUID, 3)
        self.sent, self.stored = [], []
        chain = hashlib.sha256(UUID + struct.pack(">I", 3)).digest()
        for number in range(4):
            sent = self.send(number + 1)
            offset, time_us = 2 * number, 1000 + number
            digest = hashlib.sha256(sent.payload).digest()
            state = struct.pack(">BI", 0, 0)
            if number == 2:
                state = struct.pack(">BI", 1, 3) + b"lsn"
            chain = hashlib.sha256(
                chain + struct.pack(">QIq", offset, 2, time_us) + WRITER_ID
                + struct.pack(">QQ", 5, number + 1) + state
                + struct.pack(">BB", 1, 0) + digest).digest()
            self.stored.append(log_pb2.DeliveredBatch(
                base_offset=offset, record_count=2, append_time_us=time_us,
                records=sent.request.batch.records, payload_sha256=digest,
                chain_digest=chain))
            if number < 2:
                sent.ack = log_pb2.AppendResponse(
                    base_offset=offset, next_offset=offset + 2, append_time_us=time_us,
                    chain_digest=chain)

    def send(self, sequence):
        batch = batches.batch(b"%d" % sequence, b"second")
        batch.record_count = 2
        producer = log_pb2.ProducerSequence(id=WRITER_ID, epoch=5, sequence=sequence)
        if sequence == 3:
            producer.state = b"lsn"
        sent = model.Sent(self.log, 0, log_pb2.AppendRequest(batch=batch, producer=producer))
        self.log.add(sent)
        self.sent.append(sent)
        return sent

    def flagged(self, what, delivered):
        faults = self.log.check(delivered)
        self.assertTrue(any(what in fault for fault in faults), faults)

    def test_a_legal_history_passes(self):
        self.assertEqual(self.log.check(self.stored), [])
        self.assertEqual(self.log.end, 8)
        self.assertEqual(self.log.unseen(), [])
        self.assertEqual(model.check_stretch(self.log, 1, self.stored[1:3]), [])
        self.assertEqual(self.log.check_end(log_pb2.GetOffsetsResponse(
            end_offset=8, chain_digest=self.stored[3].chain_digest,
            last_append_time_us=1003)), [])

    def test_what_was_not_acknowledged_may_be_missing(self):
        self.assertEqual(self.log.check(self.stored[:2]), [])
        self.assertEqual(self.log.unseen(), self.sent[2:])
        # It may come later.
        self.assertEqual(self.log.check(self.stored[2:]), [])

    def test_a_lost_batch(self):
        self.flagged("acknowledged batch lost", self.stored[:1])
        self.flagged("acknowledged batch lost", [])

    def test_a_hole(self):
        self.flagged("stands there", self.stored[1:])

    def test_a_torn_batch(self):
        del self.stored[1].records.records[1]
        self.flagged("torn", self.stored)

    def test_an_altered_batch(self):
        self.stored[1].records.records[1].value = b"Second"
        self.flagged("altered", self.stored)

    def test_a_batch_that_comes_twice(self):
        again = log_pb2.DeliveredBatch()
        again.CopyFrom(self.stored[3])
        again.base_offset = 8
        self.flagged("twice", [*self.stored, again])

    def test_a_batch_that_moved(self):
        self.stored[1].base_offset = 3
        self.flagged("stands there", self.stored)

    def test_other_times(self):
        self.stored[1].append_time_us = 999
        self.flagged("older", self.stored)

    def test_another_order(self):
        self.stored[1].base_offset = 0
        self.flagged("follows sequence 0", self.stored[1:])

    def test_other_digests(self):
        for field in ("payload_sha256", "chain_digest"):
            self.setUp()
            setattr(self.stored[1], field, bytes(32))
            self.flagged("wrong digests", self.stored)

    def test_another_producer_position(self):
        self.sent[2].request.producer.state = b"LSN"
        self.flagged("wrong digests", self.stored)

    def test_an_acknowledgement_that_was_not_true(self):
        for field, value in (("base_offset", 3), ("next_offset", 5),
                             ("append_time_us", 1), ("chain_digest", bytes(32))):
            self.setUp()
            setattr(self.sent[1].ack, field, value)
            self.flagged("was acknowledged as", self.stored)

    def test_another_end(self):
        self.assertEqual(self.log.check(self.stored), [])
        for field, value in (("first_offset", 1), ("end_offset", 7),
                             ("chain_digest", bytes(32)), ("last_append_time_us", 1)):
            answer = log_pb2.GetOffsetsResponse(
                end_offset=8, chain_digest=self.stored[3].chain_digest,
                last_append_time_us=1003)
            setattr(answer, field, value)
            self.assertTrue(self.log.check_end(answer))

    def test_a_difference_when_read_again(self):
        self.assertEqual(self.log.check(self.stored), [])
        self.assertTrue(model.check_stretch(self.log, 0, self.stored[1:]))
        self.stored[1].records.records[1].value = b"Second"
        self.assertTrue(model.check_stretch(self.log, 0, self.stored))


if __name__ == "__main__":
    cases.main()
