"""System calls of a running process, traced and made to fail or to wait. Needs root."""

import subprocess


class Trace:
    """What strace writes about a process, until both are ended."""

    def __init__(self, path, strace):
        self._path, self._strace = path, strace

    def read_text(self):
        return self._path.read_text()

    def end(self):
        """The process goes on untraced, calls that were made to wait too."""
        self._strace.kill()
        self._strace.wait()
        self._strace.stderr.close()
        self._path.unlink(missing_ok=True)


def trace(case, server, call, inject=None, path=None):
    """From now on each `call` of a kappad is traced, of those on `path` if it is
    given; until the test `case` ends. One trace of a server at a time.

    `inject`, as strace has it, is what happens to them: "error=EIO:when=3".
    """
    output = server.log_path.with_suffix(".trace")
    strace = subprocess.Popen(
        ["strace", "-f", "-ttt", "-o", output, "-e", f"trace={call}",
         *(("-e", f"inject={call}:{inject}") if inject else ()),
         *(("-P", path) if path else ()), "-p", str(server.process.pid)],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    traced = Trace(output, strace)
    case.addCleanup(traced.end)
    # "strace: Process N attached": the main thread's, or with all threads.
    case.assertIn("attached", strace.stderr.readline())
    return traced
