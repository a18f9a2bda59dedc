"""Compares the figures of floors.sh with the floors and goals.

    floors.py FOLDER      FOLDER/ROUND/NAME.json, FOLDER/ROUND/load

Every round is compared with the limits that were measured in it. A figure
counts as met when its best round meets it. A share of a limit above 1 says that
the limit was not one (a busy machine, or cycles above its 1 MiB): "unclear".
"""

import json
import sys
from pathlib import Path


class Figure:
    """A measured value with what it must reach and what it should reach."""

    def __init__(self, name, measured, floor, goal, *, at_most=False, share=False,
                 note=""):
        self.name = name
        self.measured = measured
        self.floor = floor
        self.goal = goal
        self.at_most = at_most
        self.share = share  # of a limit, so at most 1
        self.note = note

    def reaches(self, bound):
        if bound is None:
            return True
        if self.measured is None:
            return False
        return self.measured <= bound if self.at_most else self.measured >= bound

    def verdict(self):
        if self.share and self.measured > 1:
            return "unclear"
        if not self.reaches(self.floor):
            return "NO"
        if not self.reaches(self.goal):
            return "no goal" if self.floor is None else "floor"
        return "floor" if self.goal is None else "goal"

    def bound(self, bound):
        if bound is None:
            return "-"
        return ("<= " if self.at_most else ">= ") + number(bound)


def number(value):
    if value is None:
        return "unknown"
    if value >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def figures_of(results):
    """The figures of one round; `results` maps a name to its JSON."""
    limits = results["limits"]
    to_server = limits["grpc_to_server"]["mb_per_s"]
    to_client = limits["grpc_to_client"]["mb_per_s"]
    rocksdb = limits["rocksdb"]["mb_per_s"]
    commit_ms = limits["commit"]["p50_ms"]
    slower = min(to_server, rocksdb)
    append = results["append"]["mb_per_s"]
    replay = results["replay"]["mb_per_s"]
    many = results["append_1000_partitions"]["mb_per_s"]
    latency_ms = results["latency"]["p50_ms"]
    runs = {name: run for name, run in results.items() if name != "limits"}
    return [
        Figure("append 1 KiB, MB/s", append, 150, 250),
        Figure("  of the slower limit", append / slower, None, 0.6,
               share=True, note=f"{number(slower)} MB/s"),
        Figure("append 100 B, records/s", results["append_100"]["records_per_s"],
               None, 1.5e6),
        Figure("1,000 partitions, of 1", many / append, 0.6, 0.8,
               note=f"{number(many)} MB/s"),
        Figure("replay, of the raw stream", replay / to_client, 0.5, 0.75, share=True,
               note=f"{number(replay)} of {number(to_client)} MB/s"),
        Figure("one at a time, p50 ms", latency_ms, commit_ms + 0.4,
               commit_ms + 0.25, at_most=True,
               note=f"commit {number(commit_ms)} ms, "
                    f"{number(latency_ms - commit_ms)} more"),
        Figure("idle node, MB resident", results["append"]["server_rss_idle_mb"],
               60, None, at_most=True),
        Figure("written per byte appended", results["append"]["disk_bytes_per_byte"],
               None, 2.1, at_most=True),
        Figure("errors", sum(run["errors"] for run in runs.values()), 0, None,
               at_most=True),
    ]


def print_limits(name, results, load):
    limits = results["limits"]
    print(
        f"round {name}: load {load}; limits: "
        f"gRPC to server {limits['grpc_to_server']['mb_per_s']:.0f} MB/s, "
        f"to client {limits['grpc_to_client']['mb_per_s']:.0f} MB/s, "
        f"RocksDB {limits['rocksdb']['mb_per_s']:.0f} MB/s, "
        f"commit p50 {limits['commit']['p50_ms']:.2f} ms, "
        f"p99 {limits['commit']['p99_ms']:.2f} ms"
    )


def print_table(rounds):
    """`rounds` maps the name of a round to its figures."""
    row = "{:<27} {:<5} {:>10}  {:>12}  {:>12}  {:<8} {}"
    print(row.format("figure", "round", "measured", "floor", "goal", "met", "")
          .rstrip())
    for same in zip(*rounds.values()):
        for name, figure in zip(rounds, same):
            print(row.format(figure.name, name, number(figure.measured),
                             figure.bound(figure.floor), figure.bound(figure.goal),
                             figure.verdict(), figure.note).rstrip())


def main(folder):
    rounds = {}
    for path in sorted(entry for entry in Path(folder).iterdir() if entry.is_dir()):
        results = {
            file.stem: json.loads(file.read_text(encoding="utf-8"))
            for file in path.glob("*.json")
        }
        load = (path / "load").read_text(encoding="utf-8").strip()
        print_limits(path.name, results, load)
        rounds[path.name] = figures_of(results)
    print()
    print_table(rounds)
    missed = [
        same[0].name.strip()
        for same in zip(*rounds.values())
        if all(figure.verdict() == "NO" for figure in same)
    ]
    print()
    unclear = any(figure.verdict() == "unclear" for same in rounds.values()
                  for figure in same)
    if unclear:
        print("a limit was exceeded: measure again on an idle machine")
    print(f"floors missed: {', '.join(missed)}" if missed else "every floor holds")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
