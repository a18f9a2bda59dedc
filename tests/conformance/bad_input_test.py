"""Every kind of wrong request, each with its exact answer and no effect.

A row is one case: what is called, with which bytes, and the status, reason and
message it must get. Rows of appends go through Append and AppendStream, which
must answer the same. After each row everything that can be seen of the server
is as it was: topics, ends, chain digests (which change with any entry that
users see), and where producers stand.
"""

import uuid

import grpc
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import topic_service_pb2 as topic_pb2
from tests.conformance import bad_requests as bad
from tests.conformance import batches
from tests.conformance import kappad
from tests.conformance import raw_proto as raw
from tests.python import cases

import error_details_pb2
import status_pb2

TOPIC_METHODS = ("CreateTopic", "GetTopic", "ListTopics", "UpdateTopic", "DeleteTopic",
                 "AddPartitions")


class BadInputTest(kappad.KappadTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.topics.CreateTopic(topic_pb2.CreateTopicRequest(name="t", partitions=2))
        cls.topics.CreateTopic(topic_pb2.CreateTopicRequest(name="keyed"))
        for sequence, values in ((1, (b"a", b"b")), (2, (b"c",))):
            cls.log.Append(log_pb2.AppendRequest(
                topic="t", batch=batches.batch(*values),
                producer=log_pb2.ProducerSequence(id=bad.SESSION, sequence=sequence)))
        cls.log.Append(log_pb2.AppendRequest(
            topic="keyed", batch=batches.batch(b"v", key=b"k")))
        cls.log.OpenProducer(log_pb2.OpenProducerRequest(
            name=bad.PRODUCER_NAME, topic="t", partitions=[0, 1]))

    def state(self):
        """Everything of the server that a client can see."""
        seen = [self.topics.ListTopics(topic_pb2.ListTopicsRequest(page_size=1000))]
        seen.append(self.log.GetProducer(log_pb2.GetProducerRequest(
            name=bad.PRODUCER_NAME, topic="t", partitions=[0, 1])))
        for topic, partition in (("t", 0), ("t", 1), ("keyed", 0)):
            seen.append(self.log.GetOffsets(log_pb2.GetOffsetsRequest(
                topic=topic, partition=partition)))
        return seen

    def raw_method(self, name):
        service = "TopicService" if name in TOPIC_METHODS else "LogService"
        kind = {"Replay": self.channel.unary_stream,
                "AppendStream": self.channel.stream_stream}.get(
                    name, self.channel.unary_unary)
        return kind(f"/kappa.v1.{service}/{name}", request_serializer=bytes,
                    response_deserializer=bytes)

    def call(self, row):
        """The google.rpc.Status that a row is refused with."""
        with self.assertRaises(grpc.RpcError) as caught:
            answer = self.raw_method(row.method)(row.request, timeout=20)
            if row.method == "Replay":
                list(answer)
        error = caught.exception
        details = dict(error.trailing_metadata())
        self.assertIn("grpc-status-details-bin", details, error)
        status = status_pb2.Status.FromString(details["grpc-status-details-bin"])
        self.assertEqual(status.code, error.code().value[0])
        self.assertEqual(status.message, error.details())
        return status

    def call_streamed(self, row):
        """The same for an append, as a frame of a stream."""
        frame = raw.integer(1, 77) + raw.text(2, row.request)
        [answer] = self.raw_method("AppendStream")(iter([frame]), timeout=20)
        answer = log_pb2.AppendStreamResponse.FromString(answer)
        self.assertEqual(answer.correlation_id, 77)
        self.assertEqual(answer.WhichOneof("result"), "error")
        return status_pb2.Status.FromString(answer.error.SerializeToString())

    def check(self, row, status):
        self.assertEqual(status.code, row.code.value[0], status)
        [detail] = status.details
        info = error_details_pb2.ErrorInfo()
        self.assertTrue(detail.Unpack(info))
        self.assertRegex(info.reason, f"^({row.reason})$", status.message)
        self.assertEqual(info.domain, "kappa")
        self.assertEqual(info.metadata["outcome"], "definite")
        self.assertRegex(status.message, f"(?s){row.message}")

    # ---- what one row cannot say ----

    def test_a_read_from_past_its_stop_is_empty(self):
        for start, stop in ((bad.END, 0), (2, 1), (1, 1)):
            options = log_pb2.ReadOptions(start=batches.start(offset=start),
                                          stop=batches.stop(offset=stop))
            answer = self.log.Read(log_pb2.ReadRequest(topic="t", options=options))
            self.assertEqual((list(answer.batches), answer.next_offset), ([], start))
            answers = list(self.log.Replay(
                log_pb2.ReplayRequest(topic="t", options=options), timeout=20))
            self.assertEqual(sum(len(a.batches) for a in answers), 0)
            self.assertEqual(answers[-1].next_offset, start)

    def test_a_repetition_is_the_first_result_and_nothing_more(self):
        before = self.state()
        answer = self.log.Append(log_pb2.AppendRequest(
            topic="t", batch=batches.batch(b"c"),
            producer=log_pb2.ProducerSequence(id=bad.SESSION, sequence=2)))
        self.assertEqual((answer.base_offset, answer.next_offset, answer.duplicate),
                         (2, 3, True))
        self.assertEqual(self.state(), before)

    def test_a_page_token_of_another_query_is_refused(self):
        first = self.topics.ListTopics(topic_pb2.ListTopicsRequest(page_size=1))
        token = first.next_page_token
        self.assertTrue(token)
        for i, wrong in enumerate((
                raw.text(2, token) + raw.text(3, "k"), raw.text(2, token[:-1]),
                raw.text(2, token + "A"), raw.text(2, token[1:]))):
            with self.subTest(i):
                self.run_row(bad.Row("", "ListTopics", wrong, bad.INVALID,
                                     "INVALID_PAGE_TOKEN", "page.token"))

    def test_an_old_epoch_is_fenced(self):
        request_ = log_pb2.OpenProducerRequest(name="old-epoch", topic="keyed",
                                               partitions=[0])
        old, new = self.log.OpenProducer(request_), self.log.OpenProducer(request_)
        self.run_row(bad.append(
            "old epoch",
            bad.request(topic="keyed",
                        more=bad.producer(1, identity=old.producer_id, epoch=old.epoch)),
            bad.PRECONDITION, "PRODUCER_FENCED",
            rf"epoch {old.epoch} .*\b{new.epoch}\b"))
        self.run_row(bad.append(
            "an epoch that never was",
            bad.request(topic="keyed",
                        more=bad.producer(1, identity=old.producer_id, epoch=9)),
            bad.PRECONDITION, "PRODUCER_UNKNOWN", r"\b9\b"))

    def test_a_topic_made_again_has_nothing_of_the_old_one(self):
        create = topic_pb2.CreateTopicRequest(name="again", deletion_protection=False)
        old = self.topics.CreateTopic(create).topic
        same = self.topics.CreateTopic(create)
        self.assertEqual((same.created, same.topic), (False, old))
        for _ in range(3):
            self.log.Append(log_pb2.AppendRequest(
                topic="again", batch=batches.batch(b"old"),
                producer=log_pb2.ProducerSequence(id=uuid.uuid4().bytes, sequence=1)))
        self.topics.DeleteTopic(topic_pb2.DeleteTopicRequest(name="again"))
        new = self.topics.CreateTopic(create).topic
        self.assertNotEqual(new.uuid, old.uuid)
        self.run_row(bad.append(
            "old UUID", bad.request(topic="again", more=raw.text(2, old.uuid)),
            bad.PRECONDITION, "TOPIC_UUID_MISMATCH",
            rf"again.*{new.uuid.hex()}.*{old.uuid.hex()}"))
        answer = self.log.Append(log_pb2.AppendRequest(
            topic="again", batch=batches.batch(b"new")))
        self.assertEqual((answer.base_offset, answer.topic_uuid), (0, new.uuid))
        self.assertEqual(
            batches.offsets_and_values(
                self.log.Read(log_pb2.ReadRequest(topic="again")).batches),
            [(0, b"new")])

    def run_row(self, row):
        before = self.state()
        self.check(row, self.call(row))
        if row.method == "Append":
            self.check(row, self.call_streamed(row))
        self.assertEqual(self.state(), before)


def add_case(row):
    name = "test_" + row.name
    assert not hasattr(BadInputTest, name), name
    setattr(BadInputTest, name, lambda self: self.run_row(row))


for each in bad.ROWS:
    add_case(each)


if __name__ == "__main__":
    cases.main()
