"""What is measured of each system, row by row."""

import dataclasses
import weakref
from typing import Callable

KIB = 1024
HISTORY_RECORDS = 1_000_000
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


def _append(record_bytes, partitions):
    return lambda system, seconds: system.append(record_bytes, partitions, seconds)


def _paced(rate):
    return lambda system, seconds: system.paced(rate, seconds)


def _history(system, seconds):
    """Made once for a cluster."""
    if system not in _HISTORIES:
        _HISTORIES[system] = system.fill(int(HISTORY_RECORDS * min(1, seconds / 4)))
    return _HISTORIES[system]


def _replay(readers):
    def measure(system, seconds):
        history = _history(system, seconds)
        begin = system.usage()
        figures = system.replay(history, readers)
        used = system.usage().since(begin)
        figures["read_per_byte"] = used.read_bytes / figures["bytes"]
        return figures
    return measure


def _live(system, seconds):
    """Live appends alone, then beside ten readers of a whole history."""
    history = _history(system, seconds)
    one = system.replay(history, 1)["mb_per_s"]
    alone = system.paced(LIVE_RATE, seconds)["p99_ms"]
    replays = system.start_replays(history, TEN)
    beside = system.paced(LIVE_RATE, seconds)["p99_ms"]
    together = replays.finish()
    return {"p99_ms": beside, "alone_p99_ms": alone,
            "times": beside / alone if beside and alone else None,
            "replays_mb_per_s": together, "one_reader_mb_per_s": one}


def _memory(system, seconds):
    """Asked first of fresh nodes; the memory at maximum is of the 1 KiB rows."""
    del seconds
    return {"idle_mb": system.usage().rss_bytes / 1e6}


ROWS = [
    Row("idle", "idle node, resident", _memory, "idle_mb", "MB"),
    Row("max_1k", "1 KiB, 1 partition, maximum", _append(KIB, 1), "records_per_s", "/s"),
    Row("max_1k_6", "1 KiB, 6 partitions", _append(KIB, 6), "records_per_s", "/s"),
    Row("max_1k_100", "1 KiB, 100 partitions", _append(KIB, 100), "records_per_s", "/s"),
    Row("max_1k_1000", "1 KiB, 1,000 partitions", _append(KIB, 1000), "records_per_s", "/s"),
    Row("max_100", "100 B, 1 partition, maximum", _append(100, 1), "records_per_s", "/s"),
    Row("max_10k", "10 KiB, maximum", _append(10 * KIB, 1), "mb_per_s", "MB/s"),
    Row("max_1m", "1 MiB, maximum", _append(KIB * KIB, 1), "mb_per_s", "MB/s"),
    Row("one", "one at a time, p50", lambda system, seconds: system.one_at_a_time(seconds),
        "p50_ms", "ms"),
    Row("rate_5k", "5,000/s of 1 KiB, p99", _paced(5_000), "p99_ms", "ms"),
    Row("rate_10k", "10,000/s, p99", _paced(10_000), "p99_ms", "ms"),
    Row("rate_20k", "20,000/s, p99", _paced(20_000), "p99_ms", "ms"),
    Row("rate_40k", "40,000/s, p99", _paced(40_000), "p99_ms", "ms"),
    Row("replay", "replay, 1 reader", _replay(1), "mb_per_s", "MB/s"),
    Row("replay_10", "replay, 10 readers, sum", _replay(TEN), "mb_per_s", "MB/s"),
    Row("live", "10,000/s beside 10 replays, p99", _live, "p99_ms", "ms"),
]
