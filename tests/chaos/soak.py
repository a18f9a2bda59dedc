"""Rows of faults for minutes or hours (soak.sh); prints and keeps figures."""

import argparse
import collections
import json
import pathlib
import random
import shutil
import sys
import time

from tests.chaos import cluster
from tests.chaos import rows
from tests.chaos import run as runs
from tests.chaos import tally

# How often a fault happens in one run of its row.
TIMES = {"F1": 12, "F2": 8, "F3": 8, "F4": 8, "F5-part-kill": 3, "F5-pause-kill": 3,
         "F6": 4, "F7": 2, "F8": 1, "F10": 1, "F11": 1, "F14": 1, "F18": 1,
         "F18-most-wiped": 1, "F21": 2, "F23": 40, "mix": 6}
# Runs that one cluster serves; its disks are small.
RUNS_OF_A_CLUSTER = 10
PAUSE_SECONDS = (1, 60)


def parse():
    parser = argparse.ArgumentParser(prog="soak.sh")
    parser.add_argument("--minutes", type=float, help="begin no run after that time")
    parser.add_argument("--runs", type=int, help="make so many runs")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the next has + 1")
    parser.add_argument("--row", choices=[*rows.ROWS, "mix"], help="only this one")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--rate", type=float, default=1.0, help="of the load; 1: the tests'")
    parser.add_argument("--output", type=pathlib.Path, required=True,
                        help="folder of results.jsonl and of what failed runs left")
    options = parser.parse_args()
    if options.minutes is None and options.runs is None:
        parser.error("one of --minutes and --runs is needed")
    return options


def fault_of(row, draws):
    """What a run of the row does, more often than in the test command."""
    if row == "mix":
        return lambda run: rows.mix(run, TIMES[row])
    if row == "F6":
        return lambda run: [rows.f6_paused_leader(run, 1, draws.choice(
            (1, 1, 2, 2, 3, 3, 5, draws.randint(*PAUSE_SECONDS)))) for _ in range(TIMES[row])]
    return lambda run: rows.ROWS[row](run, TIMES[row])


class Soak:
    def __init__(self, options):
        self.options = options
        self.results = []
        self.failures = []
        self.tally = tally.Tally()
        self._cluster = None
        self._folder = None
        self._served = 0

    def run(self):
        begin, number = time.monotonic(), 0
        options = self.options
        try:
            while ((options.minutes is None or time.monotonic() - begin < options.minutes * 60)
                   and (options.runs is None or number < options.runs)):
                self._run_one(options.seed + number)
                number += 1
        finally:
            self._drop()

    def _run_one(self, seed):
        draws = random.Random(seed)
        row = draws.choice([*rows.ROWS, "mix"])
        row = self.options.row or row
        try:
            if self._cluster is None:
                self._folder = self.options.output / f"from-{row}-{seed}"
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder.mkdir(parents=True)
                self._cluster = cluster.Cluster(self.options.nodes, self._folder)
                self._cluster.start()
            run = runs.Run(self._cluster, row, self._folder, seed,
                           rows.PARTITIONS.get(row, runs.PARTITIONS), self.options.rate)
            figures = run.execute(fault_of(row, draws))
        except Exception as error:  # pylint: disable=broad-except
            self._fail(row, seed, error)
            return
        print(runs.line(figures), flush=True)
        self.results.append(figures)
        self.tally.add(figures)
        with open(self.options.output / "results.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(figures) + "\n")
        self._served += 1
        if self._served == RUNS_OF_A_CLUSTER:
            self._drop()

    def _fail(self, row, seed, error):
        text = (f"FAILED: {row}, seed {seed}: {type(error).__name__}: {error}\n"
                f"again: tests/chaos/soak.sh --runs 1 --seed {seed} --row {row} "
                f"--nodes {self.options.nodes} --rate {self.options.rate}")
        print(text, flush=True)
        self.failures.append(text)
        self._folder = None  # What is left there tells more.
        self._drop()

    def _drop(self):
        if self._cluster:
            self._cluster.remove()
        if self._folder:
            shutil.rmtree(self._folder)
        self._cluster, self._folder, self._served = None, None, 0


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def report(soak):
    """The table of the README."""
    by_row = collections.defaultdict(list)
    for figures in soak.results:
        by_row[figures["row"]].append(figures)
    lines = ["| row | runs | faults | batches acknowledged during the fault | after "
             "| longest time without one, p50 / p99 / max, ms | new terms | anomalies |",
             "|---|---|---|---|---|---|---|---|"]
    for row, all_figures in sorted(by_row.items()):
        gaps = [gap for figures in all_figures for gap in figures["gaps_ms"]]
        shown = " / ".join(str(percentile(gaps, share)) for share in (0.5, 0.99, 1)) if gaps else ""
        sums = [sum(figures[name] for figures in all_figures)
                for name in ("faults", "during", "after")]
        lines.append(f"| {row} | {len(all_figures)} | " + " | ".join(f"{n:,}" for n in sums)
                     + f" | {shown} | {sum(f['terms'] for f in all_figures)} "
                     f"| {sum(f['anomalies'] for f in all_figures)} |")
    lines.append(f"acknowledged {sum(f['acknowledged'] for f in soak.results):,} batches, "
                 f"{sum(f['records'] for f in soak.results):,} records; "
                 f"{len(soak.failures)} failed runs")
    return "\n".join(lines)


def main():
    options = parse()
    options.output.mkdir(parents=True, exist_ok=True)
    soak = Soak(options)
    soak.run()
    print(report(soak))
    print(soak.tally.table())
    # A single row cannot show everything.
    zeros = [] if options.row else soak.tally.zeros()
    for zero in zeros:
        print(f"FAILED: nothing of: {zero}")
    for failure in soak.failures:
        print(failure)
    sys.exit(1 if soak.failures or zeros or not soak.results else 0)


if __name__ == "__main__":
    main()
