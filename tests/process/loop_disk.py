"""A small real file system of a test's own, on a loop device. Needs root.

Mounts are made in a mount namespace of this process and its children: when
they end, however they end, mounts and loop devices are gone.
"""

import ctypes
import functools
import os
import pathlib
import subprocess
import tempfile

MIB = 1 << 20

# A test's PATH has no folders of the system's own programs.
ENVIRONMENT = dict(os.environ, PATH=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def run(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, env=ENVIRONMENT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()} "
                           "(this test needs root, loop devices and mkfs.ext4)")


@functools.cache
def own_mounts():
    """Gives the calling thread, and who it starts, mounts of their own."""
    clone_newns = 0x20000
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(clone_newns):
        raise OSError(ctypes.get_errno(), "unshare of mounts (this test needs root)")
    run("mount", "--make-rprivate", "/")


class LoopDisk:
    """An ext4 of `size` bytes at `path`, its image in the folder `under`."""

    def __init__(self, size, under=None):
        own_mounts()
        self.folder = pathlib.Path(tempfile.mkdtemp(
            prefix="loop-disk-", dir=os.environ.get("TEST_TMPDIR")))
        self.image = pathlib.Path(under or self.folder) / "image"
        self.path = self.folder / "mount"
        self.path.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(size)
        run("mkfs.ext4", "-q", "-F", "-m", "0", self.image)
        self.mounted = False
        self.mount()

    def mount(self):
        # Not the kernel's default of some distributions, which is to panic.
        run("mount", "-o", "loop,errors=remount-ro", self.image, self.path)
        self.mounted = True

    def unmount(self):
        if self.mounted:
            run("umount", self.path)
            self.mounted = False

    def check(self):
        """Replays the journal and repairs, as a start of the machine would."""
        done = subprocess.run(["fsck.ext4", "-f", "-y", self.image], capture_output=True,
                              text=True, check=False, env=ENVIRONMENT)
        # 1: repaired.
        if done.returncode > 1:
            raise RuntimeError(f"fsck.ext4 ended with {done.returncode}: {done.stdout}")

    def remove(self):
        self.unmount()
        self.image.unlink(missing_ok=True)
        self.path.rmdir()
        self.folder.rmdir()

    def free_bytes(self):
        return free_bytes(self.path)

    def leave_free(self, count):
        """Lets another process take all but `count` bytes, or give some back."""
        filler = self.path / "filler"
        has = filler.stat().st_size if filler.exists() else 0
        wanted = has + self.free_bytes() - count
        if wanted > has:
            run("fallocate", "-l", str(wanted), filler)
        elif wanted > 0:
            run("truncate", "-s", str(wanted), filler)
        else:
            filler.unlink(missing_ok=True)


class MemoryDisk:
    """A tmpfs of `size` bytes at `path`."""

    def __init__(self, size):
        own_mounts()
        self.path = pathlib.Path(tempfile.mkdtemp(
            prefix="memory-disk-", dir=os.environ.get("TEST_TMPDIR")))
        run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.path)

    def remove(self):
        run("umount", self.path)
        self.path.rmdir()


def free_bytes(path):
    space = os.statvfs(path)
    return space.f_bavail * space.f_frsize
