"""Clients that take and give nothing back, under a memory limit of 512 MiB.

KAPPA_NIGHTLY makes every number the one of the design (FAULTS.md: L1, L2).
"""

import os
import resource
import select
import time
import unittest
import uuid

from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import log_service_pb2_grpc
from kappa.v1 import topic_service_pb2 as topic_pb2
from kappa.v1 import topic_service_pb2_grpc
from tests.conformance import batches
from tests.conformance import kappad
from tests.conformance import raw_proto
from tests.process import memory_limit
from tests.process import raw_http2 as h2
from tests.python import cases

NIGHTLY = bool(os.environ.get("KAPPA_NIGHTLY"))
MIB = 1 << 20
LIMIT_BYTES = 512 * MIB

REPLAYS = 1_000 if NIGHTLY else 200
CONNECTIONS = 10_000 if NIGHTLY else 1_000
SESSIONS = 1_000_000 if NIGHTLY else 20_000
NAMED = 1_000_000 if NIGHTLY else 2_000
LOAD_BATCHES = 1_000 if NIGHTLY else 200  # of 256 KiB


class AbuseTest(unittest.TestCase):
    def start(self, *settings, limit=LIMIT_BYTES):
        self.server = kappad.Kappad()
        self.addCleanup(self.server.remove)
        if settings:
            config = self.server.log_path.with_suffix(".yaml")
            self.addCleanup(config.unlink, missing_ok=True)
            config.write_text("".join(f"{line}\n" for line in settings), encoding="utf-8")
            self.server.arguments = ("--config", config)
        self.server.start()
        group = memory_limit.MemoryLimit(limit)
        self.addCleanup(group.remove)
        self.addCleanup(self.server.kill)
        group.join(self.server.process.pid)
        self.channel = self.server.channel()
        self.addCleanup(self.channel.close)
        self.log = log_service_pb2_grpc.LogServiceStub(self.channel)
        self.topics = topic_service_pb2_grpc.TopicServiceStub(self.channel)
        self.topics.CreateTopic(topic_pb2.CreateTopicRequest(name="t"))

    def resident(self, name="VmRSS"):
        return memory_limit.resident_bytes(self.server.process.pid, name)

    def check_peak(self, what):
        self.assertIsNone(self.server.process.poll(), self.server.log())
        peak = self.resident("VmHWM")
        print(f"{what}: peak {peak / MIB:.0f} MiB, now {self.resident() / MIB:.0f} MiB")
        self.assertLess(peak, LIMIT_BYTES)

    def append(self, value=b"v", **fields):
        return self.log.Append(log_pb2.AppendRequest(
            topic="t", batch=batches.batch(value), **fields), timeout=60)

    def p99_ms(self, count=500):
        times = []
        for _ in range(count):
            begun = time.monotonic()
            self.append()
            times.append(time.monotonic() - begun)
        return sorted(times)[count * 99 // 100] * 1000

    # ---- L2 ----

    def test_slow_replays(self):
        """Each stops reading at once, one of them for ever; the others are read
        a little and must then go on."""
        self.start()
        value = bytes(256 * 1024)
        for _ in range(LOAD_BATCHES):
            self.append(value)
        request = h2.grpc_message(raw_proto.text(1, "t"))
        connections = []
        for i in range(REPLAYS // 100):
            # A stream's window is as large as the largest message.
            connection = h2.Connection(self.server.address,
                                       [(h2.INITIAL_WINDOW_SIZE, 1 << 24)])
            self.addCleanup(connection.close)
            for _ in range(100):
                stream = connection.open_stream(
                    h2.grpc_headers("/kappa.v1.LogService/Replay"))
                connection.send_data(stream, request, end=True)
            connections.append(connection)
        for i in range(20):
            self.append(b"live %d" % i)
        self.check_peak(f"{REPLAYS} replays that stopped reading")
        # Those but the first connection are read for a while: slowly, never done.
        for connection in connections[1:]:
            for kind, _, _, payload in connection.frames(0.2):
                if kind == h2.DATA and payload:
                    connection.send(h2.WINDOW_UPDATE, 0, 0,
                                    len(payload).to_bytes(4, "big"))
        self.append(b"live")
        self.check_peak(f"{REPLAYS} slow replays")
        for connection in connections:
            connection.close()
        self.append(b"after")

    # ---- a client that never reads acknowledgements ----

    def test_acknowledgements_that_nobody_reads(self):
        self.start()
        batch = raw_proto.text(1, raw_proto.text(1, raw_proto.text(2, b"v")))
        frames = b"".join(
            h2.grpc_message(raw_proto.integer(1, i) + raw_proto.text(
                2, raw_proto.text(1, "t") + raw_proto.text(4, batch)))
            for i in range(1000))
        connection = h2.Connection(self.server.address)
        self.addCleanup(connection.close)
        stream = connection.open_stream(
            h2.grpc_headers("/kappa.v1.LogService/AppendStream"))
        data = b"".join(
            len(frames[i:i + 16384]).to_bytes(3, "big") + bytes([h2.DATA, 0]) +
            stream.to_bytes(4, "big") + frames[i:i + 16384]
            for i in range(0, len(frames), 16384))
        # As much as the socket takes, whatever the window says.
        connection.socket.setblocking(False)
        sent = 0
        while sent < 256 * MIB and select.select([], [connection.socket], [], 2)[1]:
            try:
                sent += connection.socket.send(data[sent % len(data):])
            except (BlockingIOError, ConnectionError):
                break
        for i in range(20):
            self.append(b"live %d" % i)
        self.check_peak(f"{sent / MIB:.1f} MiB sent without reading an answer")

    def test_a_stub_that_never_reads_acknowledgements(self):
        """Within all windows; the server stops reading instead."""
        self.start()
        asked = 0

        def requests():
            nonlocal asked
            while asked < 2_000_000:
                asked += 1
                yield log_pb2.AppendStreamRequest(
                    correlation_id=asked, append=log_pb2.AppendRequest(
                        topic="t", batch=batches.batch(bytes(1024))))

        stream = self.log.AppendStream(requests())
        self.addCleanup(stream.cancel)
        before = -1
        while asked != before:
            before = asked
            for i in range(50):
                self.append(b"live %d" % i)
        self.assertLess(asked, 2_000_000)
        self.check_peak(f"{asked} batches without reading an answer")

    # ---- L1 ----

    def test_idle_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.assertGreater(hard, CONNECTIONS + 1000, "too few files may be open")
        self.start("memory: 2GiB", limit=4 * LIMIT_BYTES)
        self.append()
        alone = self.p99_ms()
        before = self.resident()
        connections = []
        for _ in range(CONNECTIONS):
            connection = h2.Connection(self.server.address)
            self.addCleanup(connection.close)
            connections.append(connection)
        for connection in connections:
            # Its settings show that the server has taken it.
            self.assertIsNotNone(connection.read_frame(30), "not taken")
        each = (self.resident() - before) / len(connections) / 1024
        crowded = self.p99_ms()
        print(f"{CONNECTIONS} idle connections: {each:.1f} KiB each; "
              f"p99 {alone:.2f} ms alone, {crowded:.2f} ms with them")
        self.assertLess(each, 100)
        self.assertIsNone(self.server.process.poll())

    # ---- producers ----

    def test_very_many_sessions(self):
        self.start()

        def requests():
            for i in range(SESSIONS):
                yield log_pb2.AppendStreamRequest(
                    correlation_id=i, append=log_pb2.AppendRequest(
                        topic="t", batch=batches.batch(b"v"),
                        producer=log_pb2.ProducerSequence(
                            id=uuid.uuid4().bytes, sequence=1,
                            session_start_offset=i)))

        answers = self.log.AppendStream(requests())
        stored = sum(answer.HasField("ack") for answer in answers)
        self.assertEqual(stored, SESSIONS)
        self.check_peak(f"{SESSIONS} sessions")

    def test_very_many_named_producers(self):
        self.start()
        waiting = []
        for i in range(NAMED):
            waiting.append(self.log.OpenProducer.future(log_pb2.OpenProducerRequest(
                name=f"producer-{i}", topic="t")))
            if len(waiting) == 500:
                for each in waiting:
                    each.result(timeout=60)
                waiting = []
        for each in waiting:
            each.result(timeout=60)
        last = self.log.GetProducer(log_pb2.GetProducerRequest(
            name=f"producer-{NAMED - 1}", topic="t"))
        self.assertEqual(last.epoch, 1)
        self.append(producer=log_pb2.ProducerSequence(
            id=last.producer_id, epoch=1, sequence=1))
        self.check_peak(f"{NAMED} named producers")


if __name__ == "__main__":
    cases.main()
