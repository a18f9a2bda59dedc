"""The table, the JSON and the verdict over the rounds of a comparison."""

import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from tests.performance.compare import rows

PEERS = ("kafka", "nats")
SYNCED = ("kafka-synced", "nats-synced")
ALL = ("kappa", "kafka", "kafka-synced", "nats", "nats-synced")
ROUNDS_MIN = 3
CORES = 2
# CPU-seconds per GB beside hops and stores: SHA-256 once, CRC32C four times.
HASHES_CPU_S_PER_GB = 0.6 + 4 * 0.07
# In what the hop of the last round measured, client and server are both counted.
HOPS, STORES = 3, 3


def read(out, systems):
    """round -> {"limits": ..., system: {row: figures}}, of what is there."""
    results = {}
    for folder in sorted(out.glob("round-*"), key=lambda path: int(path.name[6:])):
        one = {"limits": json.loads((folder / "limits.json").read_text(encoding="utf-8"))}
        for system in systems:
            one[system] = {path.stem: json.loads(path.read_text(encoding="utf-8"))
                           for path in (folder / system).glob("*.json")}
        results[int(folder.name[6:])] = one
    return results


def values(results, system, row, figure):
    """That figure of every round that has it."""
    found = (one[system].get(row, {}).get(figure) for one in results.values())
    return [value for value in found if value is not None]


def middle(results, system, row, figure):
    found = values(results, system, row, figure)
    return statistics.median(found) if found else None


def number(value):
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def cell(results, system, row, figure):
    """Minimum / median / maximum of the rounds."""
    found = values(results, system, row, figure)
    if not found:
        return "-"
    if len(found) == 1:
        return number(found[0])
    return " / ".join(number(value) for value in
                      (min(found), statistics.median(found), max(found)))


def table(results, systems, wanted):
    """Markdown: minimum / median / maximum of the rounds."""
    lines = [f"{len(results)} rounds; minimum / median / maximum", "",
             "| figure | " + " | ".join(systems) + " |", "|---" * (len(systems) + 1) + "|"]

    def add(title, row, figure):
        cells = [cell(results, system, row, figure) for system in systems]
        if any(cell != "-" for cell in cells):
            lines.append(f"| {title} | " + " | ".join(cells) + " |")

    for row in wanted:
        add(f"{row.title}, {row.unit}", row.name, row.figure)
        if row.name == "one":
            add("one at a time, p99, ms", row.name, "p99_ms")
        if row.name == "live":
            add("times p99 alone", row.name, "times")
            add("the 10 replays together, MB/s", row.name, "replays_mb_per_s")
        if row.name == "replay_10":
            add("read from files per byte sent", row.name, "read_per_byte")
        if row.name == "replay_disk":
            add("read from the disk per byte sent", row.name, "disk_read_per_byte")
        if row.name.startswith("rate"):
            add("rate reached, /s", row.name, "records_per_s")
        if row.name.startswith("seals"):
            add("segments sealed on every node", row.name, "seals")
            add("written per replica and byte, seals included", row.name,
                "written_per_byte")
        if row.name == "max_1k":
            add("CPU-seconds per GB, nodes and client", row.name, "cpu_s_per_gb")
            add("written per replica and byte", row.name, "written_per_byte")
            add("memory of a node at maximum, MB", row.name, "memory_max_mb")
    lines += ["", f"limits: {limits(results)}", "", *_notes(results, systems, wanted)]
    return "\n".join(lines)


def _notes(results, systems, wanted):
    """How a figure was made, where the system's tool has a way of its own."""
    lines = []
    for row in wanted:
        for system in systems:
            notes = dict.fromkeys(values(results, system, row.name, "note"))
            if notes:
                lines.append(f"- {row.title}, {system}: {'; '.join(notes)}")
    return lines


def limits(results):
    """Those of the machine, round by round."""
    return "; ".join(_limit(results, *limit) for limit in (
        ("gRPC to server, MB/s", "grpc_to_server", "mb_per_s"),
        ("gRPC to client, MB/s", "grpc_to_client", "mb_per_s"),
        ("RocksDB, MB/s", "rocksdb", "mb_per_s"),
        ("commit p50, ms", "commit", "p50_ms"),
        ("disk, each of three writers, MB/s", "disk_three_writers", "mb_per_s"),
        ("gRPC round trip p50, ms", "grpc_round_trip", "p50_ms"),
        ("loopback TCP, MB/s", "loopback_tcp", "mb_per_s")))


