"""A disk that another process fills: refusal before failure (RELIABILITY.md S10)."""

import re
import threading
import time
import unittest
import urllib.request

import grpc
import health_pb2
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import log_service_pb2_grpc
from kappa.v1 import topic_service_pb2 as topic_pb2
from kappa.v1 import topic_service_pb2_grpc
from tests.conformance import batches
from tests.conformance import kappad
from tests.process import loop_disk
from tests.python import cases

MIB = loop_disk.MIB
DISK_BYTES = 256 * MIB
FULL = grpc.StatusCode.RESOURCE_EXHAUSTED
AMPLE, LOW, CRITICAL = 0, 1, 2
WAIT_SECONDS_MAX = 120
ENDED_SECONDS_MAX = 15
VALUE = bytes(range(256)) * 256  # 64 KiB


class DiskFullTest(unittest.TestCase):
    def setUp(self):
        self.disk = loop_disk.LoopDisk(DISK_BYTES)
        self.addCleanup(self.disk.remove)
        self.stored = []
        self.server = None

    def start(self, *settings):
        config = self.disk.folder / "kappad.yaml"
        self.addCleanup(config.unlink, missing_ok=True)
        config.write_text("memory: 128MiB\nsegment_size: 8MiB\nlog_format: text\n" +
                          "".join(f"{line}\n" for line in settings), encoding="utf-8")
        self.server = kappad.Kappad("--config", config,
                                    data_dir=self.disk.path / "data")
        self.server.data_dir.mkdir(exist_ok=True)
        self.addCleanup(self.server.log_path.unlink, missing_ok=True)
        self.addCleanup(self.server.kill)
        self.server.start()
        self.connect()

    def connect(self):
        self.channel = self.server.channel()
        self.addCleanup(self.channel.close)
        self.log = log_service_pb2_grpc.LogServiceStub(self.channel)
        self.topics = topic_service_pb2_grpc.TopicServiceStub(self.channel)

    def append(self):
        value = b"%d " % len(self.stored) + VALUE
        self.log.Append(log_pb2.AppendRequest(topic="t", batch=batches.batch(value)),
                        timeout=WAIT_SECONDS_MAX)
        self.stored.append(value)

    def check_reads(self):
        read, offset = [], 0
        while offset < len(self.stored):
            answer = self.log.Read(log_pb2.ReadRequest(
                topic="t", options=log_pb2.ReadOptions(start=batches.start(offset=offset))))
            read += [value for _, value in batches.offsets_and_values(answer.batches)]
            offset = answer.next_offset
        self.assertTrue(read == self.stored, f"{len(read)} of {len(self.stored)}")

    def refused(self, call, *arguments):
        with self.assertRaises(grpc.RpcError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.code(), FULL, caught.exception)
        self.assertIn("bytes free, less than", caught.exception.details())
        details = dict(caught.exception.trailing_metadata())["grpc-status-details-bin"]
        self.assertIn(b"DISK_FULL", details)
        self.assertIn(b"definite", details)
        self.assertIn(b"retry_after_ms", details)

    def metrics(self):
        address = (self.server.data_dir / "metrics_address").read_text().strip()
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return {name: float(value) for name, value in
                re.findall(r"^(kappa_disk_\w+) (\S+)$", text, re.M)}

    def await_metrics(self, **wanted):
        """Asks for the metrics until they are as wanted."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while time.monotonic() < deadline:
            seen = self.metrics()
            if all(seen[f"kappa_disk_{name}"] == value for name, value in wanted.items()):
                return seen
        self.fail(f"{seen} instead of {wanted}\n{self.server.log()}")

    def await_true(self, condition):
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not condition():
            self.assertLess(time.monotonic(), deadline, self.server.log())
            self.assertIsNone(self.server.process.poll(), self.server.log())
            self.metrics()  # takes a while

    def health(self, service):
        check = self.channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString)
        status = check(health_pb2.HealthCheckRequest(service=service)).status
        return health_pb2.HealthCheckResponse.ServingStatus.Name(status)

    def sealed(self):
        return sorted(path.name for path in (self.server.data_dir / "sealed").iterdir())

    def test_refuses_reads_on_and_recovers_without_a_restart(self):
        self.start()
        self.topics.CreateTopic(topic_pb2.CreateTopicRequest(name="t"))
        limits = self.await_metrics(level=AMPLE)
        low, critical = limits["kappa_disk_low_bytes"], limits["kappa_disk_critical_bytes"]
        ballast = critical
        self.assertGreater(ballast, 20 * MIB)
        self.assertLessEqual(ballast, DISK_BYTES / 8)
        self.assertEqual(low, 2 * ballast)
        self.await_metrics(ballast_bytes=ballast)
        self.session_value = b"once"
        self.session_offset = self.append_in_session().base_offset
        self.stored.append(self.session_value)
        for _ in range(20):
            self.append()
        pid = self.server.process.pid
        for _ in range(2):
            self.check_low(int(low), int(critical), ballast)
            self.check_critical(int(critical))
            self.disk.leave_free(10 * DISK_BYTES)
            self.await_metrics(level=AMPLE, ballast_bytes=ballast)
            for _ in range(20):
                self.append()
            self.assertEqual(self.health("kappa.v1.LogService/Append"), "SERVING")
        self.check_reads()
        self.assertEqual(self.server.process.pid, pid)
        self.assertIsNone(self.server.process.poll())
        log = self.server.log_path.read_text()
        for event in ("disk limits", "the ballast is there", "disk space is short",
                      "the ballast is released", "disk space is back"):
            self.assertIn(event, log)

    def check_low(self, low, critical, ballast):
        self.disk.leave_free((low + critical) // 2)
        self.await_metrics(level=LOW, ballast_bytes=ballast)
        sealed = self.sealed()
        before = self.metrics()["kappa_disk_refusals_total"]
        self.refused(self.append)
        # What is stored already needs no room: a retry gets its first result.
        self.assertEqual(self.append_in_session().base_offset, self.session_offset)
        self.refused(self.topics.CreateTopic, topic_pb2.CreateTopicRequest(name="u"))
        self.refused(self.log.OpenProducer,
                     log_pb2.OpenProducerRequest(name="p", topic="t"))
        self.assertEqual(self.metrics()["kappa_disk_refusals_total"], before + 3)
        # What needs little and may help is possible.
        self.topics.UpdateTopic(topic_pb2.UpdateTopicRequest(name="t", description="d"))
        self.assertEqual(self.health("kappa.v1.LogService/Append"), "NOT_SERVING")
        self.assertEqual(self.health(""), "SERVING")
        self.check_reads()
        self.assertEqual(self.sealed(), sealed)

    def append_in_session(self, sequence=1):
        return self.log.Append(log_pb2.AppendRequest(
            topic="t", batch=batches.batch(self.session_value),
            producer=log_pb2.ProducerSequence(id=bytes(range(16)), sequence=sequence)))

    def check_critical(self, critical):
        self.disk.leave_free(critical - 2 * MIB)
        self.await_metrics(level=CRITICAL, ballast_bytes=0)
        # Its space is free again, for what must be written.
        self.assertGreater(self.disk.free_bytes(), critical)
        self.refused(self.append)
        self.assertEqual(self.append_in_session().base_offset, self.session_offset)
        self.refused(self.append_in_session, 2)
        self.refused(self.topics.UpdateTopic,
                     topic_pb2.UpdateTopicRequest(name="t", description="e"))
        self.assertEqual(self.health("kappa.v1.LogService/Append"), "NOT_SERVING")
        self.check_reads()

    def test_a_disk_that_fills_under_load_ends_nothing(self):
        self.start()
        self.topics.CreateTopic(topic_pb2.CreateTopicRequest(name="t"))
        ended, refusals = threading.Event(), []

        def load():
            while not ended.is_set():
                try:
                    self.append()
                except grpc.RpcError as error:
                    refusals.append(error)

        appender = threading.Thread(target=load)
        appender.start()
        low = int(self.metrics()["kappa_disk_low_bytes"])
        try:
            self.await_true(lambda: len(self.stored) > 100)
            # The load itself fills what the other process leaves. A level that is
            # left again meanwhile leaves its refusals.
            self.disk.leave_free(low + 16 * MIB)
            self.await_true(lambda: refusals)
        finally:
            ended.set()
            appender.join()
        self.assertTrue(all(error.code() == FULL for error in refusals), refusals[:3])
        self.assertIsNone(self.server.process.poll(), self.server.log())
        self.check_reads()
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.connect()
        self.check_reads()

    def test_no_space_after_all_is_a_failed_write(self):
        self.start("disk_low: 0", "disk_critical: 0", "disk_ballast: 0")
        self.topics.CreateTopic(topic_pb2.CreateTopicRequest(name="t"))
        self.disk.leave_free(2 * MIB)
        failed = None
        while failed is None:
            try:
                self.append()
            except grpc.RpcError as error:
                failed = time.monotonic()
                self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE, error)
        code = self.server.process.wait(WAIT_SECONDS_MAX)
        # The promise is one second; a busy machine needs longer to tell.
        self.assertLess(time.monotonic() - failed, ENDED_SECONDS_MAX)
        self.assertEqual(code, 5, self.server.log())
        self.assertIn("No space left on device", self.server.log())
        self.disk.leave_free(10 * DISK_BYTES)
        self.server.start()
        self.connect()
        self.check_reads()


if __name__ == "__main__":
    cases.main()
