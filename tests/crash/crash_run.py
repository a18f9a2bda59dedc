"""A loaded node crashes again and again; after each time all must be there."""

import collections
import json
import random
import re
import subprocess

import grpc
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import log_service_pb2_grpc
from kappa.v1 import topic_service_pb2 as topic_pb2
from kappa.v1 import topic_service_pb2_grpc
from tests.conformance import batches
from tests.conformance import kappad
from tests.crash import model
from tests.crash import producers
from tests.crash import writers

MIB = 1 << 20
PARTITIONS = 16
WRITERS = 4  # the last one is an unnamed session
BATCHES_MIN = 1000
LOAD_SECONDS_MAX = 120
# Of three periods one is large: it fills memtables and segments. Its data is
# deleted two periods later, which leaves dead space to be rewritten.
LARGE_EVERY = 3
LARGE_PARTITIONS = 4
LARGE_BYTES = (18 * MIB, 34 * MIB)
STRETCH = 40
# Each of these must happen within every so many crashes.
EVENTS = ("seals", "flushes", "rewrites", "WAL switches")
EVENTS_WITHIN = 10

CONFIG = """memory: 128MiB
segment_size: 20MiB
disk_low: 0
disk_critical: 0
disk_ballast: 0
"""


class Violation(AssertionError):
    """Something that was promised does not hold."""