def _limit(results, title, name, figure):
    found = [one["limits"][name][figure] for one in results.values()]
    return f"{title} " + " / ".join(number(value) for value in found)


def ceiling_mb_per_s(measured):
    """What two cores, or the disk, allow three nodes at most: of a round's limits."""
    budget = (HOPS * measured["grpc_to_server"]["cpu_s_per_gb"] +
              STORES * measured["rocksdb"]["cpu_s_per_gb"] + HASHES_CPU_S_PER_GB)
    return min(CORES * 1000 / budget, measured["disk_three_writers"]["mb_per_s"])


class Verdict:
    """Compares medians of Kappa with medians of peers; None where one lacks."""

    def __init__(self, results):
        self._results = results
        self.lines = []  # (title, met or None, text)

    def of(self, system, row, figure):
        return middle(self._results, system, row, figure)

    def best(self, systems, row, figure, better):
        found = [self.of(system, row, figure) for system in systems]
        found = [value for value in found if value is not None]
        return better(found) if found else None

    def compare(self, title, value, bound, *, at_least):
        if value is None or bound is None:
            self.lines.append((title, None, "not measured"))
            return
        met = value >= bound if at_least else value <= bound
        sign = ">=" if at_least else "<="
        self.lines.append((title, met, f"{number(value)} {sign} {number(bound)}"))

    def best_paced(self, title, row, rate, systems, factor):
        """A peer that does not reach the rate has no figure at it."""
        reached, missed = [], []
        for system in systems:
            seen = self.of(system, row, "records_per_s")
            if seen is None:
                self.lines.append((title, None, "not measured"))
                return
            (reached if seen >= 0.95 * rate else missed).append((system, seen))
        text = "".join(f"; {system} reached {number(seen)}/s only"
                       for system, seen in missed)
        own, own_rate = self.of("kappa", row, "p99_ms"), self.of("kappa", row,
                                                                 "records_per_s")
        if own is None or own_rate < 0.95 * rate:
            self.lines.append((title, None if own is None else False,
                               "Kappa did not reach the rate"))
            return
        if not reached:
            self.lines.append((title, True, f"{number(own)}{text}"))
            return
        bound = factor * min(self.of(system, row, "p99_ms") for system, _ in reached)
        self.lines.append((title, own <= bound, f"{number(own)} <= {number(bound)}{text}"))

    def times(self, title, row, figure, systems, factor, *, at_least):
        peer = self.best(systems, row, figure, max if at_least else min)
        self.compare(title, self.of("kappa", row, figure),
                     None if peer is None else peer * factor, at_least=at_least)


FIVE = (("max_1k", "records_per_s", True), ("max_100", "records_per_s", True),
        ("one", "p50_ms", False),
        ("replay", "mb_per_s", True))


def floors(results):
    verdict = Verdict(results)
    for row, figure, at_least in FIVE:
        verdict.times(f"floor: {row}, best synced peer", row, figure, SYNCED, 1,
                      at_least=at_least)
    verdict.best_paced("floor: rate_20k, best synced peer", "rate_20k", 20_000, SYNCED, 1)
    return verdict.lines


