"""What is measured of each system, row by row."""

import dataclasses
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Callable

from tests.performance.compare import processes

KIB = 1024
# Of 1 KiB, when a measurement takes 3 seconds or more.
HISTORY_RECORDS = 500_000
# Of the compressible values, over and over.
VALUES = 30_000
TEN = 10
LIVE_RATE = 10_000
_HISTORIES = weakref.WeakKeyDictionary()


@dataclasses.dataclass(frozen=True)
class Row:
    """`measure(system, seconds)` returns the row's figures by name."""

    name: str
    title: str
    measure: Callable
    figure: str  # which of them the table shows
    unit: str
    # Of nodes whose segments are small. Only Kappa writes what it stored again.
    seals: bool = False

    def of(self, system):
        """Whether the system of that name has the row."""
        return not self.seals or system == "kappa"


def _append(record_bytes, partitions):
    return lambda system, seconds: system.append(record_bytes, partitions, seconds)


def _paced(rate):
    return lambda system, seconds: system.paced(rate, seconds)


def _history(system, seconds):
    """Made once for a cluster."""
    if system not in _HISTORIES:
        _HISTORIES[system] = system.fill(int(HISTORY_RECORDS * min(1, seconds / 3)))
    return _HISTORIES[system]


def _compressed(system, seconds):
    with tempfile.TemporaryDirectory(prefix="kappa-compare-values-") as folder:
        values = Path(folder) / "values"
        processes.compressible_values(values, KIB, VALUES)
        return system.append(KIB, 1, seconds, values=values)


def _sealing(partitions):
    return lambda system, seconds: system.append_with_seals(partitions, seconds)


def _replay(readers, *, from_disk=False):
    def measure(system, seconds):
        history = _history(system, seconds)
        if from_disk:
            system.drop_page_cache()
        begin = system.usage()
        figures = system.replay(history, readers)
        used = system.usage().since(begin)
        figures["read_per_byte"] = used.read_bytes / figures["bytes"]
        figures["disk_read_per_byte"] = used.disk_read_bytes / figures["bytes"]
        return figures
    return measure


class _Repeated:
    """Ten readers of a whole history, again and again until finish()."""

    def __init__(self, system, history):
        self._system, self._history = system, history
        self._over = threading.Event()
        self._rates, self._failure = [], None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            while not self._over.is_set():
                self._rates.append(self._system.start_replays(self._history, TEN).finish())
        except RuntimeError as failure:
            self._failure = failure

    def finish(self):
        """Returns the mean of the rates of ten together, in MB/s."""
        self._over.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return sum(self._rates) / len(self._rates)


def _live(system, seconds):
    """Live appends alone, then beside ten readers of a whole history."""
    history = _history(system, seconds)
    one = system.replay(history, 1)["mb_per_s"]
    alone = system.paced(LIVE_RATE, seconds)["p99_ms"]
    replays = _Repeated(system, history)
    try:
        beside = system.paced(LIVE_RATE, seconds)["p99_ms"]
    finally:
        together = replays.finish()
    return {"p99_ms": beside, "alone_p99_ms": alone,
            "times": beside / alone if beside and alone else None,
            "replays_mb_per_s": together, "one_reader_mb_per_s": one}


def _memory(system, seconds):
    """Of nodes that have just started, before they were warmed up."""
    del seconds
    return {"idle_mb": system.idle.rss_bytes / 1e6}


ROWS = [
    Row("idle", "idle node, resident", _memory, "idle_mb", "MB"),
    Row("max_1k", "1 KiB, 1 partition, maximum", _append(KIB, 1), "records_per_s", "/s"),
    Row("max_1k_6", "1 KiB, 6 partitions", _append(KIB, 6), "records_per_s", "/s"),
    Row("max_1k_100", "1 KiB, 100 partitions", _append(KIB, 100), "records_per_s", "/s"),
    Row("max_1k_1000", "1 KiB, 1,000 partitions", _append(KIB, 1000), "records_per_s", "/s"),
    Row("max_100", "100 B, 1 partition, maximum", _append(100, 1), "records_per_s", "/s"),
    Row("zstd", "1 KiB, compressible, zstd", _compressed, "records_per_s", "/s"),
    Row("max_10k", "10 KiB, maximum", _append(10 * KIB, 1), "mb_per_s", "MB/s"),
    Row("max_1m", "1 MiB, maximum", _append(KIB * KIB, 1), "mb_per_s", "MB/s"),
    Row("one", "one at a time, p50", lambda system, seconds: system.one_at_a_time(seconds),
        "p50_ms", "ms"),
    Row("rate_5k", "5,000/s of 1 KiB, p99", _paced(5_000), "p99_ms", "ms"),
    Row("rate_10k", "10,000/s, p99", _paced(10_000), "p99_ms", "ms"),
    Row("rate_20k", "20,000/s, p99", _paced(20_000), "p99_ms", "ms"),
    Row("rate_40k", "40,000/s, p99", _paced(40_000), "p99_ms", "ms"),
    Row("replay", "replay, 1 reader, cached", _replay(1), "mb_per_s", "MB/s"),
    Row("replay_10", "replay, 10 readers, sum", _replay(TEN), "mb_per_s", "MB/s"),
    Row("replay_disk", "replay, 1 reader, from disk", _replay(1, from_disk=True),
        "mb_per_s", "MB/s"),
    Row("live", "10,000/s beside 10 replays, p99", _live, "p99_ms", "ms"),
    Row("seals", "1 KiB, 1 partition, segments of 128 MiB", _sealing(1), "records_per_s",
        "/s", seals=True),
    Row("seals_1000", "1 KiB, 1,000 partitions, segments of 128 MiB", _sealing(1000),
        "records_per_s", "/s", seals=True),
]
