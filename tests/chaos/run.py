"""One run: load, faults, heal, progress, final reads, the checker's word."""

import collections
import json
import pathlib
import random
import shutil
import subprocess
import time

from tests.chaos import clients
from tests.chaos import cluster
from tests.chaos import feed

CHECKER = cluster.ROOT / "tests/checker/checker"

PARTITIONS = 4
BEFORE_BATCHES = 100
DURING_BATCHES = 500
AFTER_BATCHES = 500
LOAD_SECONDS_MAX = 60
PROGRESS_SECONDS_MAX = 30
# After that no answer arrives that was sent before a fault.
ARRIVE_US = 20_000
# A second, and what reading the clocks takes.
APPEND_TIME_ERROR_MS_MAX = 1200


class Failed(AssertionError):
    """What was promised does not hold."""


def share(parts):
    """Of what must be acknowledged during the faults, for one of so many parts."""
    return DURING_BATCHES // parts + 1


def check(history):
    """What the checker says about the file."""
    done = subprocess.run([CHECKER, history, "-o", "json"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise Failed(f"{history}: the checker cannot use it: {done.stderr}")
    return json.loads(done.stdout)


def line(figures):
    """The figures in one line, for a person."""
    outcomes = figures["outcomes"]
    gap = f", longest gap {max(figures['gaps_ms'])} ms" if figures["gaps_ms"] else ""
    return (f"{figures['row']}: {figures['faults']} faults, acknowledged {figures['during']:,} "
            f"batches during, {figures['after']:,} after, unknown "
            f"{outcomes['append_unknown']:,} (resolved {outcomes['resolved']:,}){gap}, "
            f"anomalies {figures['anomalies']} (seed {figures['seed']})")


class Run:
    """A row's name and a seed are also its topic; what it leaves is in `folder`."""

    def __init__(self, of, row, folder, seed, partitions=PARTITIONS, rate=1.0):
        self.cluster = of
        self.row = row
        self.topic = name = f"{row}-{seed}"
        self.seed = seed
        self.random = random.Random(f"{seed} {name}")
        self.partitions = range(partitions)
        self._rate = rate
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir(parents=True)
        self.clients = clients.Clients(of.addresses, name, partitions, self.folder, seed, rate)
        self.counts = collections.Counter()  # of what the faults did
        self.gaps_us = []
        # Rows set these: what must hold beside what every run must.
        self.expect_no_sdk_error = False
        self.expect_append_times = False
        self._events = []
        self._begin_us = self._heal_us = None

    @property
    def feed(self):
        return self.clients.feed

    # --- for the faults ---

    def load(self, batches):
        """Waits for so many more acknowledged batches, of a load like the tests';
        a heavier one takes as long and acknowledges more."""
        batches = round(batches * max(1, self._rate))
        wanted = self.feed.batches() + batches
        if not self.feed.wait_for(lambda: self.feed.batches() >= wanted, LOAD_SECONDS_MAX):
            raise Failed(f"{self.topic}: {batches} batches were not acknowledged within "
                         f"{LOAD_SECONDS_MAX} s, only {batches - wanted + self.feed.batches()}\n"
                         f"{self.clients.log()}\n{self.cluster.logs()}")

    def begin_fault(self, what):
        """Returns its time."""
        now = feed.now_us()
        self._events.append({"type": "fault", "time_us": now, "what": what})
        self._begin_us = self._begin_us or now
        self.counts["faults"] += 1
        return now

    def await_progress(self, since_us, partitions=None):
        """Until each of the partitions has acknowledged an append after that time."""
        wanted = set(self.partitions if partitions is None else partitions)

        def late():
            return [p for p in wanted if self.feed.last_us.get(p, 0) <= since_us]

        if not self.feed.wait_for(lambda: not late(), PROGRESS_SECONDS_MAX):
            raise Failed(f"{self.topic}: no append to partitions {late()} within "
                         f"{PROGRESS_SECONDS_MAX} s\n{self.clients.log()}\n{self.cluster.logs()}")

    def await_new_progress(self, partitions=None):
        """The same from now on, but for answers that are on their way."""
        self.await_progress(feed.now_us() + ARRIVE_US, partitions)

    def note_gap(self, since_us, partitions=None):
        """The longest time without an acknowledged append since then counts."""
        partitions = self.partitions if partitions is None else partitions
        self.gaps_us.append(self.feed.longest_gap_us(since_us, feed.now_us(), partitions))

    def leaders(self):
        """By partition, as of now."""
        return {p: self.cluster.leader(self.topic, p) for p in self.partitions}

    def led_by(self, node):
        return [p for p, leader in self.leaders().items() if leader is node]

    def any_leader(self):
        return self.cluster.leader(self.topic, self.random.choice(self.partitions))

    def hold(self, seconds):
        """The fault lasts that long."""
        self.feed.wait_for(lambda: False, seconds)

    def hold_until(self, time_us):
        self.hold(max(0, time_us - feed.now_us()) / 1_000_000)

    # --- the whole ---

    def execute(self, fault, keep=False):
        """Calls fault(self), which causes faults and heals them; returns the figures.

        What a run left stays when it failed, or with `keep`.
        """
        try:
            self.cluster.create_topic(self.topic, len(self.partitions))
            self.clients.start()
            self.load(BEFORE_BATCHES)
            self.await_progress(0)
            terms = self.cluster.terms(self.topic)
            fault(self)
            self._heal()
            self.counts["terms"] = sum(self.cluster.terms(self.topic)) - sum(terms)
            self.clients.stop()
        except BaseException:
            self.clients.end()
            raise
        self.clients.read_all_nodes()
        figures = self._figures(check(self.history()))
        self._judge(figures)
        if not keep:
            shutil.rmtree(self.folder)
        return figures

    def _heal(self):
        self._heal_us = feed.now_us()
        self._events.append({"type": "heal", "time_us": self._heal_us,
                             "within_us": PROGRESS_SECONDS_MAX * 1_000_000})
        self.await_progress(self._heal_us)
        self.load(AFTER_BATCHES)

    def history(self):
        """All parts as one file; they need not be in order of time."""
        path = self.folder / "history.jsonl"
        with open(path, "wb") as whole:
            for part in self.clients.parts():
                with open(part, "rb") as file:
                    shutil.copyfileobj(file, whole)
            for event in self._events:
                whole.write(json.dumps(event).encode() + b"\n")
        return path

    def _figures(self, report):
        counts = self.feed.counts
        return {
            "row": self.row, "seed": self.seed, **self.counts,
            "acknowledged": self.feed.batches(), "records": self.feed.records,
            "during": self.feed.count_between(self._begin_us, self._heal_us),
            "after": self.feed.count_between(self._heal_us, feed.now_us()),
            "sdk_errors": self._sdk_errors(),
            "gaps_ms": [round(gap / 1000) for gap in self.gaps_us],
            "outcomes": {outcome.name.lower(): counts[outcome] for outcome in feed.Outcome},
            "anomalies": report["anomalies_total"], "anomaly_names": report["counts"],
            "evidence": report["anomalies"][:5],
        }

    def _sdk_errors(self):
        """Appends through the SDK that were not acknowledged."""
        errors = []
        for role in ("producer", "session"):
            for text in (self.folder / f"{role}.part").read_text(encoding="utf-8").splitlines():
                event = json.loads(text)
                if event["type"] in ("fail", "unknown"):
                    errors.append(event["reason"])
        return collections.Counter(errors)

    def _append_time_error_us(self):
        """How far an append time was outside of its call, at most."""
        wall_us = time.time_ns() // 1000 - feed.now_us()
        # A repetition is answered with the time of the first attempt.
        first, begun, worst = {}, {}, 0
        for text in self.history().read_text(encoding="utf-8").splitlines():
            event = json.loads(text)
            if event["type"] == "invoke" and "values" in event:
                time_us = event["time_us"] + wall_us
                begun[event["op"]] = first.setdefault(event["values"][0], time_us)
            elif event["type"] == "ok" and "append_time_us" in event:
                told = event["append_time_us"]
                worst = max(worst, begun[event["op"]] - told, told - event["time_us"] - wall_us)
        return worst

    def _judge(self, figures):
        faults = []
        if self.expect_no_sdk_error and figures["sdk_errors"]:
            faults.append(f"the SDK's clients saw errors: {figures['sdk_errors']}")
        if self.expect_append_times:
            figures["append_time_error_ms"] = self._append_time_error_us() // 1000
            if figures["append_time_error_ms"] > APPEND_TIME_ERROR_MS_MAX:
                faults.append(f"append times off by {figures['append_time_error_ms']} ms")
        if figures["anomalies"]:
            faults.append(f"{figures['anomalies']} anomalies: {figures['anomaly_names']} "
                          f"{json.dumps(figures['evidence'], indent=1)}")
        if figures["outcomes"]["unexpected"]:
            faults.append(f"{figures['outcomes']['unexpected']} answers that nothing explains:\n"
                          f"{self.clients.log()}")
        if figures["during"] < DURING_BATCHES:
            faults.append(f"{figures['during']} batches acknowledged during the fault")
        if figures["after"] < AFTER_BATCHES:
            faults.append(f"{figures['after']} batches acknowledged after it")
        if faults:
            raise Failed(f"{self.topic}, seed {self.seed}, history {self.folder}: "
                         + "\n".join(faults))
