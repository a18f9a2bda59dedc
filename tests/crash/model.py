"""What was sent to a partition, what was acknowledged, and what it may hold.

Knows nothing of Kappa's code: digests are computed here from what was sent.
"""

import collections
import hashlib
import struct

from tests.conformance import batches

# Results that each writer is asked for again after a crash.
REPEATED = 2


class Sent:
    """A batch as it was sent, and what became of it."""

    def __init__(self, log, writer, request):
        self.log = log
        self.writer = writer
        self.request = request
        batch = request.batch
        self.payload = (batch.compressed_records or
                        batch.records.SerializeToString(deterministic=True))
        self.ack = None
        # What a retry must be answered with, once it is known.
        self.result = None

    @property
    def sequence(self):
        return self.request.producer.sequence

    def __str__(self):
        return f"{self.log} writer {self.writer} sequence {self.sequence}"


class Log:
    """One partition: what has been seen of it, and what may come next."""

    def __init__(self, topic, uuid, partition):
        self.topic, self.partition = topic, partition
        self.chain = hashlib.sha256(uuid + struct.pack(">I", partition)).digest()
        self.end = 0
        self.time_us = 0
        # (base offset, digest after it) of each batch seen.
        self.history = []
        # By digest of their payload, which no two share: sent, not yet seen.
        self.outstanding = {}
        # By writer: the last sequence given away, the last one seen and its
        # state, the last batches seen that may be repeated.
        self.given = collections.Counter()
        self.seen = collections.Counter()
        self.states = collections.defaultdict(bytes)
        self.recent = collections.defaultdict(
            lambda: collections.deque(maxlen=REPEATED))

    def __str__(self):
        return f"{self.topic}/{self.partition}"

    def add(self, sent):
        self.outstanding[hashlib.sha256(sent.payload).digest()] = sent

    def check(self, delivered):
        """Takes what follows what was seen before; returns what is wrong."""
        faults = []
        for batch in delivered:
            fault = self._take(batch)
            if fault:
                faults.append(f"{self} offset {batch.base_offset}: {fault}")
                break
        faults += [f"acknowledged batch lost: {sent}, offset {sent.ack.base_offset}"
                   for sent in self.outstanding.values() if sent.ack]
        return faults

    def check_end(self, answer):
        """Compares GetOffsets with what was seen."""
        told = (answer.first_offset, answer.end_offset, answer.chain_digest,
                answer.last_append_time_us)
        seen = (0, self.end, self.chain, self.time_us)
        return [] if told == seen else [f"{self}: GetOffsets says {told}, seen {seen}"]

    def unseen(self):
        """What was sent and is not there, in the order of sending."""
        return sorted(self.outstanding.values(), key=lambda sent: (sent.writer, sent.sequence))

    def _take(self, batch):
        payload = batches.payload_bytes(batch)
        digest = hashlib.sha256(payload).digest()
        sent = self.outstanding.pop(digest, None)
        if sent is None:
            return "a batch that was never sent, was torn or altered, or comes twice"
        if batch.base_offset != self.end:
            return f"{sent} stands there, not at {self.end}"
        if batch.record_count != sent.request.batch.record_count:
            return f"{sent} has {batch.record_count} records"
        if batch.append_time_us < self.time_us:
            return f"{sent} is older than the batch before"
        if sent.sequence != self.seen[sent.writer] + 1:
            return f"{sent} follows sequence {self.seen[sent.writer]}"
        self.chain = self._chained(sent, batch, digest)
        if (batch.payload_sha256, batch.chain_digest) != (digest, self.chain):
            return f"{sent} has wrong digests"
        self.end += batch.record_count
        self.time_us = batch.append_time_us
        self.history.append((batch.base_offset, self.chain))
        self.seen[sent.writer] += 1
        self.states[sent.writer] = sent.request.producer.state
        self.recent[sent.writer].append(sent)
        return self._compare_ack(sent, batch)

    def _chained(self, sent, batch, digest):
        producer = sent.request.producer
        state = producer.state
        return hashlib.sha256(
            self.chain
            + struct.pack(">QIq", batch.base_offset, batch.record_count, batch.append_time_us)
            + producer.id + struct.pack(">QQ", producer.epoch, producer.sequence)
            + struct.pack(">BI", producer.HasField("state"), len(state)) + state
            + struct.pack(">BB", 1, batch.compression) + digest).digest()

    def _compare_ack(self, sent, batch):
        """An unknown outcome is known from here on: what a retry must get."""
        found = (batch.base_offset, self.end, batch.append_time_us, self.chain)
        sent.result = found
        if sent.ack is None or result_of(sent.ack) == found:
            return None
        return f"{sent} was acknowledged as {result_of(sent.ack)}, found as {found}"


def result_of(ack):
    """What an acknowledgement says, in the order of the chain."""
    return ack.base_offset, ack.next_offset, ack.append_time_us, ack.chain_digest


def check_stretch(log, first, delivered):
    """Compares batches read again, from the `first` seen one on."""
    told = [(batch.base_offset, batch.chain_digest) for batch in delivered]
    seen = log.history[first:first + len(told)]
    if told != seen or any(
            hashlib.sha256(batches.payload_bytes(batch)).digest() != batch.payload_sha256
            for batch in delivered):
        return [f"{log}: differs when read again from batch {first} on"]
    return []
