"""Every limit of gRPC that the server sets, met with a raw HTTP/2 client."""

import struct
import time

from kappa.v1 import topic_service_pb2 as topic_pb2
from tests.conformance import batches
from tests.conformance import kappad
from tests.conformance import raw_proto
from tests.process import memory_limit
from tests.process import raw_http2 as h2
from tests.python import cases

MIB = 1 << 20
APPEND = "/kappa.v1.LogService/Append"
APPEND_STREAM = "/kappa.v1.LogService/AppendStream"
OK, INVALID, EXHAUSTED, UNIMPLEMENTED, INTERNAL = 0, 3, 8, 12, 13
GROWTH_BYTES_MAX = 48 * MIB


class GrpcLimitsTest(kappad.KappadTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.topics.CreateTopic(topic_pb2.CreateTopicRequest(name="t"))

    def setUp(self):
        self.before = memory_limit.resident_bytes(self.server.process.pid)

    def tearDown(self):
        # Whatever was done, others are served.
        answer = self.topics.GetTopic(topic_pb2.GetTopicRequest(name="t"), timeout=30)
        self.assertEqual(answer.topic.name, "t")

    def check_no_growth(self):
        now = memory_limit.resident_bytes(self.server.process.pid)
        self.assertLess(now - self.before, GROWTH_BYTES_MAX)

    def connect(self, **options):
        connection = h2.Connection(self.server.address, **options)
        self.addCleanup(connection.close)
        return connection

    def settings(self, connection):
        for kind, flags, _, payload in connection.frames(10):
            if kind == h2.SETTINGS and not flags & h2.ACK:
                return dict(struct.unpack(">HI", payload[i:i + 6])
                            for i in range(0, len(payload), 6))
        self.fail("no settings")

    def call(self, method, message, more=(), compressed=False):
        """The status of one call on a connection of its own."""
        connection = self.connect()
        stream = connection.open_stream(h2.grpc_headers(method, more))
        self.send_within_window(connection, stream,
                                h2.grpc_message(message, compressed))
        return self.status_of(connection, stream)

    def status_of(self, connection, stream):
        end = connection.await_end_of(stream)
        return h2.grpc_status(end) if isinstance(end, bytes) else f"reset {end}"

    def send_within_window(self, connection, stream, content):
        """Sends as much as the server lets in; ends when it has answered."""
        room = {0: 65535, stream: 65535}
        sent = 0
        while sent < len(content):
            count = min(*room.values(), h2.FRAME_BYTES_MAX, len(content) - sent)
            if count > 0:
                connection.send(h2.DATA, h2.END_STREAM if sent + count == len(content)
                                else 0, stream, content[sent:sent + count])
                sent += count
                for of in room:
                    room[of] -= count
                continue
            frame = connection.read_frame(30)
            self.assertIsNotNone(frame, "no window")
            kind, flags, of, payload = frame
            if kind == h2.WINDOW_UPDATE and of in room:
                room[of] += int.from_bytes(payload, "big")
            elif kind == h2.SETTINGS and not flags & h2.ACK:
                for i in range(0, len(payload), 6):
                    name, value = struct.unpack(">HI", payload[i:i + 6])
                    if name == h2.INITIAL_WINDOW_SIZE:
                        room[stream] += value - 65535
                connection.send(h2.SETTINGS, h2.ACK, 0)
            elif kind == h2.PING and not flags & h2.ACK:
                connection.send(h2.PING, h2.ACK, 0, payload)
            elif of == stream and kind in (h2.HEADERS, h2.RST_STREAM):
                connection.received = (struct.pack(">I", len(payload))[1:] +
                                       struct.pack(">BBI", kind, flags, of) + payload +
                                       connection.received)
                return

    def test_a_good_call_by_hand(self):
        message = (raw_proto.text(1, "t") +
                   raw_proto.text(4, raw_proto.text(1, raw_proto.text(1, b"\x12\x01v"))))
        self.assertEqual(self.call(APPEND, message), OK)

    def test_streams_of_a_connection_are_limited(self):
        connection = self.connect()
        self.assertEqual(self.settings(connection)[h2.MAX_CONCURRENT_STREAMS], 1024)
        for _ in range(1024):
            connection.open_stream(h2.grpc_headers(APPEND_STREAM))
        connection.send(h2.PING, 0, 0, b"1024 now")
        self.assertTrue(any(kind == h2.PING and flags & h2.ACK
                            for kind, flags, _, _ in connection.frames(20)))
        # One more breaks the protocol, for the client was told: that is the end
        # of the connection.
        connection.open_stream(h2.grpc_headers(APPEND_STREAM))
        for _ in connection.frames(20):
            pass
        self.assertTrue(connection.closed)
        self.check_no_growth()

    def test_headers_are_limited(self):
        connection = self.connect()
        self.assertEqual(self.settings(connection)[h2.MAX_HEADER_LIST_SIZE], 16384)
        stream = connection.open_stream(
            h2.grpc_headers(APPEND, [("x-long", "x" * 17_000)]))
        self.assertIn(self.status_of(connection, stream),
                      (EXHAUSTED, INTERNAL, f"reset {h2.ENHANCE_YOUR_CALM}"))

    def test_silent_connections_are_closed(self):
        begun = time.monotonic()
        silent, half = self.connect(greet=False), self.connect(greet=False)
        half.socket.sendall(h2.PREFACE[:10])
        for connection in (silent, half):
            while connection.read_frame(20):
                pass
            self.assertTrue(connection.closed)
        self.assertLess(time.monotonic() - begun, 15)

    def test_another_protocol_is_closed(self):
        with self.connect(greet=False) as connection:
            connection.socket.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
            while connection.read_frame(15):
                pass
            self.assertTrue(connection.closed)

    def test_pings_are_limited(self):
        connection = self.connect()
        try:
            for _ in range(20):
                connection.send(h2.PING, 0, 0, bytes(8))
        except OSError:
            pass
        code, text = connection.await_goaway()
        self.assertEqual((code, text), (h2.ENHANCE_YOUR_CALM, b"too_many_pings"))

    def test_a_message_too_long_is_refused(self):
        self.assertEqual(self.call(APPEND, bytes(17 * MIB + 1)), EXHAUSTED)
        self.check_no_growth()

    def test_announced_messages_that_never_come_cost_nothing(self):
        connection = self.connect()
        for _ in range(1000):
            stream = connection.open_stream(h2.grpc_headers(APPEND))
            size = 17 * MIB if stream % 4 == 1 else (1 << 32) - 1
            connection.send(h2.DATA, 0, stream, struct.pack(">BI", 0, size))
        # An answer to something later shows that all of it was read.
        connection.send(h2.PING, 0, 0, b"all-read")
        self.assertTrue(any(kind == h2.PING and flags & h2.ACK
                            for kind, flags, _, _ in connection.frames(20)))
        self.check_no_growth()

    def test_compressed_messages_are_not_inflated(self):
        import gzip  # pylint: disable=import-outside-toplevel
        bomb = gzip.compress(bytes(64 * MIB))
        for encoding in ("gzip", "deflate"):
            status = self.call(APPEND, bomb, [("grpc-encoding", encoding)], compressed=True)
            self.assertEqual(status, UNIMPLEMENTED)
        # Without a name of the codec it is taken as it is.
        self.assertEqual(self.call(APPEND, bomb, compressed=True), INVALID)
        self.check_no_growth()

    def test_two_million_empty_records(self):
        empty = raw_proto.text(1, b"")  # two bytes
        for count in (2_000_000, 1_500_000):
            message = raw_proto.text(1, "t") + raw_proto.text(
                4, raw_proto.text(1, empty * count))
            self.assertEqual(self.call(APPEND, message), INVALID)
        frame = batches.zstd_frame(empty * 1_500_000)
        message = raw_proto.text(1, "t") + raw_proto.text(
            4, raw_proto.text(2, frame) + raw_proto.integer(3, 1))
        self.assertEqual(self.call(APPEND, message), INVALID)
        self.check_no_growth()

    def test_two_million_empty_fields_of_every_other_request(self):
        for method, field in (
                ("TopicService/CreateTopic", raw_proto.text(5, b"")),
                ("TopicService/UpdateTopic", raw_proto.text(4, raw_proto.text(1, b""))),
                ("TopicService/AddPartitions", raw_proto.text(9, b"")),
                ("LogService/OpenProducer", raw_proto.integer(4, 0)),
                ("LogService/GetProducer", raw_proto.integer(4, 0)),
                ("LogService/GetOffsets", raw_proto.text(9, b"")),
                ("LogService/Read", raw_proto.text(4, raw_proto.integer(6, 1))),
                ("LogService/Replay", raw_proto.text(4, raw_proto.integer(6, 1)))):
            with self.subTest(method):
                message = raw_proto.text(1, "t") + field * 2_000_000
                self.assertEqual(self.call(f"/kappa.v1.{method}", message), INVALID)
        self.check_no_growth()


if __name__ == "__main__":
    cases.main()
