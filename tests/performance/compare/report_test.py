"""What the comparison says of figures made up by hand."""

import unittest
from xml.etree import ElementTree

from tests.performance.compare import plot
from tests.performance.compare import report
from tests.performance.compare import rows
from tests.python import cases

SYSTEMS = ["kappa", "kafka", "kafka-synced", "nats", "nats-synced"]
LIMITS = {
    "grpc_to_server": {"mb_per_s": 1500, "cpu_s_per_gb": 1.0},
    "grpc_to_client": {"mb_per_s": 1000, "cpu_s_per_gb": 1.0},
    "rocksdb": {"mb_per_s": 500, "cpu_s_per_gb": 1.4},
    "commit": {"p50_ms": 0.25},
    "disk_three_writers": {"mb_per_s": 300},
    "grpc_round_trip": {"p50_ms": 0.1},
    "loopback_tcp": {"mb_per_s": 3000},
}


def system(scale):
    """Every figure of a system, `scale` times as good as another's."""
    append = {"records_per_s": 50_000 * scale, "mb_per_s": 51.2 * scale,
              "cpu_s_per_gb": 20 / scale, "written_per_byte": 2.0, "memory_max_mb": 400}
    latency = {"p50_ms": 2 / scale, "p99_ms": 8 / scale, "records_per_s": 20_000}
    replay = {"mb_per_s": 400 * scale, "read_per_byte": 0.1}
    figures = {row.name: dict(append) for row in rows.ROWS if row.name.startswith("max")}
    figures |= {row.name: append | {"seals": 4} for row in rows.ROWS
                if row.seals or row.name == "zstd"}
    figures |= {row.name: dict(latency) for row in rows.ROWS if row.name.startswith("rate")}
    figures |= {"one": latency, "replay": replay, "replay_10": dict(replay),
                "replay_disk": dict(replay),
                "idle": {"idle_mb": 40},
                "live": {"p99_ms": 8, "times": 1.5, "replays_mb_per_s": 400 * scale,
                         "one_reader_mb_per_s": 400 * scale}}
    return figures


def results(kappa, rounds=1):
    return {number: {"limits": LIMITS, "kappa": system(kappa), "kafka": system(1),
                     "kafka-synced": system(0.5), "nats": system(0.9),
                     "nats-synced": system(0.6)} for number in range(1, rounds + 1)}


def met(lines, start):
    found = [is_met for title, is_met, _ in lines if title.startswith(start)]
    assert len(found) == 1, (start, lines)
    return found[0]


class ReportTest(unittest.TestCase):
    def test_floors_compare_with_the_best_synced_peer(self):
        self.assertTrue(all(is_met for _, is_met, _ in report.floors(results(0.7))))
        self.assertFalse(any(is_met for _, is_met, _ in report.floors(results(0.55))))
        self.assertTrue(report.judge(results(0.7), lambda line: None))
        self.assertFalse(report.judge(results(0.55), lambda line: None))

    def test_goals_compare_with_peers_as_they_come(self):
        self.assertTrue(met(report.goals(results(2.2)), "1 KiB, 2 x"))
        self.assertFalse(met(report.goals(results(1.9)), "1 KiB, 2 x"))
        self.assertTrue(met(report.goals(results(2.2)), "20,000/s"))
        self.assertFalse(met(report.goals(results(1.9)), "20,000/s"))

    def test_a_peer_below_the_rate_has_no_figure_at_it(self):
        slow = results(1.5)
        slow[1]["nats"]["rate_20k"] = {"p99_ms": 0.1, "records_per_s": 16_000}
        self.assertFalse(met(report.goals(slow), "20,000/s"))  # Kafka's is 8 ms
        slow[1]["kafka"]["rate_20k"]["records_per_s"] = 100
        self.assertTrue(met(report.goals(slow), "20,000/s"))
        slow[1]["kappa"]["rate_20k"]["records_per_s"] = 18_000
        self.assertFalse(met(report.goals(slow), "20,000/s"))

    def test_seals_and_round_trips_are_judged_as_measured(self):
        found = report.goals(results(2))
        self.assertTrue(met(found, "  seals within"))
        self.assertTrue(met(found, "written per replica and byte, with"))
        # 0.25 + 2 x 0.1 + 0.15 ms.
        text = [line[2] for line in found if line[0].startswith("one at a time, commit")]
        self.assertEqual(text, ["1.00 <= 0.60"])

    def test_the_ceiling_is_what_cores_or_disk_allow(self):
        # 3 hops, 3 stores and the hashes: 8.08 CPU-seconds a GB on two cores.
        self.assertAlmostEqual(report.ceiling_mb_per_s(LIMITS), 2000 / 8.08, places=3)
        slow = LIMITS | {"disk_three_writers": {"mb_per_s": 100}}
        self.assertEqual(report.ceiling_mb_per_s(slow), 100)

    def test_a_peer_that_was_not_measured_is_no_floor_that_holds(self):
        lacks = results(5)
        del lacks[1]["kafka-synced"]["one"], lacks[1]["nats-synced"]["one"]
        self.assertFalse(report.judge(lacks, lambda line: None))
        self.assertEqual(len(report.lacking(lacks, SYSTEMS, rows.ROWS)), 2)

    def test_a_run_counts_with_three_rounds_and_every_row_of_all_systems(self):
        said = []
        self.assertTrue(report.counts(results(1, rounds=3), said.append))
        self.assertTrue(said.pop().startswith("this run counts: 3 rounds of kappa, kafka,"))
        self.assertFalse(report.counts(results(1, rounds=2), said.append))
        self.assertEqual(said.pop(), "this run does not count: rounds: 2, not 3")
        no_peer = results(1, rounds=3)
        no_peer[2]["nats"] = {}
        self.assertFalse(report.counts(no_peer, said.append))
        self.assertIn("round 2 nats max_1k,", said.pop())
        no_figure = results(1, rounds=3)
        no_figure[3]["kafka"]["live"]["p99_ms"] = None
        self.assertFalse(report.counts(no_figure, said.append))
        self.assertEqual(said.pop(), "this run does not count: not measured: round 3 kafka live")

    def test_the_median_of_the_rounds_counts(self):
        three = results(1, rounds=3)
        for number, value in ((1, 10), (2, 500), (3, 20)):
            three[number]["kappa"]["replay"] = {"mb_per_s": value}
        self.assertEqual(report.middle(three, "kappa", "replay", "mb_per_s"), 20)
        table = report.table(three, SYSTEMS, rows.ROWS)
        self.assertIn("10.0 / 20.0 / 500", table)

    def test_the_plot_names_each_system(self):
        drawn = plot.draw(results(2), SYSTEMS)
        for name in SYSTEMS:
            self.assertIn(f">{name}<", drawn)
        self.assertNotIn("<line", drawn)

    def test_the_plot_draws_the_range_of_the_rounds(self):
        three = results(1, rounds=3)
        for number, rate in ((1, 25_000), (2, 100_000), (3, 50_000)):
            three[number]["kappa"]["max_1k"] = {"records_per_s": rate}
        drawn = ElementTree.fromstring(plot.draw(three, ["kappa"]))
        bar = drawn.findall("{*}rect")[1]
        line = drawn.find("{*}line")
        left = int(bar.get("x"))
        whole = int(line.get("x2")) - left
        self.assertEqual(int(bar.get("width")), whole // 2)
        self.assertEqual(int(line.get("x1")) - left, whole // 4)
        self.assertIn("50.0", [text.text for text in drawn.findall("{*}text")])


if __name__ == "__main__":
    cases.main()
