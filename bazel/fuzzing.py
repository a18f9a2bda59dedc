"""Builds and runs the libFuzzer targets of tests/fuzz.

They need clang for everything, so Bazel gets a folder of its own for them. A
target's seeds are tests/fuzz/corpus/TARGET; an input that fails is kept under
the cache, and the output says how to run it again.
"""

import hashlib
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path("tests/fuzz/corpus")
SHORT_RUNS = 5000
NIGHTLY_SECONDS = 30 * 60
# A nightly run remembers how far it came after so long.
SLICE_SECONDS = 5 * 60

LIMITS = ["-rss_limit_mb=1024", "-timeout=20", "-max_len=9000", "-print_final_stats=1"]
EXECUTIONS = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
OUTPUT_LINES_SHOWN = 60


@dataclass
class Run:
    """How one run of a target ended."""

    executions: int
    faults: list


def target_name(label):
    return label.rpartition(":")[2]


class Fuzzer:
    """The fuzz targets of the working tree."""

    def __init__(self, cache):
        tree = hashlib.sha256(os.getcwd().encode()).hexdigest()[:8]
        self.bazel = ["bazel", f"--output_base={cache}/fuzz-{tree}"]
        self.grown = Path(cache) / "fuzz_corpus"
        self.findings = Path(cache) / "fuzz_findings"
        self.binaries = None

    def build(self, labels):
        """Builds the targets. Returns the faults."""
        built = subprocess.run(
            [*self.bazel, "build", *os.environ.get("KAPPA_BAZEL_FLAGS", "").split(),
             "--config=fuzz", *labels], stdin=subprocess.DEVNULL, check=False).returncode
        if not built:
            info = subprocess.run(
                [*self.bazel, "info", "--config=fuzz", "--noshow_progress", "bazel-bin"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
            self.binaries = Path(info.stdout.strip())
        # A second server would keep its memory for hours.
        subprocess.run([*self.bazel, "shutdown"], stdin=subprocess.DEVNULL, check=False)
        return [f"bazel ended with code {built}"] if built else []

    def binary(self, label):
        return self.binaries / label.strip("/").replace(":", "/")

    def run_short(self, label):
        """Runs the seeds and a few thousand changes of them, always the same."""
        with tempfile.TemporaryDirectory() as folder:
            return self._run(label, folder, ["-seed=1", f"-runs={SHORT_RUNS}"])

    def run_slice(self, label, seconds):
        """Goes on for `seconds` with what earlier slices found interesting."""
        folder = self.grown / target_name(label)
        folder.mkdir(parents=True, exist_ok=True)
        return self._run(label, folder, [f"-max_total_time={seconds}"])

    def _run(self, label, folder, arguments):
        name = target_name(label)
        seeds = CORPUS / name
        if not seeds.is_dir():
            return Run(0, [f"{seeds} is missing"])
        findings = self.findings / name
        findings.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [self.binary(label), *LIMITS, *arguments, f"-artifact_prefix={findings}/",
             folder, seeds],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", check=False)
        counted = EXECUTIONS.search(done.stdout)
        executions = int(counted.group(1)) if counted else 0
        faults = []
        if done.returncode:
            print("\n".join(done.stdout.splitlines()[-OUTPUT_LINES_SHOWN:]), flush=True)
            print(f"run it again: {self.binary(label)} {findings}/FILE", flush=True)
            faults = [f"ended with code {done.returncode}, its input is in {findings}"]
        elif not executions:
            faults = ["executed nothing"]
        return Run(executions, faults)


class Progress:
    """How far a target's nightly run came, in a file when there is one."""

    def __init__(self, path):
        self.path = path
        self.seconds, self.executions = 0, 0
        if path and path.exists():
            self.seconds, self.executions = map(int, path.read_text("utf-8").split())

    def add(self, seconds, executions):
        self.seconds += seconds
        self.executions += executions
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(f"{self.seconds} {self.executions}\n", encoding="utf-8")


def run_nightly(fuzzer, label, memory):
    """Runs one target for 30 minutes, less what `memory`, a path or None, has of
    it already. Returns the faults and the executions."""
    progress = Progress(memory)
    while progress.seconds < NIGHTLY_SECONDS:
        seconds = min(SLICE_SECONDS, NIGHTLY_SECONDS - progress.seconds)
        run = fuzzer.run_slice(label, seconds)
        if run.faults:
            return run.faults, progress.executions + run.executions
        progress.add(seconds, run.executions)
        print(f"-- {label}: {progress.seconds // 60} of {NIGHTLY_SECONDS // 60} minutes, "
              f"{progress.executions:,} executions", flush=True)
    return [], progress.executions
