"""Clients that append without pause until the server is gone."""

import random
import threading
import uuid

import grpc
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import log_service_pb2_grpc
from kappa.v1 import record_pb2
from tests.conformance import batches
from tests.crash import model

WINDOW = 24
JOIN_SECONDS_MAX = 60
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE.value[0]


class Tally:
    """What all writers together got acknowledged; wakes who waits for it."""

    def __init__(self):
        self.batches = 0
        self.bytes = 0
        self._failed = False
        self._changed = threading.Condition()

    def add(self, count):
        with self._changed:
            self.batches += 1
            self.bytes += count
            self._changed.notify_all()

    def fail(self):
        with self._changed:
            self._failed = True
            self._changed.notify_all()

    def wait_for(self, batch_count, byte_count, seconds_max):
        """False if writers gave up or were too slow."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._failed or (self.batches >= batch_count
                                         and self.bytes >= byte_count),
                seconds_max) and not self._failed


class _Stream:
    """One stream's room and end. The thread that reads its requests goes on for a
    while after it broke, and must not make a batch then."""

    def __init__(self):
        self._window = threading.Semaphore(WINDOW)
        self._lock = threading.Lock()
        self._ended = False
        self._in_flight = {}
        self._number = 0

    def put(self, make):
        """The number and the batch of the next request; None once it has ended."""
        self._window.acquire()
        with self._lock:
            if self._ended:
                return None
            self._number += 1
            sent = self._in_flight[self._number] = make()
            return self._number, sent

    def take(self, number):
        """The batch of an answered request."""
        return self._in_flight.pop(number)

    def make_room(self):
        """For one more."""
        self._window.release()

    def end(self):
        """Wakes who waits for room, and gives it none."""
        with self._lock:
            self._ended = True
        self._window.release()


class Writer:
    """One client: a named producer, or an unnamed session."""

    def __init__(self, number, seed, named):
        self.number = number
        self.name = f"writer-{number}" if named else None
        self.id = uuid.UUID(int=random.Random(f"{seed} {number}").getrandbits(128)).bytes
        self.epoch = 0
        self.faults = []
        self._random = random.Random(f"{seed} {number} batches")

    def make(self, log, large):
        """The next batch of this writer for `log`, which knows of it now."""
        rng = self._random
        log.given[self.number] += 1
        sequence = log.given[self.number]
        count = 1 if large else rng.randint(1, 4)
        size = rng.randint(12_000, 20_000) if large else rng.randint(0, 400)
        values = [b"%s %d %d %d " % (str(log).encode(), self.number, sequence, i)
                  + rng.randbytes(size) for i in range(count)]
        batch = (batches.zstd_batch if rng.random() < 0.25 else batches.batch)(*values)
        batch.record_count = count
        producer = log_pb2.ProducerSequence(id=self.id, epoch=self.epoch, sequence=sequence)
        if sequence % 3 == 0:
            producer.state = b"position %d" % sequence
        sent = model.Sent(log, self.number, log_pb2.AppendRequest(
            topic=log.topic, partition=log.partition, batch=batch, producer=producer))
        log.add(sent)
        return sent

    def start(self, address, logs, large_logs, tally):
        """Appends to `logs`, large batches to `large_logs`, until it breaks."""
        self._thread = threading.Thread(
            target=self._run, args=(address, logs, large_logs, tally), daemon=True)
        self._thread.start()

    def join(self):
        self._thread.join(JOIN_SECONDS_MAX)
        if self._thread.is_alive():
            self.faults.append(f"writer {self.number} still waits for the dead server")

    def _make_any(self, logs, large_logs):
        large = large_logs and self._random.random() < 0.7
        return self.make(self._random.choice(large_logs if large else logs), large)

    def _requests(self, stream, logs, large_logs):
        while put := stream.put(lambda: self._make_any(logs, large_logs)):
            number, sent = put
            yield log_pb2.AppendStreamRequest(correlation_id=number, append=sent.request)

    def _run(self, address, logs, large_logs, tally):
        stream = _Stream()
        with grpc.insecure_channel(address) as channel:
            stub = log_service_pb2_grpc.LogServiceStub(channel)
            try:
                for answer in stub.AppendStream(self._requests(stream, logs, large_logs)):
                    self._take(stream, answer, tally)
                self.faults.append(f"writer {self.number}: the stream ended with OK")
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    self.faults.append(f"writer {self.number}: {error}")
            finally:
                stream.end()
                tally.fail()

    def _take(self, stream, answer, tally):
        sent = stream.take(answer.correlation_id)
        if answer.HasField("ack"):
            if answer.ack.duplicate:
                self.faults.append(f"{sent}: told to be a repetition")
            sent.ack = answer.ack
            tally.add(len(sent.payload))
        else:
            # What follows would only leave a gap.
            stream.end()
            if answer.error.code != UNAVAILABLE:
                self.faults.append(f"{sent}: {answer.error}")
        stream.make_room()


def other_bytes(request):
    """The same sequence with a batch that was never sent."""
    changed = log_pb2.AppendRequest()
    changed.CopyFrom(request)
    changed.batch.CopyFrom(record_pb2.Batch(records=batches.record_set(b"other")))
    return changed
