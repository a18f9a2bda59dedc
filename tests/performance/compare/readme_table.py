"""README's table of a comparison: every figure beside the goal it is judged by."""

import dataclasses

from tests.performance.compare import report

COLUMNS = {"kappa": "Kappa", "kafka": "Kafka", "kafka-synced": "Kafka, synced",
           "nats": "NATS", "nats-synced": "NATS, synced"}
# README holds the table between these lines.
BEGIN, END = "<!-- comparison: begin -->", "<!-- comparison: end -->"

FLOOR = "floor"


@dataclasses.dataclass(frozen=True)
class Line:
    title: str
    row: str
    figure: str
    # What the table calls a goal -> its title in report.goals or report.floors.
    goals: dict = dataclasses.field(default_factory=dict)


LINES = (
    Line("1 KiB, maximum, records/s", "max_1k", "records_per_s",
         {"2 × best": "1 KiB, 2 x best peer", "3.5 × synced": "1 KiB, 3.5 x best synced",
          "75 % of the ceiling, MB/s": "1 KiB, MB/s, 75 % of the ceiling",
          FLOOR: "floor: max_1k, best synced peer"}),
    Line("the same, 6 partitions", "max_1k_6", "records_per_s"),
    Line("the same, 100 partitions", "max_1k_100", "records_per_s"),
    Line("the same, 1,000 partitions", "max_1k_1000", "records_per_s",
         {"of one": "1,000 partitions against 1"}),
    Line("100 B, records/s", "max_100", "records_per_s",
         {"2 × best": "100 B, 2 x best peer", FLOOR: "floor: max_100, best synced peer"}),
    Line("1 KiB of text, zstd, records/s", "zstd", "records_per_s"),
    Line("10 KiB, MB/s", "max_10k", "mb_per_s"),
    Line("1 MiB, MB/s", "max_1m", "mb_per_s"),
    Line("one at a time, p50, ms", "one", "p50_ms",
         {"0.6 × synced": "one at a time, 0.6 x best synced",
          "commit, two round trips, 0.15":
              "one at a time, commit + 2 stream round trips + 0.15 ms",
          FLOOR: "floor: one, best synced peer"}),
    Line("the same, p99, ms", "one", "p99_ms"),
    Line("p50 at 5,000/s, ms", "rate_5k", "p50_ms"),
    Line("p99 at 5,000/s, ms", "rate_5k", "p99_ms"),
    Line("p99.9 at 5,000/s, ms", "rate_5k", "p999_ms"),
    Line("p50 at 10,000/s, ms", "rate_10k", "p50_ms"),
    Line("p99 at 10,000/s, ms", "rate_10k", "p99_ms"),
    Line("p99.9 at 10,000/s, ms", "rate_10k", "p999_ms"),
    Line("rate reached then", "rate_10k", "records_per_s"),
    Line("p50 at 20,000/s, ms", "rate_20k", "p50_ms"),
    Line("p99 at 20,000/s, ms", "rate_20k", "p99_ms",
         {"half of the best": "20,000/s, p99, 1/2 of the best peer as it comes",
          FLOOR: "floor: rate_20k, best synced peer"}),
    Line("p99.9 at 20,000/s, ms", "rate_20k", "p999_ms"),
    Line("rate reached then", "rate_20k", "records_per_s"),
    Line("p50 at 40,000/s, ms", "rate_40k", "p50_ms"),
    Line("p99 at 40,000/s, ms", "rate_40k", "p99_ms"),
    Line("p99.9 at 40,000/s, ms", "rate_40k", "p999_ms"),
    Line("rate reached then", "rate_40k", "records_per_s"),
    Line("replay, one reader, MB/s", "replay", "mb_per_s",
         {"1.7 × best": "replay, 1.7 x best peer",
          "75 % of the raw stream": "replay, 75 % of the raw stream",
          FLOOR: "floor: replay, best synced peer"}),
    Line("replay from disk, MB/s", "replay_disk", "mb_per_s"),
    Line("ten readers, sum, MB/s", "replay_10", "mb_per_s",
         {"one alone": "ten readers, one alone"}),
    Line("read per byte sent", "replay_10", "read_per_byte",
         {"": "ten readers, read per byte"}),
    Line("p99 at 10,000/s beside ten replays, ms", "live", "p99_ms"),
    Line("times p99 alone", "live", "times", {"": "live beside replays, times"}),
    Line("the ten replays then, MB/s", "live", "replays_mb_per_s",
         {"half of one alone": "  the replays then, half of one alone"}),
    Line("1 KiB with seals, records/s", "seals", "records_per_s"),
    Line("segments sealed then", "seals", "seals", {"": "  seals within that run"}),
    Line("1,000 partitions with seals, records/s", "seals_1000", "records_per_s",
         {"of one": "1,000 partitions against 1, seals included"}),
    Line("written per replica and byte", "max_1k", "written_per_byte",
         {"": "written per replica and byte, before a seal"}),
    Line("with seals", "seals", "written_per_byte",
         {"": "written per replica and byte, with seals"}),
    Line("with seals, 1,000 partitions", "seals_1000", "written_per_byte"),
    Line("CPU-s/GB, nodes and client, 1 KiB", "max_1k", "cpu_s_per_gb",
         {"": "CPU-s per GB"}),
    Line("a node's memory then, MB", "max_1k", "memory_max_mb",
         {"all rows": "memory at maximum, MB, most of all rows"}),
    Line("idle, MB", "idle", "idle_mb", {"": "memory idle, MB"}),
)


