"""A sync that fails ends the process within a second (RELIABILITY.md S9).

The kernel reports a failed sync once and then says OK: a process that went on
would acknowledge what is not there.
"""

import re
import time
import unittest

import grpc
from kappa.v1 import log_service_pb2 as log_pb2
from kappa.v1 import log_service_pb2_grpc
from kappa.v1 import maintenance_service_pb2 as maintenance_pb2
from kappa.v1 import maintenance_service_pb2_grpc
from kappa.v1 import topic_service_pb2 as topic_pb2
from kappa.v1 import topic_service_pb2_grpc
from tests.conformance import batches
from tests.conformance import kappad
from tests.process import loop_disk
from tests.process import system_calls
from tests.python import cases

MIB = loop_disk.MIB
SECONDS_MAX = 60
ENDED_SECONDS_MAX = 15
VALUE = bytes(range(256)) * 256  # 64 KiB


class SyncFailureTest(unittest.TestCase):
    def setUp(self):
        self.stored = []

    def start(self, data_dir=None):
        self.server = kappad.Kappad(data_dir=data_dir)
        self.addCleanup(self.server.remove)
        config = self.server.log_path.with_suffix(".yaml")
        self.addCleanup(config.unlink, missing_ok=True)
        config.write_text("memory: 128MiB\nsegment_size: 8MiB\ndisk_low: 0\n"
                          "disk_critical: 0\ndisk_ballast: 0\n", encoding="utf-8")
        self.server.arguments = ("--config", config)
        self.server.data_dir.mkdir(exist_ok=True)
        self.server.start()
        with self.server.channel() as channel:
            topic_service_pb2_grpc.TopicServiceStub(channel).CreateTopic(
                topic_pb2.CreateTopicRequest(name="t"))

    def append_until_it_ends(self, padding=VALUE):
        """Returns when the process had ended."""
        deadline = time.monotonic() + SECONDS_MAX
        with self.server.channel() as channel:
            log = log_service_pb2_grpc.LogServiceStub(channel)
            while time.monotonic() < deadline:
                value = b"%d " % len(self.stored) + padding
                try:
                    log.Append(log_pb2.AppendRequest(
                        topic="t", batch=batches.batch(value)), timeout=10)
                except grpc.RpcError as error:
                    failed = time.monotonic()
                    self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE, error)
                    break
                self.stored.append(value)
        code = self.server.process.wait(SECONDS_MAX)
        ended = time.time()
        # The promise is one second; a busy machine needs longer to tell.
        self.assertLess(time.monotonic() - failed, ENDED_SECONDS_MAX)
        self.assertEqual(code, 5, self.server.log())
        self.assertIn("a write or sync failed", self.server.log())
        return ended

    def check_stored(self):
        self.server.start()
        with self.server.channel() as channel:
            log = log_service_pb2_grpc.LogServiceStub(channel)
            read, offset = [], 0
            while offset < len(self.stored):
                answer = log.Read(log_pb2.ReadRequest(
                    topic="t",
                    options=log_pb2.ReadOptions(start=batches.start(offset=offset))))
                read += [v for _, v in batches.offsets_and_values(answer.batches)]
                offset = answer.next_offset
        self.assertTrue(read[:len(self.stored)] == self.stored,
                        f"{len(read)} read, {len(self.stored)} acknowledged")

    def inject(self, call, number, error, path=None):
        """Makes the `number`th `call` from now on fail, of those on `path` if it
        is given; the trace is a file."""
        return system_calls.trace(self, self.server, call,
                                  f"error={error}:when={number}", path)

    def run_injected(self, call, number, padding=VALUE, error="EIO"):
        self.start()
        trace = self.inject(call, number, error)
        ended = self.append_until_it_ends(padding)
        injected = re.search(r"(\d+\.\d+) .*\(INJECTED\)", trace.read_text())
        self.assertIsNotNone(injected, trace.read_text()[-2000:])
        self.assertLess(ended - float(injected.group(1)), ENDED_SECONDS_MAX)
        self.check_stored()

    def append(self, count, padding=VALUE):
        with self.server.channel() as channel:
            log = log_service_pb2_grpc.LogServiceStub(channel)
            for _ in range(count):
                value = b"%d " % len(self.stored) + padding
                log.Append(log_pb2.AppendRequest(
                    topic="t", batch=batches.batch(value)), timeout=SECONDS_MAX)
                self.stored.append(value)

    def scrub_until_it_ends(self, call, name):
        """Of the files of the scrub, `name` fails."""
        path = self.server.data_dir / f"{name}.next"
        trace = self.inject(call, 1, "EIO", path)
        with self.server.channel() as channel:
            maintenance_service_pb2_grpc.MaintenanceServiceStub(
                channel).StartScrub(maintenance_pb2.StartScrubRequest())
        code = self.server.process.wait(SECONDS_MAX)
        ended = time.time()
        self.assertEqual(code, 5, self.server.log())
        self.assertRegex(self.server.log(),
                         f"a write or sync failed.*{path}: Input/output error")
        injected = re.search(r"(\d+\.\d+) .*\(INJECTED\)", trace.read_text())
        self.assertLess(ended - float(injected.group(1)), ENDED_SECONDS_MAX)

    def test_a_write_of_the_scrub_fails(self):
        self.start()
        self.append(10)
        self.scrub_until_it_ends("write", "scrub")
        self.check_stored()

    def test_a_sync_of_the_scrub_fails(self):
        self.start()
        self.append(10)
        self.scrub_until_it_ends("fsync", "scrub")
        self.check_stored()

    def test_what_the_scrub_found_cannot_be_written(self):
        self.start()
        sealed = []
        # The second segment is sealed when the first one is recorded so.
        while len({file.parent for file in sealed}) < 2:
            self.append(10)
            sealed = sorted(self.server.data_dir.glob("sealed/*/*.sst"))
        self.server.kill()
        with open(sealed[0], "r+b") as file:
            whole = file.read()
            file.seek(len(whole) // 2)
            file.write(bytes([whole[len(whole) // 2] ^ 1]))
        self.server.start()
        self.scrub_until_it_ends("fsync", "damage")
        self.assertFalse((self.server.data_dir / "damage").exists())
        # Nothing else was harmed.
        sealed[0].write_bytes(whole)
        self.check_stored()

    def test_the_first_fdatasync_fails(self):
        self.run_injected("fdatasync", 1)

    def test_the_second_fdatasync_fails(self):
        """The one of the watermark, when the first is that of the log."""
        self.run_injected("fdatasync", 2)

    def test_the_watermark_beside_a_small_cycle_fails(self):
        self.run_injected("io_getevents", 3, b"small")

    def test_the_log_fails_beside_the_watermark(self):
        self.run_injected("fdatasync", 3, b"small")

    def test_the_watermark_beside_a_small_cycle_is_synced(self):
        """Nothing else shows it: what the kernel was given, a killed process keeps."""
        self.start()
        trace = system_calls.trace(self, self.server, "io_submit")
        self.append(10, b"small")
        self.server.kill()
        submitted = re.findall(r"io_submit\(.*", trace.read_text())
        self.assertGreaterEqual(len(submitted), 10, trace.read_text())
        for call in submitted:
            self.assertIn("aio_rw_flags=RWF_DSYNC", call)
        self.check_stored()

    def test_a_cycle_that_only_the_watermark_got(self):
        """The log's write failed; the copy beside it was written, and the next start
        continues the log with it: nobody knows who was told."""
        self.start()
        self.append(20, b"small")
        log = max(self.server.data_dir.glob("db/*.log"),
                  key=lambda file: int(file.stem))
        trace = self.inject("pwrite64", 1, "EIO", log)
        self.append_until_it_ends(b"small")
        self.assertIn("(INJECTED)", trace.read_text())
        lost = b"%d small" % len(self.stored)
        self.assertNotIn(lost, log.read_bytes())
        self.stored.append(lost)
        self.check_stored()

    def test_the_kernel_refuses_to_write_beside(self):
        """Then the watermark is written after the log, as that of large cycles."""
        self.start()
        trace = self.inject("io_submit", "1+", "EAGAIN")
        self.append(10, b"small")
        self.assertIn("(INJECTED)", trace.read_text())
        self.server.kill()
        self.check_stored()

    def test_a_later_fdatasync_fails(self):
        self.run_injected("fdatasync", 101)

    def test_an_fsync_fails(self):
        """Folders and files of flushes and seals."""
        self.run_injected("fsync", 1, VALUE * 32)

    def test_a_write_fails(self):
        self.run_injected("pwrite64", 5)

    def test_a_quota_is_exceeded(self):
        """A quota shows in no free space, so it comes as a failed write. (Injected:
        root is under no quota, and a kernel may lack quota formats.)"""
        self.run_injected("pwrite64", "5+", error="EDQUOT")
        self.assertIn("Disk quota exceeded", self.server.log_path.read_text())

    def test_a_real_failure(self):
        """The blocks below a file system are gone: ENOSPC below, EIO above."""
        memory = loop_disk.MemoryDisk(96 * MIB)
        self.addCleanup(memory.remove)
        disk = loop_disk.LoopDisk(256 * MIB, under=memory.path)
        self.addCleanup(disk.remove)
        self.addCleanup(lambda: self.server.kill())
        self.start(data_dir=disk.path / "data")
        filler = memory.path / "filler"
        loop_disk.run("fallocate", "-l",
                      str(loop_disk.free_bytes(memory.path) - 4 * MIB), filler)
        self.append_until_it_ends()
        self.assertGreater(len(self.stored), 5)
        log = self.server.log_path.read_text()
        self.assertRegex(log, r"a write or sync failed.*(Input/output error|"
                              "No space left|Read-only)")
        filler.unlink()
        disk.unmount()
        disk.check()
        disk.mount()
        try:
            self.check_stored()
        except RuntimeError as refusal:
            # Linux's loop driver answers a write of which only the beginning
            # found room with success (one direct write of 64 KiB to an image
            # with 24 KiB of room: 65,536 written, fdatasync OK, zeros after
            # 24 KiB), and fails only the next one. So the last confirmed
            # cycle may be gone. That is never silent: the start is refused.
            self.assertIn("lost something it promised", str(refusal))
            self.assertIn("nothing was changed", str(refusal))
        self.server.kill()


if __name__ == "__main__":
    cases.main()
