"""Runs the comparison; see compare.sh."""

import argparse
import dataclasses
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.performance.compare import machine
from tests.performance.compare import plot
from tests.performance.compare import processes
from tests.performance.compare import report
from tests.performance.compare import rows
from tests.performance.compare import systems

# A system starts again in an empty folder when it holds more than this, the
# ballast of its nodes (2 GiB) included.
FOLDER_BYTES_MAX = 5 << 30
SMOKE_FOLDER_BYTES_MAX = 3 << 30
# Left free beside the folder: a row's bytes, and what nodes keep free.
SPARE_BYTES = 6 << 30
SMOKE_SPARE_BYTES = 3 << 30


@dataclasses.dataclass(frozen=True)
class Programs:
    bin: Path
    peers: Path


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def check_space(folder, needed_bytes):
    """Without it nodes would refuse appends in the middle of a row."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise SystemExit(f"{folder}: {free / 1e9:.1f} GB are free, the comparison needs "
                         f"{needed_bytes / 1e9:.1f} GB; set TMPDIR to another folder")


def check_on_disk(folder):
    """A sync of what is in memory costs nothing, so nothing could be compared."""
    kind = report.file_system(folder)
    if kind in ("tmpfs", "ramfs", "unknown"):
        raise SystemExit(f"{folder} is on {kind}, the comparison needs a disk; "
                         "set TMPDIR to another folder")


def folder_bytes(folder):
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
            except FileNotFoundError:  # deleted meanwhile
                pass
    return total


class Cluster:
    """A system with its folder; started when first asked for."""

    def __init__(self, name, programs, folder_bytes_max):
        self._name = name
        self._programs = programs
        self._folder_bytes_max = folder_bytes_max
        self._nodes = None
        self._system = None
        self._seals = False

    def system(self, seals=False):
        if self._system and seals != self._seals:
            self.stop()
        self._seals = seals
        if self._nodes and folder_bytes(self._nodes.folder) > self._folder_bytes_max:
            self.stop()
        if self._system is None:
            make, synced = systems.SYSTEMS[self._name]
            self._nodes = processes.Nodes(
                tempfile.mkdtemp(prefix=f"kappa-compare-{self._name}-"))
            self._system = make(self._programs, self._nodes, synced=synced,
                                **({"seals": True} if seals else {}))
        return self._system

    def stop(self):
        """Also what was started of a system that did not come up."""
        if self._nodes is not None:
            self._nodes.stop()
            shutil.rmtree(self._nodes.folder)
        self._nodes = self._system = None


def measure_system(name, wanted, programs, out, options):
    """Measures the rows that `out` lacks."""
    cluster = Cluster(name, programs, options.folder_bytes_max)
    try:
        for row in wanted:
            path = out / f"{row.name}.json"
            if path.exists() or not row.of(name):
                continue
            begin = time.monotonic()
            try:
                system = cluster.system(row.seals)
                figures = row.measure(system, options.seconds)
                figures["memory_max_mb"] = system.usage().rss_max_bytes / 1e6
            except RuntimeError as failure:
                if options.smoke:
                    raise
                # The other rows are measured; this one when it is run again.
                say(f"{name}: {row.title}: {failure}")
                cluster.stop()
                continue
            path.write_text(json.dumps(figures, indent=1), encoding="utf-8")
            say(f"{name}: {row.title}: {figures[row.figure] or 0:,.2f} {row.unit}"
                f" ({time.monotonic() - begin:.0f} s)")
    finally:
        cluster.stop()


def measure_round(number, wanted, programs, out, options):
    folder = out / f"round-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    limits = folder / "limits.json"
    if not limits.exists():
        with tempfile.TemporaryDirectory(prefix="kappa-compare-limits-") as scratch:
            measured = machine.measure(programs, scratch, min(3, options.seconds))
            limits.write_text(json.dumps(measured, indent=1), encoding="utf-8")
        say(f"round {number}: limits measured")
    # Each round begins with another system.
    shift = (number - 1) % len(options.systems)
    for name in options.systems[shift:] + options.systems[:shift]:
        (folder / name).mkdir(exist_ok=True)
        measure_system(name, wanted, programs, folder / name, options)


def arguments_of():
    parser = argparse.ArgumentParser(prog="compare.sh")
    parser.add_argument("--bin", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--peers", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--systems", default=",".join(systems.SYSTEMS))
    parser.add_argument("--rows", default=",".join(row.name for row in rows.ROWS))
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--smoke", action="store_true",
                        help="Kappa alone, one short round")
    options = parser.parse_args()
    if options.smoke:
        options.rounds, options.systems, options.seconds = 1, "kappa", 0.4
    options.folder_bytes_max = (
        SMOKE_FOLDER_BYTES_MAX if options.smoke else FOLDER_BYTES_MAX)
    options.systems = options.systems.split(",")
    options.rows = options.rows.split(",")
    unknown = [name for name in options.systems if name not in systems.SYSTEMS]
    unknown += [name for name in options.rows if name not in {row.name for row in rows.ROWS}]
    if unknown:
        parser.error(f"no such system or row: {', '.join(unknown)}")
    return options


def end_once(*_):
    # timeout(1) asks twice; the second time must not cut off what the first began.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(3)


def main():
    # Asked to end, it ends its nodes and clients too.
    signal.signal(signal.SIGTERM, end_once)
    options = arguments_of()
    programs = Programs(options.bin.absolute(), options.peers.absolute())
    out = options.out or Path(tempfile.mkdtemp(prefix="kappa-compare-out-"))
    if not options.smoke:
        check_on_disk(tempfile.gettempdir())
    check_space(tempfile.gettempdir(), options.folder_bytes_max +
                (SMOKE_SPARE_BYTES if options.smoke else SPARE_BYTES))
    wanted = [row for row in rows.ROWS if row.name in options.rows]
    for number in range(1, options.rounds + 1):
        measure_round(number, wanted, programs, out, options)
    results = report.read(out, list(systems.SYSTEMS))
    print(report.table(results, list(systems.SYSTEMS), wanted))
    print(f"\n{systems.settings()}")
    (out / "result.json").write_text(json.dumps(report.to_json(results, systems.SYSTEMS), indent=1),
                                     encoding="utf-8")
    (out / "result.svg").write_text(plot.draw(results, list(systems.SYSTEMS)), encoding="utf-8")
    say(f"{out}/result.json, {out}/result.svg")
    if options.smoke:
        return 0
    held = report.judge(results, print)
    if not report.counts(results, print):
        return 2
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