def goals(results):
    verdict = Verdict(results)
    of, compare, times = verdict.of, verdict.compare, verdict.times
    one_round = [one["limits"] for one in results.values()]
    ceiling = statistics.median(map(ceiling_mb_per_s, one_round))
    round_trip = statistics.median(measured["grpc_round_trip"]["p50_ms"]
                                   for measured in one_round)
    commit = statistics.median(measured["commit"]["p50_ms"] for measured in one_round)
    stream = statistics.median(measured["grpc_to_client"]["mb_per_s"]
                               for measured in one_round)
    times("1 KiB, 2 x best peer", "max_1k", "records_per_s", PEERS, 2, at_least=True)
    times("1 KiB, 3.5 x best synced", "max_1k", "records_per_s", SYNCED, 3.5, at_least=True)
    compare("1 KiB, MB/s, 75 % of the ceiling", of("kappa", "max_1k", "mb_per_s"),
            0.75 * ceiling, at_least=True)
    times("100 B, 2 x best peer", "max_100", "records_per_s", PEERS, 2, at_least=True)
    verdict.best_paced("20,000/s, p99, 1/2 of the best peer as it comes", "rate_20k",
                       20_000, PEERS, 0.5)
    times("one at a time, 0.6 x best synced", "one", "p50_ms", SYNCED, 0.6, at_least=False)
    compare("one at a time, commit + 2 stream round trips + 0.15 ms", of("kappa", "one", "p50_ms"),
            commit + 2 * round_trip + 0.15, at_least=False)
    times("replay, 1.7 x best peer", "replay", "mb_per_s", PEERS + SYNCED, 1.7,
          at_least=True)
    compare("replay, 75 % of the raw stream", of("kappa", "replay", "mb_per_s"),
            0.75 * stream, at_least=True)
    compare("ten readers, one alone", of("kappa", "replay_10", "mb_per_s"),
            of("kappa", "replay", "mb_per_s"), at_least=True)
    compare("ten readers, read per byte", of("kappa", "replay_10", "read_per_byte"), 0.2,
            at_least=False)
    compare("live beside replays, times", of("kappa", "live", "times"), 2, at_least=False)
    alone = of("kappa", "live", "one_reader_mb_per_s")
    compare("  the replays then, half of one alone",
            of("kappa", "live", "replays_mb_per_s"), alone and alone / 2, at_least=True)
    for title, many, one in (("1,000 partitions against 1", "max_1k_1000", "max_1k"),
                             ("1,000 partitions against 1, seals included", "seals_1000",
                              "seals")):
        many, one = of("kappa", many, "records_per_s"), of("kappa", one, "records_per_s")
        compare(title, many and one and many / one, 0.75, at_least=True)
    compare("written per replica and byte, before a seal",
            of("kappa", "max_1k", "written_per_byte"), 2.1, at_least=False)
    compare("written per replica and byte, with seals",
            of("kappa", "seals", "written_per_byte"), 3.1, at_least=False)
    compare("  seals within that run", of("kappa", "seals", "seals"), 3, at_least=True)
    compare("CPU-s per GB", of("kappa", "max_1k", "cpu_s_per_gb"), 10, at_least=False)
    compare("memory at maximum, MB, most of all rows",
            max((of("kappa", row.name, "memory_max_mb") or 0 for row in rows.ROWS)) or None,
            512, at_least=False)
    compare("memory idle, MB", of("kappa", "idle", "idle_mb"), 50, at_least=False)
    return verdict.lines


def judge(results, say):
    """Says what is met; returns whether every floor holds."""
    held = floors(results)
    for title, met, text in held + goals(results):
        say(f"{ {True: 'met', False: 'NOT met', None: '?'}[met]:<8} {title}: {text}")
    return all(met for _, met, _ in held)


def lacking(results, systems, wanted):
    """The rows of each round that have no figure."""
    return [f"round {number_of} {system} {row.name}"
            for number_of, one in results.items() for system in systems for row in wanted
            if row.of(system) and one[system].get(row.name, {}).get(row.figure) is None]


def counts(results, say):
    """Whether the run does: three rounds, each with every row of all systems."""
    why_not = []
    if len(results) < ROUNDS_MIN:
        why_not.append(f"rounds: {len(results)}, not {ROUNDS_MIN}")
    missing = lacking(results, ALL, rows.ROWS)
    if missing:
        why_not.append(f"not measured: {', '.join(missing)}")
    if why_not:
        say(f"this run does not count: {'; '.join(why_not)}")
    else:
        say(f"this run counts: {len(results)} rounds of {', '.join(ALL)}, every row filled")
    return not why_not


def _said(*command):
    """What a program prints; "unknown" where it fails or is missing."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def file_system(folder):
    """Its type, as stat(1) names it: ext4 is "ext2/ext3"."""
    return _said("stat", "-f", "-c", "%T", folder)


def _machine():
    processor = re.search(r"model name\s*: (.*)",
                          Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return {"kernel": platform.release(), "cores": os.cpu_count(),
            "processor": processor[1] if processor else "unknown",
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "file_system": file_system(tempfile.gettempdir()), "load": os.getloadavg()}


def to_json(results, systems):
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": _said("git", "describe", "--always", "--dirty"),
        "machine": _machine(),
        "settings": {name: make.settings for name, (make, _) in systems.items()},
        "rows": {row.name: row.title for row in rows.ROWS},
        "rounds": results,
        "floors": floors(results),
        "goals": goals(results),
    }
