"""A memory limit for a process (cgroup, version 1 or 2). Needs root."""

import os
import pathlib
import re

ROOT = pathlib.Path("/sys/fs/cgroup")


class MemoryLimit:
    """The processes that join are killed when they use more than `limit` bytes."""

    def __init__(self, limit):
        first = (ROOT / "memory").is_dir()
        parent = ROOT / "memory" if first else ROOT
        self.folder = parent / f"kappa-test-{os.getpid()}"
        try:
            self.folder.mkdir(exist_ok=True)
            name = "memory.limit_in_bytes" if first else "memory.max"
            (self.folder / name).write_text(str(limit))
        except OSError as error:
            raise RuntimeError(f"no memory limit: {error} (this test needs root and the "
                               "memory controller of cgroups)") from error

    def join(self, pid):
        (self.folder / "cgroup.procs").write_text(str(pid))

    def remove(self):
        """Requires: no process is left."""
        self.folder.rmdir()


def resident_bytes(pid, name="VmRSS"):
    """VmRSS: now; VmHWM: the most so far."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", text).group(1)) * 1024