class CrashRun:
    """One data directory on `disk`, from its first start to its last crash."""

    def __init__(self, disk, seed, binary=None):
        self.disk = disk
        self.random = random.Random(f"{seed} run")
        self.server = kappad.Kappad(data_dir=disk.path / "data", binary=binary)
        self.config = self.server.log_path.with_suffix(".yaml")
        self.config.write_text(CONFIG, encoding="utf-8")
        self.server.arguments = ("--config", self.config)
        self.server.data_dir.mkdir()
        self.writers = [writers.Writer(number, seed, named=number < WRITERS - 1)
                        for number in range(WRITERS)]
        self.crashes = 0
        self.logs = {}  # by topic
        self.sealed = set()
        self.counts = collections.Counter()
        self.window = collections.Counter()

    def remove(self):
        self.server.remove()
        self.config.unlink(missing_ok=True)

    # --- the life of a run ---

    def begin(self):
        self.server.start()
        with self.server.channel() as channel:
            self._create(channel, "main", PARTITIONS)
            for writer in self.writers:
                if writer.name:
                    producers.open_first(channel, writer, self.logs["main"])

    def crash_once(self, crash):
        """Load, then `crash(server)`, then all that must hold."""
        tally = writers.Tally()
        self._load(tally)
        self._count_files()
        code = crash(self.server)
        for writer in self.writers:
            writer.join()
        self.crashes += 1
        self.counts["acknowledged batches"] += tally.batches
        self.counts["acknowledged bytes"] += tally.bytes
        faults = [fault for writer in self.writers for fault in writer.faults]
        if code is not None and code != 5:
            faults.append(f"exit code {code} after a failed write")
        self._refuse(faults)
        self._check_directory()
        left = self._sealed_folders()
        try:
            self.server.start()
        except RuntimeError as error:
            raise Violation(f"crash {self.crashes}: {error}") from error
        self._count_sealed(left & self._sealed_folders())
        self._check_all()
        self._check_events()

    def end(self):
        """Everything once more, from offset 0, before and after a clean end."""
        for _ in range(2):
            with self.server.channel() as channel:
                faults = self._check_new(channel)
                for log in self._all_logs():
                    delivered = self._replay(channel, log, 0)
                    faults += model.check_stretch(log, 0, delivered)
                    if len(delivered) != len(log.history):
                        faults.append(f"{log}: {len(delivered)} batches, "
                                      f"seen {len(log.history)}")
                self._refuse(faults)
            code = self.server.stop()
            if code != 0:
                raise Violation(f"exit code {code}: {self.server.log()}")
            self._check_directory()
            self.server.start()

    def report(self):
        """The figures of the run, in one line."""
        counts = ", ".join(f"{name} {self.counts[name]:,}" for name in (*EVENTS, "torn tails"))
        return (f"{self.counts['acknowledged batches']:,} acknowledged batches, "
                f"{self.counts['acknowledged bytes'] // MIB:,} MiB; {counts}")

    # --- load ---

    def _create(self, channel, name, partitions):
        topic = topic_service_pb2_grpc.TopicServiceStub(channel).CreateTopic(
            topic_pb2.CreateTopicRequest(
                name=name, partitions=partitions, deletion_protection=False)).topic
        self.logs[name] = [model.Log(name, topic.uuid, p) for p in range(partitions)]

    def _load(self, tally):
        phase = self.crashes % LARGE_EVERY
        large_bytes = 0
        with self.server.channel() as channel:
            if phase == 1:
                self._create(channel, f"large-{self.crashes}", LARGE_PARTITIONS)
                large_bytes = self.random.randint(*LARGE_BYTES)
            large = [log for name, logs in self.logs.items() if name != "main"
                     for log in logs] if phase == 1 else []
            for writer in self.writers:
                writer.start(self.server.address, self.logs["main"], large, tally)
            if phase == 0:
                self._delete_large(channel)
        enough = BATCHES_MIN + self.random.randint(0, 200)
        if not tally.wait_for(enough, large_bytes, LOAD_SECONDS_MAX):
            faults = [fault for writer in self.writers for fault in writer.faults]
            raise Violation(f"crash {self.crashes}: {tally.batches} batches of {enough}: "
                            f"{faults} {self.server.log()}")

    def _delete_large(self, channel):
        topics = topic_service_pb2_grpc.TopicServiceStub(channel)
        for name in [name for name in self.logs if name != "main"]:
            topics.DeleteTopic(topic_pb2.DeleteTopicRequest(name=name))
            del self.logs[name]

    # --- what must hold ---

    def _all_logs(self):
        return [log for logs in self.logs.values() for log in logs]

    def _refuse(self, faults):
        if faults:
            raise Violation(f"after crash {self.crashes}, {len(faults)} faults:\n"
                            + "\n".join(faults[:20]) + "\n" + self.server.log())

    def _check_directory(self):
        """Every byte, by the tool that changes none."""
        done = subprocess.run(
            [self.server.binary, "check", "-o", "json", self.server.data_dir],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Violation(f"crash {self.crashes}: kappad check ended with "
                            f"{done.returncode}: {done.stdout}{done.stderr}")
        self.counts["torn tails"] += json.loads(done.stdout)["torn_tail"]

    def _check_all(self):
        with self.server.channel() as channel:
            topics = topic_service_pb2_grpc.TopicServiceStub(channel).ListTopics(
                topic_pb2.ListTopicsRequest())
            faults = []
            if {topic.name for topic in topics.topics} != set(self.logs):
                faults.append(f"topics {[topic.name for topic in topics.topics]}, "
                              f"expected {list(self.logs)}")
            faults = faults or self._check_new(channel) or self._check_again(channel)
            faults = faults or producers.check(channel, self.writers, self.logs, self.random)
            self._refuse(faults)

    def _check_new(self, channel):
        """What follows what was seen before."""
        faults = []
        for log in self._all_logs():
            faults += log.check(self._replay(channel, log, log.end))
            faults += self._check_position(channel, log)
        return faults

    def _replay(self, channel, log, offset):
        call = log_service_pb2_grpc.LogServiceStub(channel).Replay(log_pb2.ReplayRequest(
            topic=log.topic, partition=log.partition, options=log_pb2.ReadOptions(
                start=batches.start(offset=offset), stop=batches.stop(end=True),
                delivery=log_pb2.DELIVERY_WHOLE_BATCHES, with_digests=True)))
        try:
            return [batch for answer in call for batch in answer.batches]
        except grpc.RpcError as error:
            raise Violation(f"crash {self.crashes}: {log} from {offset}: {error}") from error

    def _check_position(self, channel, log):
        return log.check_end(log_service_pb2_grpc.LogServiceStub(channel).GetOffsets(
            log_pb2.GetOffsetsRequest(topic=log.topic, partition=log.partition)))

    def _check_again(self, channel):
        """A stretch of what was seen long ago; `end` reads all of it."""
        log = self.random.choice([log for log in self._all_logs() if log.history])
        first = self.random.randrange(len(log.history))
        answer = log_service_pb2_grpc.LogServiceStub(channel).Read(log_pb2.ReadRequest(
            topic=log.topic, partition=log.partition, options=log_pb2.ReadOptions(
                start=batches.start(offset=log.history[first][0]), bytes_max=2 * MIB,
                delivery=log_pb2.DELIVERY_WHOLE_BATCHES, with_digests=True)))
        return model.check_stretch(log, first, answer.batches)

    # --- nothing vacuous ---

    def _count(self, event, count):
        self.counts[event] += count
        self.window[event] += count

    def _count_files(self):
        """From RocksDB's own log of this process: under load, not at open."""
        text = (self.server.data_dir / "db/LOG").read_text(encoding="utf-8", errors="replace")
        _, _, text = text.partition('"event": "recovery_finished"')
        self._count("flushes", text.count('"event": "flush_finished"'))
        self._count("WAL switches", len(re.findall("New memtable created with log file", text)))

    def _sealed_folders(self):
        """(segment-generation, time) of each; the time tells one made anew."""
        return {(folder.name, folder.stat().st_mtime_ns)
                for folder in (self.server.data_dir / "sealed").iterdir()}

    def _count_sealed(self, committed):
        """What a start keeps is named by a row; it removes what is not."""
        generations = [int(name.split("-")[1], 16) for name, _ in committed - self.sealed]
        self._count("seals", generations.count(0))
        self._count("rewrites", len(generations) - generations.count(0))
        self.sealed = committed

    def _check_events(self):
        if self.crashes % EVENTS_WITHIN:
            return
        for event in EVENTS:
            if not self.window[event]:
                raise AssertionError(f"no {event} within {EVENTS_WITHIN} crashes")
        self.window.clear()
