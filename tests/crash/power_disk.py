"""A disk that loses its power: what was not synced is gone."""

import fcntl
import os
import shutil
import signal
import struct
import time

from tests.process import loop_disk

SETTLE_SECONDS_MAX = 60
EXIT_SECONDS_MAX = 15
# FS_IOC_SHUTDOWN of Linux, and its flag "do not write the journal".
_SHUTDOWN = 2 << 30 | 4 << 16 | ord("X") << 8 | 125
_NO_LOG_FLUSH = 2
FAILED_WRITE = 5


def freeze(process):
    """Returns once `process` is stopped: it has no system call under way."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


class PowerDisk:
    """An ext4 of `size` bytes at `path`; its image is in memory."""

    def __init__(self, size):
        self.memory = loop_disk.MemoryDisk(2 * size + 16 * loop_disk.MIB)
        try:
            self.disk = loop_disk.LoopDisk(size, under=self.memory.path)
        except BaseException:
            self.memory.remove()
            raise
        self.path = self.disk.path
        self._copy = self.memory.path / "copy"

    def remove(self):
        self.disk.remove()
        self.memory.remove()

    def cut(self, server):
        """Everything stops at one instant; only what the disk holds is kept."""
        freeze(server.process)
        self.keep()
        server.kill()
        self.put_back()

    def keep(self):
        """Copies the image, whose users are all frozen, or write nothing.

        Again until nothing was written meanwhile: the kernel may still have
        been at it.
        """
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while True:
            before = self._written()
            loop_disk.run("cp", "--sparse=auto", self.disk.image, self._copy)
            if before == self._written():
                break
            if time.monotonic() > deadline:
                raise RuntimeError("the disk of a stopped process is still written to")

    def put_back(self):
        """What was kept becomes the disk; its users are gone."""
        self.disk.unmount()
        os.replace(self._copy, self.disk.image)
        self.disk.mount()

    def pull(self, server):
        """From one instant on nothing reaches the disk, also within a sync.

        The process goes on, meets the errors and must end for them. Returns
        its exit code.
        """
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(folder)
        code = server.process.wait(EXIT_SECONDS_MAX)
        server.kill()
        self.disk.unmount()
        self.disk.mount()
        return code

    def _written(self):
        """The kernel's counts of writes, discards and flushes, none under way."""
        device = os.stat(self.path).st_dev
        name = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat"
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while time.monotonic() < deadline:
            with open(name, encoding="ascii") as file:
                counts = file.read().split()
            if counts[8] == "0":
                return counts[4], counts[6], counts[11:]
        raise RuntimeError("the disk does not come to rest")


class PlainDisk:
    """A folder: the kernel keeps what a killed process had written."""

    def __init__(self, path):
        self.path = path
        path.mkdir()

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
