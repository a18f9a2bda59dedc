"""Producers: retries that store each batch exactly once."""

import uuid

import grpc
from kappa.v1 import log_service_pb2 as pb2
from kappa.v1 import topic_service_pb2 as topic_pb2
from tests.conformance import batches
from tests.conformance import kappad
from tests.python import cases

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION


class ProducerTest(kappad.KappadTestCase):
    def setUp(self):
        self.name = "t-" + uuid.uuid4().hex
        self.topics.CreateTopic(
            topic_pb2.CreateTopicRequest(name=self.name, partitions=3))

    def append(self, identity, epoch, sequence, *values, partition=0,
               expected_offset=None, **fields):
        return self.log.Append(pb2.AppendRequest(
            topic=self.name, partition=partition,
            batch=batches.batch(*values), expected_offset=expected_offset,
            producer=pb2.ProducerSequence(
                id=identity, epoch=epoch, sequence=sequence, **fields)))

    def refused(self, code, *arguments, **fields):
        with self.assertRaises(grpc.RpcError) as caught:
            self.append(*arguments, **fields)
        self.assertEqual(caught.exception.code(), code, caught.exception)

    def open(self, name=None, partitions=(0, 1)):
        return self.log.OpenProducer(pb2.OpenProducerRequest(
            name=name or "p-" + self.name, topic=self.name,
            partitions=partitions))

    def get(self, partitions=(0, 1)):
        return self.log.GetProducer(pb2.GetProducerRequest(
            name="p-" + self.name, topic=self.name, partitions=partitions))

    def values(self, partition=0):
        return [value for _, value in batches.offsets_and_values(
            self.log.Read(pb2.ReadRequest(
                topic=self.name, partition=partition)).batches)]

    def restart(self):
        """As after a loss of power of the process."""
        self.server.kill()
        self.server.start()
        cls = type(self)
        cls.channel.close()
        cls.channel = self.server.channel()
        cls.log = kappad.log_service_pb2_grpc.LogServiceStub(cls.channel)
        cls.topics = kappad.topic_service_pb2_grpc.TopicServiceStub(
            cls.channel)

    def test_a_repetition_is_answered_with_the_first_result(self):
        session = uuid.uuid4().bytes
        first = self.append(session, 0, 1, b"a", b"b")
        self.assertFalse(first.duplicate)
        self.append(session, 0, 2, b"c")
        again = self.append(session, 0, 1, b"a", b"b")
        self.assertTrue(again.duplicate)
        again.duplicate = False
        self.assertEqual(again, first)
        self.assertEqual(self.values(), [b"a", b"b", b"c"])

    def test_the_last_128_results_are_kept(self):
        session = uuid.uuid4().bytes
        answers = [self.append(session, 0, i, b"%d" % i)
                   for i in range(1, 130)]
        again = self.append(session, 0, 2, b"2")
        self.assertEqual(again.base_offset, answers[1].base_offset)
        self.refused(grpc.StatusCode.ALREADY_EXISTS, session, 0, 1, b"1")
        self.assertEqual(len(self.values()), 129)

    def test_a_gap_is_refused_until_it_is_filled(self):
        session = uuid.uuid4().bytes
        self.append(session, 0, 1, b"1")
        self.refused(PRECONDITION, session, 0, 3, b"3")
        self.append(session, 0, 2, b"2")
        self.append(session, 0, 3, b"3")
        # Sequences may jump when the producer says from where.
        self.append(session, 0, 10, b"10", previous_sequence=3)
        self.refused(PRECONDITION, session, 0, 12, b"12", previous_sequence=9)
        self.assertEqual(self.values(), [b"1", b"2", b"3", b"10"])

    def test_sequences_are_per_partition(self):
        session = uuid.uuid4().bytes
        for partition in range(3):
            answer = self.append(session, 0, 1, b"x", partition=partition)
            self.assertEqual(answer.base_offset, 0)

    def test_the_sequence_is_checked_before_the_expected_offset(self):
        session = uuid.uuid4().bytes
        first = self.append(session, 0, 1, b"a", expected_offset=0)
        again = self.append(session, 0, 1, b"a", expected_offset=0)
        self.assertTrue(again.duplicate)
        self.assertEqual(again.base_offset, first.base_offset)
        # A refused condition uses up no sequence.
        self.refused(PRECONDITION, session, 0, 2, b"b", expected_offset=0)
        self.append(session, 0, 2, b"b", expected_offset=1)

    def test_opening_raises_the_epoch_and_fences(self):
        first = self.open()
        self.assertEqual(first.epoch, 1)
        self.assertEqual(len(first.producer_id), 16)
        self.assertEqual([p.partition for p in first.positions], [0, 1])
        self.append(first.producer_id, 1, 1, b"a", state=b"lsn 1")
        second = self.open()
        self.assertEqual(second.producer_id, first.producer_id)
        self.assertEqual(second.epoch, 2)
        self.assertEqual(second.positions[0].last_sequence, 1)
        self.assertEqual(second.positions[0].state, b"lsn 1")
        self.assertFalse(second.positions[1].HasField("state"))
        self.refused(PRECONDITION, first.producer_id, 1, 2, b"zombie")
        # Not even what would be the first batch there.
        self.refused(PRECONDITION, first.producer_id, 1, 1, b"zombie",
                     partition=1)
        self.append(second.producer_id, 2, 2, b"b")
        # A partition that was not named is fenced by the first batch.
        self.append(second.producer_id, 2, 1, b"c", partition=2)
        self.refused(PRECONDITION, first.producer_id, 1, 2, b"zombie",
                     partition=2)
        self.assertEqual(self.values(), [b"a", b"b"])

    def test_a_fence_uses_up_no_offset(self):
        opened = self.open()
        self.open()
        opened = self.open()
        answer = self.append(opened.producer_id, opened.epoch, 1, b"a")
        self.assertEqual(answer.base_offset, 0)

    def test_get_producer_changes_nothing(self):
        opened = self.open()
        self.append(opened.producer_id, 1, 1, b"a", state=b"")
        for _ in range(2):
            got = self.get()
            self.assertEqual(got.producer_id, opened.producer_id)
            self.assertEqual(got.epoch, 1)
            self.assertEqual(got.positions[0].last_sequence, 1)
            self.assertTrue(got.positions[0].HasField("state"))
            self.assertEqual(got.positions[1].last_sequence, 0)
        self.append(opened.producer_id, 1, 2, b"b")

    def test_state_has_a_limit(self):
        opened = self.open()
        self.append(opened.producer_id, 1, 1, b"a", state=b"s" * 1024)
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, opened.producer_id, 1,
                     2, b"b", state=b"s" * 1025)
        self.assertEqual(self.get().positions[0].state, b"s" * 1024)

    def test_names_have_a_rule(self):
        for name in ("", "a b", ".", "n" * 201):
            with self.assertRaises(grpc.RpcError) as caught:
                self.log.OpenProducer(
                    pb2.OpenProducerRequest(name=name, topic=self.name))
            self.assertEqual(caught.exception.code(),
                             grpc.StatusCode.INVALID_ARGUMENT)

    def test_everything_survives_a_crash(self):
        session = uuid.uuid4().bytes
        unnamed = self.append(session, 0, 1, b"u")
        opened = self.open()
        named = self.append(opened.producer_id, 1, 1, b"n", state=b"lsn 9")
        self.restart()
        for identity, epoch, value, first in (
                (session, 0, b"u", unnamed),
                (opened.producer_id, 1, b"n", named)):
            again = self.append(identity, epoch, 1, value)
            self.assertTrue(again.duplicate)
            again.duplicate = False
            self.assertEqual(again, first)
        self.assertEqual(self.get().positions[0].state, b"lsn 9")
        self.assertEqual(self.open().epoch, 2)
        self.refused(PRECONDITION, opened.producer_id, 1, 2, b"zombie")
        self.append(session, 0, 2, b"u2")
        self.assertEqual(self.values(), [b"u", b"n", b"u2"])


if __name__ == "__main__":
    cases.main()