def _goal(label, title, judged):
    met, text = judged[title]
    if label == FLOOR and met:
        return "floor held"
    for sign, true, false in ((">=", "≥", "<"), ("<=", "≤", ">")):
        text = text.replace(sign, true if met else false)
    parts = ([f"{label}:"] if label else []) + [text] + (["**missed**"] if met is False else [])
    return " ".join(parts)


def verdicts(runs):
    """Markdown: what each run says of every goal and floor, the last one right."""
    judged = [{title: (met, text)
               for title, met, text in report.floors(results) + report.goals(results)}
              for results in runs]
    lines = ["| goal, medians of the rounds | " +
             " | ".join(f"run {i + 1}" for i in range(len(runs))) + " |",
             "|---" * (len(runs) + 1) + "|"]
    for title in judged[-1]:
        cells = [_goal("", title, one) for one in judged]
        lines.append(f"| {title.strip()} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown(runs, settings):
    """What README holds of the recorded runs: the table of the last one, how the
    systems were set, then what each run says of the goals."""
    return "\n\n".join((table(runs[-1]), settings, verdicts(runs)))


def table(results):
    """Markdown; rounds as minimum / median / maximum."""
    judged = {title: (met, text)
              for title, met, text in report.floors(results) + report.goals(results)}
    lines = ["| figure | " + " | ".join(COLUMNS.values()) + " | goal |",
             "|---" * (len(COLUMNS) + 2) + "|"]
    for line in LINES:
        cells = [report.cell(results, system, line.row, line.figure) for system in COLUMNS]
        goals = "; ".join(_goal(label, title, judged) for label, title in line.goals.items())
        lines.append(f"| {line.title} | " + " | ".join(cells) + f" | {goals} |")
    return "\n".join(lines + ["", f"Limits: {report.limits(results)}."])


def replaced_in(text, new):
    """`text`, with what stands between the lines BEGIN and END replaced by `new`.

    ValueError: it has not each of them once, in this order."""
    before, begin, rest = text.partition(BEGIN + "\n")
    _, end, after = rest.partition(END + "\n")
    if not begin or not end or BEGIN in after or END in after:
        raise ValueError(f"not once each: {BEGIN} {END}")
    return before + begin + new + "\n" + end + after
