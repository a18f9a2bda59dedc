"""Every failure carries details that Google's own definitions decode."""

import uuid

import grpc
from kappa.v1 import cluster_service_pb2 as cluster_pb2
from kappa.v1 import cluster_service_pb2_grpc as cluster_grpc
from kappa.v1 import error_pb2
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import record_pb2
from kappa.v1 import topic_service_pb2 as topic_pb2
from tests.conformance import kappad
from tests.python import cases

import error_details_pb2
import status_pb2

ONE = record_pb2.Batch(
    records=record_pb2.RecordSet(records=[record_pb2.Record(value=b"v")]))
OTHER = record_pb2.Batch(
    records=record_pb2.RecordSet(records=[record_pb2.Record(value=b"w")]))
WRONG_UUID = b"\x01" * 16

# What one healthy node never answers to a request by itself; other tests cause
# these conditions.
NOT_CAUSED_HERE = {
    "UNSPECIFIED", "OVERLOADED", "DISK_FULL", "NOT_LEADER", "SHUTTING_DOWN",
    "OUTCOME_UNKNOWN", "DATA_DAMAGED", "INTERNAL", "DEADLINE_PASSED",
}


class ErrorsTest(kappad.KappadTestCase):
    caused = set()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.topics.CreateTopic(topic_pb2.CreateTopicRequest(name="t"))

    # ---- helpers ----

    def topic(self, **settings):
        """A new topic; returns its name."""
        name = "t-" + uuid.uuid4().hex
        self.topics.CreateTopic(
            topic_pb2.CreateTopicRequest(name=name, **settings))
        return name

    def append(self, topic="t", batch=ONE, **fields):
        return self.log.Append(
            log_pb2.AppendRequest(topic=topic, batch=batch, **fields))

    def producer(self, sequence, **fields):
        return log_pb2.ProducerSequence(
            **{"id": self.session, "sequence": sequence, **fields})

    def fails(self, reason, code, call, *arguments, **fields):
        """Makes the call, which must fail so; returns its ErrorInfo."""
        with self.assertRaises(grpc.RpcError) as caught:
            call(*arguments, **fields)
        error = caught.exception
        details = dict(error.trailing_metadata())
        status = status_pb2.Status.FromString(
            details["grpc-status-details-bin"])
        self.assertEqual(error.code(), code, error)
        self.assertEqual(status.code, code.value[0])
        self.assertEqual(status.message, error.details())
        self.assertTrue(status.message)
        return self.check_info(status, reason)

    def check_info(self, status, reason):
        self.assertEqual(len(status.details), 1)
        info = error_details_pb2.ErrorInfo()
        self.assertEqual(status.details[0].type_url,
                         "type.googleapis.com/google.rpc.ErrorInfo")
        self.assertTrue(status.details[0].Unpack(info))
        self.assertEqual(info.reason, reason, status.message)
        self.assertEqual(info.domain, "kappa")
        self.assertEqual(info.metadata["outcome"], "definite")
        self.assertIn("ERROR_REASON_" + reason,
                      error_pb2.ErrorReason.keys())
        ErrorsTest.caused.add(reason)
        return info

    def setUp(self):
        self.session = uuid.uuid4().bytes

    # ---- what is asked for does not exist or is not allowed ----

    def test_topic_not_found(self):
        for call in (
                lambda: self.append("no-such"),
                lambda: self.log.Read(log_pb2.ReadRequest(topic="no-such")),
                lambda: list(self.log.Replay(
                    log_pb2.ReplayRequest(topic="no-such"))),
                lambda: self.log.GetOffsets(
                    log_pb2.GetOffsetsRequest(topic="no-such")),
                lambda: self.topics.GetTopic(
                    topic_pb2.GetTopicRequest(name="no-such")),
                lambda: self.topics.DeleteTopic(
                    topic_pb2.DeleteTopicRequest(name="no-such"))):
            info = self.fails("TOPIC_NOT_FOUND", grpc.StatusCode.NOT_FOUND,
                              call)
            self.assertEqual(info.metadata["topic"], "no-such")

    def test_partition_not_found(self):
        info = self.fails("PARTITION_NOT_FOUND", grpc.StatusCode.NOT_FOUND,
                          self.append, partition=1)
        self.assertEqual(info.metadata["partition"], "1")
        self.assertEqual(info.metadata["partitions"], "1")

    def test_topic_uuid_mismatch(self):
        self.fails("TOPIC_UUID_MISMATCH",
                   grpc.StatusCode.FAILED_PRECONDITION,
                   self.append, topic_uuid=WRONG_UUID)

    def test_topic_exists(self):
        self.fails("TOPIC_EXISTS", grpc.StatusCode.ALREADY_EXISTS,
                   self.topics.CreateTopic,
                   topic_pb2.CreateTopicRequest(name="t", partitions=2))

    def test_invalid_name(self):
        for name in ("", ".", "..", "a b", "a/b", "é", "a" * 201):
            self.fails("INVALID_NAME", grpc.StatusCode.INVALID_ARGUMENT,
                       self.topics.CreateTopic,
                       topic_pb2.CreateTopicRequest(name=name))

    def test_deletion_protected(self):
        self.fails("DELETION_PROTECTED",
                   grpc.StatusCode.FAILED_PRECONDITION,
                   self.topics.DeleteTopic,
                   topic_pb2.DeleteTopicRequest(name="t"))

    def test_too_few_nodes(self):
        self.fails("TOO_FEW_NODES", grpc.StatusCode.FAILED_PRECONDITION,
                   self.topics.CreateTopic,
                   topic_pb2.CreateTopicRequest(name="three", replicas=3))

    def test_key_movement_not_accepted(self):
        topic = self.topic()
        self.append(topic)
        self.fails("KEY_MOVEMENT_NOT_ACCEPTED",
                   grpc.StatusCode.FAILED_PRECONDITION,
                   self.topics.AddPartitions,
                   topic_pb2.AddPartitionsRequest(name=topic, partitions=2))

    def test_invalid_page_token(self):
        self.fails("INVALID_PAGE_TOKEN", grpc.StatusCode.INVALID_ARGUMENT,
                   self.topics.ListTopics,
                   topic_pb2.ListTopicsRequest(page_token="made up"))

    def test_offset_out_of_range(self):
        topic = self.topic()
        self.append(topic)
        options = log_pb2.ReadOptions(start=log_pb2.ReadStart(offset=2))
        info = self.fails("OFFSET_OUT_OF_RANGE",
                          grpc.StatusCode.OUT_OF_RANGE, self.log.Read,
                          log_pb2.ReadRequest(topic=topic, options=options))
        self.assertEqual(info.metadata["end_offset"], "1")

    # ---- the batch is wrong ----

    def test_malformed_request(self):
        self.fails("MALFORMED_REQUEST", grpc.StatusCode.INVALID_ARGUMENT,
                   self.append, batch=record_pb2.Batch())
        self.fails("MALFORMED_REQUEST", grpc.StatusCode.INVALID_ARGUMENT,
                   self.append, topic_uuid=b"short")
        raw = self.channel.unary_unary(
            "/kappa.v1.LogService/Append",
            request_serializer=lambda request: request,
            response_deserializer=log_pb2.AppendResponse.FromString)
        self.fails("MALFORMED_REQUEST", grpc.StatusCode.INVALID_ARGUMENT,
                   raw, b"\xff\xff\xff")

    def test_limit_exceeded(self):
        def batch(**fields):
            return record_pb2.Batch(records=record_pb2.RecordSet(
                records=[record_pb2.Record(**fields)]))
        header = record_pb2.Header(name="n")
        for over, limit, maximum, value in (
                (batch(key=b"k" * 65537), "key_bytes_max", 65536, 65537),
                (batch(headers=[header] * 65), "headers_max", 64, 65),
                (batch(headers=[record_pb2.Header(name="n" * 1025)]),
                 "header_name_bytes_max", 1024, 1025),
                (batch(headers=[record_pb2.Header(
                    name="n", value=b"v" * 65536)]),
                 "header_bytes_max", 65536, 65537)):
            info = self.fails("LIMIT_EXCEEDED",
                              grpc.StatusCode.INVALID_ARGUMENT,
                              self.append, batch=over)
            self.assertEqual(info.metadata["limit"], limit)
            self.assertEqual(info.metadata["max"], str(maximum))
            self.assertEqual(info.metadata["value"], str(value))

    def test_checksum_mismatch(self):
        wrong = record_pb2.Batch(records=ONE.records, payload_crc32c=1)
        self.fails("CHECKSUM_MISMATCH", grpc.StatusCode.INVALID_ARGUMENT,
                   self.append, batch=wrong)

    def test_record_count_mismatch(self):
        wrong = record_pb2.Batch(records=ONE.records, record_count=2)
        self.fails("RECORD_COUNT_MISMATCH",
                   grpc.StatusCode.INVALID_ARGUMENT,
                   self.append, batch=wrong)

    def test_compression_refused(self):
        for compression in (record_pb2.COMPRESSION_ZSTD,
                            record_pb2.COMPRESSION_LZ4, 9):
            self.fails("COMPRESSION_REFUSED",
                       grpc.StatusCode.INVALID_ARGUMENT, self.append,
                       batch=record_pb2.Batch(compressed_records=b"no frame",
                                              compression=compression))

    # ---- order and identity ----

    def test_expected_offset_mismatch(self):
        topic = self.topic()
        self.append(topic, expected_offset=0)
        info = self.fails("EXPECTED_OFFSET_MISMATCH",
                          grpc.StatusCode.FAILED_PRECONDITION,
                          self.append, topic, expected_offset=0)
        self.assertEqual(info.metadata["end_offset"], "1")

    def test_sequence_gap_and_reuse(self):
        topic = self.topic()
        self.append(topic, producer=self.producer(1))
        info = self.fails("SEQUENCE_GAP",
                          grpc.StatusCode.FAILED_PRECONDITION,
                          self.append, topic, producer=self.producer(3))
        self.assertEqual(info.metadata["last_sequence"], "1")
        self.fails("SEQUENCE_REUSED", grpc.StatusCode.INVALID_ARGUMENT,
                   self.append, topic, batch=OTHER,
                   producer=self.producer(1))

    def test_sequence_stored(self):
        topic = self.topic()
        for sequence in range(1, 131):
            self.append(topic, producer=self.producer(sequence))
        self.fails("SEQUENCE_STORED", grpc.StatusCode.ALREADY_EXISTS,
                   self.append, topic, producer=self.producer(1))

    def test_producer_fenced(self):
        topic = self.topic()
        name = "p-" + uuid.uuid4().hex
        request = log_pb2.OpenProducerRequest(
            name=name, topic=topic, partitions=[0])
        old = self.log.OpenProducer(request)
        new = self.log.OpenProducer(request)
        self.assertEqual(new.producer_id, old.producer_id)
        info = self.fails(
            "PRODUCER_FENCED", grpc.StatusCode.FAILED_PRECONDITION,
            self.append, topic, producer=self.producer(
                1, id=old.producer_id, epoch=old.epoch))
        self.assertEqual(info.metadata["epoch"], str(new.epoch))

    def test_producer_unknown(self):
        # A partition remembers 10,000 unnamed sessions: the first one is
        # forgotten, so that its repetition could not be recognised.
        topic = self.topic()
        sessions = [uuid.uuid4().bytes for _ in range(10_001)]

        def request(number):
            return log_pb2.AppendStreamRequest(
                correlation_id=number,
                append=log_pb2.AppendRequest(
                    topic=topic, batch=ONE, producer=self.producer(
                        1, id=sessions[number],
                        session_start_offset=number)))

        answers = self.log.AppendStream(map(request, range(len(sessions))))
        self.assertTrue(all(a.HasField("ack") for a in answers))
        self.fails("PRODUCER_UNKNOWN",
                   grpc.StatusCode.FAILED_PRECONDITION, self.append, topic,
                   producer=self.producer(1, id=sessions[0]))
        again = self.append(topic, producer=self.producer(1, id=sessions[-1]))
        self.assertTrue(again.duplicate)

    def test_producer_not_found(self):
        self.fails("PRODUCER_NOT_FOUND", grpc.StatusCode.NOT_FOUND,
                   self.log.GetProducer,
                   log_pb2.GetProducerRequest(name="never", topic="t"))

    # ---- the cluster ----

    def test_transfer_refused(self):
        cluster = cluster_grpc.ClusterServiceStub(self.channel)
        self.fails("TRANSFER_REFUSED", grpc.StatusCode.FAILED_PRECONDITION,
                   cluster.TransferLeadership,
                   cluster_pb2.TransferLeadershipRequest(topic="t", to_node=2))

    # ---- on the stream ----

    def test_stream_answers_carry_the_same_status(self):
        requests = [
            log_pb2.AppendStreamRequest(
                correlation_id=7,
                append=log_pb2.AppendRequest(topic="no-such", batch=ONE)),
            log_pb2.AppendStreamRequest(
                correlation_id=8,
                append=log_pb2.AppendRequest(topic=self.topic(), batch=ONE)),
        ]
        answers = {answer.correlation_id: answer
                   for answer in self.log.AppendStream(iter(requests))}
        self.assertEqual(set(answers), {7, 8})
        status = status_pb2.Status.FromString(
            answers[7].error.SerializeToString())
        self.assertEqual(status.code, grpc.StatusCode.NOT_FOUND.value[0])
        self.check_info(status, "TOPIC_NOT_FOUND")
        self.assertEqual(answers[8].ack.next_offset, 1)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        reasons = {name.removeprefix("ERROR_REASON_")
                   for name in error_pb2.ErrorReason.keys()}
        missing = reasons - cls.caused - NOT_CAUSED_HERE
        if missing:
            raise AssertionError(f"no test causes {sorted(missing)}")


if __name__ == "__main__":
    cases.main()
