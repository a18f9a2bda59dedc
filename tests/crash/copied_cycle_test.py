"""A power cut between the two writes of a small cycle.

Its slot of the watermark is durable, its write to the log did not begin: the next
start continues the log with the copy in the slot (storage/watermark.h).
"""

import json
import subprocess
import time
import unittest

from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import log_service_pb2_grpc
from kappa.v1 import topic_service_pb2 as topic_pb2
from kappa.v1 import topic_service_pb2_grpc
from tests.conformance import batches
from tests.conformance import kappad
from tests.crash import power_disk
from tests.process import loop_disk
from tests.process import system_calls
from tests.python import cases

DISK_BYTES = 128 * loop_disk.MIB
SECONDS_MAX = 30
# Longer than anything here waits: the log is not written before the cut.
LOG_DELAY_US = 600 * 1_000_000
CONFIG = "memory: 128MiB\ndisk_low: 0\ndisk_critical: 0\ndisk_ballast: 0\n"
VALUES = [b"value %d" % number for number in range(6)]


class CopiedCycleTest(unittest.TestCase):
    def setUp(self):
        self.disk = power_disk.PowerDisk(DISK_BYTES)
        self.addCleanup(self.disk.remove)
        self.server = kappad.Kappad(data_dir=self.disk.path / "data")
        self.addCleanup(self.server.remove)
        config = self.server.log_path.with_suffix(".yaml")
        self.addCleanup(config.unlink, missing_ok=True)
        config.write_text(CONFIG, encoding="utf-8")
        self.server.arguments = ("--config", config)
        self.server.data_dir.mkdir()
        self.server.start()
        with self.server.channel() as channel:
            topic_service_pb2_grpc.TopicServiceStub(channel).CreateTopic(
                topic_pb2.CreateTopicRequest(name="t"))

    def append(self, log, value):
        """Starts to append; the result tells when it is acknowledged."""
        return log.Append.future(log_pb2.AppendRequest(
            topic="t", batch=batches.batch(value)), timeout=600)

    def cut_between_the_writes(self, value):
        """Cuts the power when the slot of `value` is written and the log is not."""
        log_file = max(self.server.data_dir.glob("db/*.log"),
                       key=lambda file: int(file.stem))
        held = system_calls.trace(self, self.server, "pwrite64",
                                  f"delay_enter={LOG_DELAY_US}:when=1+", log_file)
        watermark = self.server.data_dir / "watermark"
        with self.server.channel() as channel:
            # A call that nobody holds is cancelled.
            call = self.append(log_service_pb2_grpc.LogServiceStub(channel), value)
            deadline = time.monotonic() + SECONDS_MAX
            while value not in watermark.read_bytes():
                self.assertLess(time.monotonic(), deadline, "no slot was written")
                time.sleep(0.001)
            # Not frozen: the thread that waits would not stop before its time. It
            # holds up the log, and nobody else writes.
            self.disk.keep()
            held.end()
            self.server.kill()
            call.cancel()
        self.disk.put_back()
        self.assertNotIn(value, log_file.read_bytes())

    def check(self):
        done = subprocess.run(
            [self.server.binary, "check", "-o", "json", self.server.data_dir],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def read(self):
        with self.server.channel() as channel:
            answer = log_service_pb2_grpc.LogServiceStub(channel).Read(log_pb2.ReadRequest(
                topic="t", options=log_pb2.ReadOptions(start=batches.start(offset=0))))
        return [value for _, value in batches.offsets_and_values(answer.batches)]

    def test_the_next_start_continues_the_log(self):
        with self.server.channel() as channel:
            log = log_service_pb2_grpc.LogServiceStub(channel)
            for value in VALUES[:-1]:
                self.append(log, value).result()
        self.cut_between_the_writes(VALUES[-1])
        self.assertTrue(self.check()["last_cycle_copied"])
        self.server.start()
        self.assertIn("lacked the last cycle, which was taken from the watermark",
                      self.server.log())
        self.assertEqual(self.read(), VALUES)
        # For good: another cut finds it in the log.
        self.disk.cut(self.server)
        self.assertFalse(self.check()["last_cycle_copied"])
        self.server.start()
        self.assertEqual(self.read(), VALUES)


if __name__ == "__main__":
    cases.main()
