"""Goals of clusters with many partitions (scale.sh); prints and keeps figures."""

import argparse
import datetime
import json
import pathlib
import random
import tempfile
import time

from tests.chaos import cluster
from tests.chaos import many_partitions

SAMPLE = 200


def parse():
    parser = argparse.ArgumentParser(prog="scale.sh")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--partitions", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--idle-seconds", type=float, default=30)
    parser.add_argument("--up", type=int, default=1000, metavar="PARTITIONS",
                        help="how many a cluster comes up with; 0: not measured")
    parser.add_argument("--part", choices=["many", "up"], help="only this one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=pathlib.Path, help="file that gets a line of JSON")
    return parser.parse_args()


def rounded(seconds):
    return round(seconds, 2)


def measure_many(one, options):
    """Creation, cost at rest, and the death of the node that leads a share."""
    many = many_partitions.ManyPartitions(one, options.partitions)
    figures = {"partitions": options.partitions}
    begin = time.monotonic()
    created, figures["created_again"] = many.create()
    figures["created_s"] = rounded(created)
    many.await_leaders()
    figures["all_led_s"] = rounded(time.monotonic() - begin)
    figures["led_as_wanted"] = sum(
        len(many.led_by(each, preferred=True)) for each in one.nodes)
    many.await_balance()
    figures["balanced_s"] = rounded(time.monotonic() - begin)
    show("created", figures)
    figures["at_rest"] = many.cost_at_rest(options.idle_seconds)
    show("at rest", figures["at_rest"])
    figures["kills"] = [measure_kill(one, many, random.Random(options.seed + i))
                        for i in range(options.kills)]
    return figures


def measure_kill(one, many, draws):
    many.await_balance()
    victim = draws.choice(one.nodes)
    led = many.led_by(victim)
    sample = draws.sample(led, min(SAMPLE, len(led)))
    begin = time.monotonic()
    victim.kill()
    many.await_leaders()
    figures = {"groups": len(led), "all_led_s": rounded(time.monotonic() - begin)}
    many.append_to(sample)
    figures["sample_appended_s"] = rounded(time.monotonic() - begin)
    begin = time.monotonic()
    one.start_nodes([victim])
    figures["serves_again_s"] = rounded(time.monotonic() - begin)
    many.await_balance()
    figures["balanced_s"] = rounded(time.monotonic() - begin)
    show("killed", figures)
    return figures


def measure_up(one, options):
    """How soon a new topic, and a cluster that starts, take appends everywhere."""
    many = many_partitions.ManyPartitions(one, options.up)
    figures = {"partitions": options.up}
    begin = time.monotonic()
    many.create()
    many.append_to(many.all_partitions())
    figures["new_topic_s"] = rounded(time.monotonic() - begin)
    for name, end in (("after_kill_s", one.kill_all),
                      ("after_stop_s", lambda: [each.stop() for each in one.nodes])):
        end()
        begin = time.monotonic()
        one.start()
        serves = time.monotonic() - begin
        many.append_to(many.all_partitions())
        figures[name] = rounded(time.monotonic() - begin)
        figures[name.replace("after", "nodes_serve_after")] = rounded(serves)
    show("up", figures)
    return figures


def show(what, figures):
    print(f"{what}: {json.dumps(figures)}", flush=True)


def on_new_cluster(options, measure):
    with tempfile.TemporaryDirectory(prefix="kappa-scale-") as folder:
        one = cluster.Cluster(options.nodes, folder)
        try:
            one.start()
            return measure(one, options)
        except BaseException:
            print(one.logs(), flush=True)
            raise
        finally:
            one.remove()


def measure_all(options):
    figures = {"date": f"{datetime.datetime.now():%Y-%m-%d %H:%M}", "nodes": options.nodes}
    if options.part != "up" and options.partitions:
        figures["many"] = on_new_cluster(options, measure_many)
    if options.part != "many" and options.up:
        figures["up"] = on_new_cluster(options, measure_up)
    return figures


def main():
    options = parse()
    figures = measure_all(options)
    line = json.dumps(figures)
    print(line)
    if options.output:
        with open(options.output, "a", encoding="utf-8") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
