"""Runs a real kappad for a test, on a free port over a fresh directory."""

import ctypes
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import grpc

from kappa.v1 import log_service_pb2_grpc
from kappa.v1 import topic_service_pb2_grpc

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20

_LIBC = ctypes.CDLL(None, use_errno=True)
_IN_MOVED_TO = 0x80
_IN_CLOSE_WRITE = 0x8
_PR_SET_PDEATHSIG = 1


def _binary():
    given = os.environ.get("KAPPAD")
    return given or os.path.join(
        os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"], "server/kappad"
    )


class Kappad:
    """A server process: `address` is its HOST:PORT once `start` returns."""

    def __init__(self, *arguments, data_dir=None, binary=None, listen="127.0.0.1:0"):
        self.binary = binary or _binary()
        root = os.environ.get("TEST_TMPDIR")
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="kappad-", dir=root))
        self.data_dir = pathlib.Path(data_dir or scratch)
        self.log_path = scratch.with_suffix(".log")
        if data_dir:
            scratch.rmdir()
        self.arguments = arguments
        self.listen = listen
        self.address = None
        self.process = None

    def start(self):
        address_path = self.data_dir / "address"
        address_path.unlink(missing_ok=True)
        watch = _LIBC.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        _LIBC.inotify_add_watch(
            watch, os.fsencode(self.data_dir), _IN_MOVED_TO | _IN_CLOSE_WRITE
        )
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "--dev", "--data-dir", self.data_dir,
                 "--listen", self.listen, *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=lambda: _LIBC.prctl(
                    _PR_SET_PDEATHSIG, signal.SIGKILL))
        ended = os.pidfd_open(self.process.pid)
        try:
            self._await_address(address_path, watch, ended)
        finally:
            os.close(watch)
            os.close(ended)
        return self

    def _await_address(self, path, watch, ended):
        """Until the file is there; woken by the folder's changes."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while not (path.exists() and path.read_text().endswith("\n")):
            left = deadline - time.monotonic()
            ready = select.select([watch, ended], [], [], max(0, left))[0]
            if watch in ready:
                os.read(watch, 65536)
            if ended in ready or not ready:
                self.kill()
                raise RuntimeError("kappad does not serve:\n" + self.log())
        self.address = path.read_text().strip()

    def channel(self):
        """A channel with nothing configured, as any user would open it."""
        return grpc.insecure_channel(self.address)

    def stop(self):
        """Ends it as an operator would; returns the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        finally:
            self.kill()

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log(self):
        return self.log_path.read_text(errors="replace")[-4000:]

    def remove(self):
        self.kill()
        shutil.rmtree(self.data_dir, ignore_errors=True)
        self.log_path.unlink(missing_ok=True)


class KappadTestCase(unittest.TestCase):
    """Cases that share one server; each makes topics of its own."""

    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Kappad(*cls.arguments)
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()
        cls.channel = cls.server.channel()
        cls.addClassCleanup(cls.channel.close)
        cls.log = log_service_pb2_grpc.LogServiceStub(cls.channel)
        cls.topics = topic_service_pb2_grpc.TopicServiceStub(cls.channel)

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        code = cls.server.stop()
        if code != 0:
            raise AssertionError(
                f"kappad ended with {code}:\n{cls.server.log()}")
