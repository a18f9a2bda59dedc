"""Replay: the stream of a partition, bounded and without end."""

import threading

import grpc
from kappa.v1 import log_service_pb2 as pb2
from kappa.v1 import topic_service_pb2 as topic_pb2
from tests.conformance import batches
from tests.conformance import kappad
from tests.python import cases

# A long wait that ends a broken test.
DEADLINE_SECONDS = 60


class ReplayTest(kappad.KappadTestCase):
    def create(self, name, **settings):
        return self.topics.CreateTopic(
            topic_pb2.CreateTopicRequest(name=name, **settings)).topic

    def append(self, topic, *values):
        return self.log.Append(
            pb2.AppendRequest(topic=topic, batch=batches.batch(*values)))

    def replay(self, topic, heartbeat_ms=0, **options):
        call = self.log.Replay(
            pb2.ReplayRequest(topic=topic, heartbeat_ms=heartbeat_ms,
                              options=pb2.ReadOptions(**options)),
            timeout=DEADLINE_SECONDS)
        self.addCleanup(call.cancel)
        return call

    def bounded(self, topic, **options):
        """All pairs of a replay that ends, and where it ended."""
        options.setdefault("stop", batches.stop(end=True))
        pairs, next_offset = [], 0
        for answer in self.replay(topic, **options):
            pairs += batches.offsets_and_values(answer.batches)
            next_offset = answer.next_offset
        return pairs, next_offset

    def following(self, call, count):
        """The next `count` pairs of a replay without end."""
        pairs = []
        while len(pairs) < count:
            pairs += batches.offsets_and_values(next(call).batches)
        return pairs

    def filled(self, name, count=30):
        self.create(name)
        for i in range(count):
            self.append(name, b"%d" % (2 * i), b"%d" % (2 * i + 1))
        return [(i, b"%d" % i) for i in range(2 * count)]

    def test_to_the_end_as_of_now(self):
        expected = self.filled("bounded")
        self.assertEqual(self.bounded("bounded"), (expected, 60))
        answers = list(self.replay("bounded", stop=batches.stop(end=True)))
        self.assertEqual(len(answers[0].topic_uuid), 16)
        self.assertTrue(all(a.topic_uuid == b"" for a in answers[1:]))
        self.assertTrue(all(a.end_offset == 60 for a in answers))

    def test_between_offsets(self):
        expected = self.filled("between")
        for first, last in ((0, 0), (0, 1), (1, 7), (13, 60), (59, 60),
                            (60, 60)):
            pairs, _ = self.bounded("between",
                                    start=batches.start(offset=first),
                                    stop=batches.stop(offset=last))
            self.assertEqual(pairs, expected[first:last], (first, last))

    def test_limits(self):
        expected = self.filled("limits")
        pairs, next_offset = self.bounded("limits", records_max=7)
        self.assertEqual((pairs, next_offset), (expected[:7], 7))
        pairs, next_offset = self.bounded("limits", bytes_max=1)
        self.assertEqual((pairs, next_offset), (expected[:2], 2))

    def test_filter(self):
        self.create("filter")
        for i in range(40):
            self.log.Append(pb2.AppendRequest(
                topic="filter",
                batch=batches.batch(b"%d" % i, key=b"%d" % (i % 4))))
        pairs, next_offset = self.bounded(
            "filter", filter=pb2.RecordFilter(key=b"3"))
        self.assertEqual(pairs, [(i, b"%d" % i) for i in range(3, 40, 4)])
        self.assertEqual(next_offset, 40)

    def test_backwards(self):
        expected = self.filled("backwards")
        pairs, _ = self.bounded("backwards", backwards=True,
                                stop=batches.stop(offset=0), records_max=5)
        self.assertEqual(sorted(pairs), expected[-5:])

    def test_resumes_where_a_message_says(self):
        expected = self.filled("resume")
        pairs, offset = [], 0
        while offset < 60:
            call = self.replay("resume", start=batches.start(offset=offset),
                               stop=batches.stop(end=True), records_max=11)
            for answer in call:
                pairs += batches.offsets_and_values(answer.batches)
                offset = answer.next_offset
        self.assertEqual(pairs, expected)

    def test_follows_what_is_appended(self):
        expected = self.filled("follow", 3)
        call = self.replay("follow")
        self.assertEqual(self.following(call, 6), expected)
        for i in range(20):
            answer = self.append("follow", b"new %d" % i)
            self.assertEqual(self.following(call, 1),
                             [(answer.base_offset, b"new %d" % i)])

    def test_from_the_end_waits_for_what_is_new(self):
        self.filled("tail", 3)
        call = self.replay("tail", heartbeat_ms=100,
                           start=batches.start(end=True))
        # The first heartbeat proves that the start is resolved.
        while not next(call).heartbeat:
            continue
        self.append("tail", b"new")
        self.assertEqual(self.following(call, 1), [(6, b"new")])

    def test_an_offset_stop_in_the_future_is_waited_for(self):
        self.create("future")
        call = self.replay("future", stop=batches.stop(offset=3))
        self.append("future", b"a", b"b")
        self.assertEqual(self.following(call, 2), [(0, b"a"), (1, b"b")])
        self.append("future", b"c", b"d")
        rest = [p for answer in call
                for p in batches.offsets_and_values(answer.batches)]
        self.assertEqual(rest, [(2, b"c")])

    def test_beyond_the_end_is_out_of_range(self):
        self.filled("beyond", 1)
        call = self.replay("beyond", start=batches.start(offset=3))
        with self.assertRaises(grpc.RpcError) as caught:
            list(call)
        self.assertEqual(caught.exception.code(),
                         grpc.StatusCode.OUT_OF_RANGE)

    def test_heartbeats_and_caught_up(self):
        self.filled("idle", 2)
        call = self.replay("idle", heartbeat_ms=100)
        caught_up = heartbeats = records = 0
        while heartbeats < 3:
            answer = next(call)
            records += len(batches.offsets_and_values(answer.batches))
            if answer.progress == pb2.REPLAY_PROGRESS_CAUGHT_UP:
                self.assertEqual(records, 4)
                caught_up += 1
            if answer.heartbeat:
                self.assertEqual(list(answer.batches), [])
                self.assertEqual((answer.next_offset, answer.end_offset),
                                 (4, 4))
                heartbeats += 1
        self.assertEqual(caught_up, 1)

    def test_heartbeat_period_has_bounds(self):
        self.create("period")
        for heartbeat_ms in (99, 60_001):
            with self.assertRaises(grpc.RpcError) as caught:
                list(self.replay("period", heartbeat_ms=heartbeat_ms,
                                 stop=batches.stop(end=True)))
            self.assertEqual(caught.exception.code(),
                             grpc.StatusCode.INVALID_ARGUMENT)

    def test_many_readers_see_the_same(self):
        self.create("many")
        calls = [self.replay("many") for _ in range(8)]
        seen = [None] * len(calls)

        def read(number):
            seen[number] = self.following(calls[number], 300)

        threads = [threading.Thread(target=read, args=(i,))
                   for i in range(len(calls))]
        for thread in threads:
            thread.start()
        for i in range(100):
            self.append("many", b"a%d" % i, b"b%d" % i, b"c%d" % i)
        for thread in threads:
            thread.join(DEADLINE_SECONDS)
        expected = []
        for i in range(100):
            expected += [(3 * i, b"a%d" % i), (3 * i + 1, b"b%d" % i),
                         (3 * i + 2, b"c%d" % i)]
        for pairs in seen:
            self.assertEqual(pairs, expected)

    def test_a_cancelled_replay_disturbs_nobody(self):
        expected = self.filled("cancel")
        for _ in range(20):
            call = self.replay("cancel")
            next(call)
            call.cancel()
        self.assertEqual(self.bounded("cancel"), (expected, 60))


if __name__ == "__main__":
    cases.main()
