"""Every command of `kappa` against a real server."""

import csv
import datetime
import fcntl
import hashlib
import io
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

from tests.conformance import kappad
from tests.python import cases

KAPPA = os.path.abspath("client/cli/kappa")
DONE, REFUSED, WRONG_USAGE, NO_SERVER = 0, 1, 2, 3


class Outcome:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr


def run(*words, server=None, stdin="", text=True):
    environment = dict(os.environ)
    environment.pop("KAPPA_SERVER", None)
    if server:
        environment["KAPPA_SERVER"] = server
    return Outcome(subprocess.run(
        [KAPPA, *words], input=stdin, text=text, capture_output=True,
        timeout=60, env=environment, check=False))


class WithoutServerTest(unittest.TestCase):

    def test_no_server_is_exit_code_3_and_says_what_to_do(self):
        outcome = run("--server", "127.0.0.1:1", "topic", "list")
        self.assertEqual(outcome.code, NO_SERVER)
        self.assertIn("127.0.0.1:1", outcome.err)
        self.assertIn("kappad --dev", outcome.err)

    def test_wrong_arguments_are_exit_code_2_and_are_named(self):
        table = [
            ((), "subcommand"),
            (("frobnicate",), "frobnicate"),
            (("topic",), "subcommand"),
            (("topic", "create"), "name"),
            (("topic", "create", "t", "--partitions", "many"), "--partitions"),
            (("topic", "create", "t", "--partitions", "0"), "--partitions"),
            (("topic", "create", "t", "--label", "x"), "NAME=VALUE"),
            (("topic", "create", "t", "--compression", "gzip"), "gzip"),
            (("topic", "list", "-o", "xml"), "xml"),
            (("topic", "describe"), "name"),
            (("topic", "update"), "name"),
            (("topic", "delete", "t"), "--yes"),
            (("topic", "add-partitions", "t"), "--partitions"),
            (("append",), "topic"),
            (("append", "t", "/no/such/file"), "/no/such/file"),
            (("append", "t", "--format", "xml"), "xml"),
            (("append", "t", "--key-field", "k"), "--key-field"),
            (("append", "t", "--allow-missing-key"), "--key-field"),
            (("append", "t", "--compression", "gzip"), "gzip"),
            (("append", "t", "--batch-bytes", "0"), "--batch-bytes"),
            (("append", "t", "--linger-ms", "-1"), "--linger-ms"),
            (("append", "t", "--partition", "-1"), "--partition"),
            (("replay",), "topic"),
            (("replay", "t", "--from", "soon"), "soon"),
            (("replay", "t", "--from", "0:1,x"), '"x"'),
            (("replay", "t", "--from", "0:1,0:2"), "named twice"),
            (("replay", "t", "--from", "0:1", "--partition", "1"),
             "partition 1"),
            (("replay", "t", "--partition", "0,0"), "named twice"),
            (("replay", "t", "--to", "beginning"), "beginning"),
            (("replay", "t", "--follow", "--to", "5"), "--to"),
            (("replay", "t", "-o", "xml"), "xml"),
            (("offsets",), "topic"),
            (("offsets", "t", "--at-time", "noon"), "noon"),
            (("producer",), "subcommand"),
            (("producer", "open", "p"), "--topic"),
            (("producer", "describe", "--topic", "t"), "name"),
            (("bench",), "subcommand"),
            (("bench", "append", "--record-bytes", "0"), "--record-bytes"),
            (("bench", "latency", "--rate", "fast"), "--rate"),
            (("bench", "replay", "--readers", "0"), "--readers"),
            (("bench", "replay", "--bytes", "0"), "--bytes"),
            (("scrub",), "subcommand"),
            (("scrub", "status", "-o", "xml"), "xml"),
            (("completion",), "shell"),
            (("completion", "tcsh"), "tcsh"),
            (("version", "now"), "now"),
            (("--server", "nowhere", "topic", "list"), "nowhere"),
        ]
        for words, named in table:
            with self.subTest(" ".join(words)):
                outcome = run(*words)
                self.assertEqual(outcome.code, WRONG_USAGE, outcome.err)
                self.assertIn(named, outcome.out + outcome.err)

    def test_help_is_no_error(self):
        for words in ((), ("topic",), ("append",), ("replay",), ("bench",),
                      ("local",), ("local", "up")):
            outcome = run(*words, "--help")
            self.assertEqual(outcome.code, DONE)
            self.assertIn("--help", outcome.out)

    def test_version(self):
        outcome = run("version")
        self.assertEqual(outcome.code, DONE)
        self.assertRegex(outcome.out, r"^kappa \d+\.\d+\.\d+\n$")

    def test_completion_scripts_know_every_command(self):
        for shell in ("bash", "zsh", "fish"):
            script = run("completion", shell).out
            for word in ("topic", "add-partitions", "replay", "--follow",
                         "bench", "latency", "--rate", "completion"):
                self.assertIn(word, script)

    def test_fish_offers_no_files_where_a_command_is_due(self):
        for line in run("completion", "fish").out.splitlines():
            if "kappa/topic (" in line:
                self.assertIn("-f -a 'create list", line)
            elif "kappa/append (" in line:
                self.assertNotIn(" -f ", line)

    def test_zsh_answers_the_completion_that_loads_the_script(self):
        self.assertTrue(run("completion", "zsh").out.endswith(
            "[[ ${funcstack[1]} != _kappa ]] ||\n"
            "  _bash_complete -o filenames -F _kappa\n"))

    def test_bash_completes(self):
        script = run("completion", "bash").out + (
            'COMP_WORDS=(kappa topic de) COMP_CWORD=2; _kappa\n'
            'echo "${COMPREPLY[@]}"\n')
        done = subprocess.run(["bash", "-c", script], text=True,
                              capture_output=True, check=True)
        self.assertEqual(sorted(done.stdout.split()), ["delete", "describe"])


class CliTest(kappad.KappadTestCase):

    def kappa(self, *words, stdin="", text=True):
        return run(*words, server=self.server.address, stdin=stdin, text=text)

    def succeed(self, *words, stdin=""):
        outcome = self.kappa(*words, stdin=stdin)
        self.assertEqual(outcome.code, DONE, outcome.err)
        return outcome.out

    def rows(self, *words):
        return json.loads(self.succeed(*words, "-o", "json"))

    def jsonl(self, *words):
        return [json.loads(line) for line in
                self.succeed("replay", *words, "-o", "jsonl").splitlines()]

    def test_topic_life(self):
        created = self.succeed(
            "topic", "create", "life", "--partitions", "2", "--description",
            "a topic", "--label", "team=blue", "--compression", "zstd")
        self.assertIn("Created topic life with 2 partitions", created)
        again = self.succeed(
            "topic", "create", "life", "--partitions", "2", "--description",
            "a topic", "--label", "team=blue", "--compression", "zstd")
        self.assertIn("Found topic life", again)
        topic = self.rows("topic", "describe", "life")
        self.assertEqual(topic["partitions"], 2)
        self.assertEqual(topic["labels"], {"team": "blue"})
        self.assertEqual(topic["accepted_compressions"], "zstd")
        self.assertTrue(topic["deletion_protection"])
        self.assertIn("life", [t["name"] for t in
                               self.rows("topic", "list", "--prefix", "li")])
        refused = self.kappa("topic", "delete", "life", "--yes")
        self.assertEqual(refused.code, REFUSED)
        self.assertIn("DELETION_PROTECTED", refused.err)
        self.assertIn("--deletion-protection false", refused.err)
        grown = self.rows("topic", "add-partitions", "life",
                          "--partitions", "3")
        self.assertEqual(grown["partitions"], 3)
        changed = self.rows("topic", "update", "life",
                            "--deletion-protection", "false",
                            "--description", "soon gone")
        self.assertEqual(changed["description"], "soon gone")
        self.assertEqual(changed["labels"], {"team": "blue"})
        self.assertIn("Deleted topic life",
                      self.succeed("topic", "delete", "life", "--yes"))
        gone = self.kappa("topic", "describe", "life")
        self.assertEqual(gone.code, REFUSED)
        self.assertIn("TOPIC_NOT_FOUND", gone.err)
        self.assertIn("life", gone.err)

    def test_refusals_are_exit_code_1_with_reason_and_name(self):
        self.succeed("topic", "create", "taken")
        table = [
            (("topic", "create", "taken", "--partitions", "9"), "TOPIC_EXISTS"),
            (("topic", "create", "a/b"), "INVALID_NAME"),
            (("topic", "create", "big", "--partitions", "10001"),
             "LIMIT_EXCEEDED"),
            (("topic", "create", "far", "--replicas", "2"), "TOO_FEW_NODES"),
            (("append", "missing"), "TOPIC_NOT_FOUND"),
            (("replay", "missing"), "TOPIC_NOT_FOUND"),
            (("offsets", "missing"), "TOPIC_NOT_FOUND"),
            (("offsets", "taken", "--partition", "7"), "PARTITION_NOT_FOUND"),
            (("replay", "taken", "--from", "5"), "OFFSET_OUT_OF_RANGE"),
            (("producer", "describe", "nobody", "--topic", "taken"),
             "PRODUCER_NOT_FOUND"),
            (("producer", "open", "a/b", "--topic", "taken"), "INVALID_NAME"),
        ]
        for words, reason in table:
            with self.subTest(" ".join(words)):
                outcome = self.kappa(*words, stdin="x\n")
                self.assertEqual(outcome.code, REFUSED, outcome.err)
                self.assertIn(reason, outcome.err)

    def test_lines_come_back_as_they_went(self):
        self.succeed("topic", "create", "lines")
        lines = ["one", "", "three with spaces ", "grün"]
        summary = self.rows_of_append("lines", "\n".join(lines) + "\n")
        self.assertEqual(summary["records"], 4)
        self.assertEqual(self.succeed("replay", "lines", "-o", "raw"),
                         "\n".join(lines) + "\n")
        table = self.succeed("replay", "lines").splitlines()
        self.assertRegex(table[0], r"PARTITION +OFFSET +APPEND_TIME +KEY +VALUE")
        self.assertEqual(len(table), 5)

    def rows_of_append(self, topic, text, *words):
        outcome = self.kappa("append", topic, "-o", "json", *words, stdin=text)
        self.assertEqual(outcome.code, DONE, outcome.err)
        return json.loads(outcome.out)

    def test_csv_goes_in_and_comes_out(self):
        self.succeed("topic", "create", "table", "--partitions", "4")
        text = 'id,when,note\r\na,2016/01/01 00:30:04.91,"x, ""y"""\r\nb,,\r\n'
        self.rows_of_append(
            "table", text, "--format", "csv", "--key-field", "id",
            "--time-field", "when", "--time-format", "%Y/%m/%d %H:%M:%S")
        rows = list(csv.DictReader(io.StringIO(
            self.succeed("replay", "table", "-o", "csv"))))
        rows.sort(key=lambda row: row["key"])
        self.assertEqual([row["key"] for row in rows], ["a", "b"])
        self.assertEqual(rows[0]["event_time"], "2016-01-01T00:30:04.910000Z")
        self.assertEqual(rows[1]["event_time"], "")
        self.assertEqual(json.loads(rows[0]["value"]), {
            "id": "a", "when": "2016/01/01 00:30:04.91", "note": 'x, "y"'})

    def test_json_lines_with_key_and_time(self):
        self.succeed("topic", "create", "objects")
        lines = ['{"id":7,"at":1451606400,"v":[1]}', '{"id":"x","v":null}']
        self.rows_of_append(
            "objects", "\n".join(lines), "--format", "jsonl", "--key-field",
            "id", "--time-field", "at", "--time-format", "unix",
            "--compression", "zstd")
        records = self.jsonl("objects")
        self.assertEqual([r["key"] for r in records], ["7", "x"])
        self.assertEqual([r["value"] for r in records], lines)
        self.assertIn(lines[0], self.succeed("replay", "objects"))
        self.assertEqual(records[0]["event_time"],
                         "2016-01-01T00:00:00.000000Z")
        self.assertNotIn("event_time", records[1])
        self.assertEqual([r["offset"] for r in records], [0, 1])

    def test_a_json_line_without_its_key_is_an_error_unless_allowed(self):
        self.succeed("topic", "create", "keyless")
        text = '{"id":1}\n{"it":2}\n{"id":null}\n{"id":""}\n'
        words = ("append", "keyless", "--format", "jsonl", "--key-field", "id")
        refused = self.kappa(*words, stdin=text)
        self.assertEqual(refused.code, WRONG_USAGE)
        self.assertIn('standard input: line 2: no "id" for the key',
                      refused.err)
        self.assertIn("--allow-missing-key", refused.err)
        self.assertIn("--skip 1", refused.err)
        self.succeed(*words, "--allow-missing-key", "--skip", "1", stdin=text)
        self.assertEqual([r.get("key") for r in self.jsonl("keyless")],
                         ["1", None, None, ""])

    def test_bad_input_names_the_line_and_keeps_what_stood_before(self):
        self.succeed("topic", "create", "bad-input")
        outcome = self.kappa("append", "bad-input", "--format", "jsonl",
                             stdin='{"a":1}\nnot json\n{"a":2}\n')
        self.assertEqual(outcome.code, WRONG_USAGE)
        self.assertIn("line 2", outcome.err)
        self.assertIn("--skip 1", outcome.err)
        self.assertEqual(self.succeed("replay", "bad-input", "-o", "raw"),
                         '{"a":1}\n')
        for text, named in (("a,b\n1\n", "line 2"), ("", "no header"),
                            ('a\n"x\n', "line 2")):
            outcome = self.kappa("append", "bad-input", "--format", "csv",
                                 stdin=text)
            self.assertEqual(outcome.code, WRONG_USAGE)
            self.assertIn(named, outcome.err)
        missing = self.kappa("append", "bad-input", "--format", "csv",
                             "--key-field", "k", stdin="a,b\n1,2\n")
        self.assertEqual(missing.code, WRONG_USAGE)
        self.assertIn('"k"', missing.err)

    def test_replay_from_to_and_filters(self):
        self.succeed("topic", "create", "range")
        text = "".join(f'{{"k":"{"ab"[i % 2]}{i}"}}\n' for i in range(20))
        self.rows_of_append("range", text, "--format", "jsonl",
                            "--key-field", "k")
        offsets = lambda *words: [r["offset"] for r in
                                  self.jsonl("range", *words)]
        self.assertEqual(offsets("--from", "5", "--to", "8"), [5, 6, 7])
        self.assertEqual(offsets("--from", "end"), [])
        self.assertEqual(offsets("--records", "3"), [0, 1, 2])
        self.assertEqual(offsets("--key", "b7"), [7])
        self.assertEqual(offsets("--key-prefix", "a", "--to", "5"), [0, 2, 4])
        self.assertEqual(offsets("--from", "2000-01-01T00:00:00Z", "--to",
                                 "2"), [0, 1])
        self.assertEqual(offsets("--from", "2200-01-01T00:00:00Z"), [])
        # A past time is not waited for.
        self.assertEqual(offsets("--to", "2000-01-01T00:00:00Z"), [])
        now = datetime.datetime.now(datetime.timezone.utc)
        self.assertEqual(len(offsets("--to", now.isoformat())), 20)

    def test_offsets_tell_the_ends(self):
        self.succeed("topic", "create", "ends", "--partitions", "2")
        self.rows_of_append("ends", "x\ny\n", "--partition", "1")
        rows = self.rows("offsets", "ends")
        self.assertEqual([row["end_offset"] for row in rows], [0, 2])
        self.assertEqual(rows[0]["last_append_time"], "-")
        at = self.rows("offsets", "ends", "--partition", "1", "--at-time",
                       rows[1]["last_append_time"])
        self.assertEqual(len(at), 1)
        self.assertLessEqual(at[0]["offset_at_time"], 1)
        self.assertIn("CHAIN_DIGEST".lower(),
                      self.succeed("offsets", "ends").splitlines()[0].lower())

    def test_scrub_tells_what_it_read(self):
        self.succeed("topic", "create", "scrubbed")
        self.succeed("append", "scrubbed", stdin="a\nb\n")
        wanted = self.rows("scrub", "start")["pass"]
        # As long as it reads on: other tests left as much as they were fast.
        deadline, read = time.monotonic() + 30, None
        status = self.rows("scrub", "status")
        while status["running"] or status["pass"] < wanted:
            if (so_far := (status["pass"], status["payload_bytes"])) != read:
                deadline, read = time.monotonic() + 30, so_far
            self.assertLess(time.monotonic(), deadline, status)
            status = self.rows("scrub", "status")
        self.assertGreaterEqual(status["entries"], 1)
        self.assertEqual(status["damaged_entries"], 0)
        self.assertEqual(status["damage"], [])
        self.assertIn("0 entries damaged", self.succeed("scrub", "status"))

    def test_named_producer(self):
        self.succeed("topic", "create", "named")
        self.rows_of_append("named", "x\n", "--producer", "writer")
        first = self.rows("producer", "describe", "writer", "--topic", "named")
        self.assertEqual(first["epoch"], 1)
        self.assertEqual(first["positions"][0]["last_sequence"], 1)
        opened = self.rows("producer", "open", "writer", "--topic", "named")
        self.assertEqual(opened["epoch"], 2)
        self.assertEqual(opened["id"], first["id"])

    def test_digest_is_that_of_the_documented_encoding(self):
        self.succeed("topic", "create", "digest", "--partitions", "2")
        for partition in ("0", "1"):
            self.rows_of_append("digest", "x\ny\n", "--partition", partition,
                                "--key", "k")
        whole = hashlib.sha256()
        for partition in (0, 1):
            records = self.jsonl("digest", "--partition", str(partition))
            inner = hashlib.sha256()
            for record in records:
                value = record["value"].encode()
                inner.update(struct.pack(
                    ">IQq", partition, record["offset"],
                    microseconds(record["append_time"])))
                inner.update(b"\0\1" + struct.pack(">I", 1) + b"k")
                inner.update(struct.pack(">I", 0))
                inner.update(b"\1" + struct.pack(">I", len(value)) + value)
            whole.update(struct.pack(">I", partition) + inner.digest())
        self.assertEqual(self.succeed("replay", "digest", "--digest"),
                         f"{whole.hexdigest()}  4 records\n")

    def test_a_closed_pipe_is_no_error(self):
        self.succeed("topic", "create", "pipe")
        self.rows_of_append("pipe", "".join(f"{i:0100}\n" for i in
                                            range(50_000)))
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c",
             f"'{KAPPA}' replay pipe -o raw | head -n 1"],
            env=dict(os.environ, KAPPA_SERVER=self.server.address),
            text=True, capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, f"{0:0100}\n")

    def test_interrupted_follow_says_how_to_go_on(self):
        self.succeed("topic", "create", "followed")
        self.rows_of_append("followed", "x\ny\n")
        with subprocess.Popen(
                [KAPPA, "replay", "followed", "--follow", "-o", "raw"],
                env=dict(os.environ, KAPPA_SERVER=self.server.address),
                text=True, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE) as follow:
            self.assertEqual(follow.stdout.readline(), "x\n")
            self.assertEqual(follow.stdout.readline(), "y\n")
            self.rows_of_append("followed", "z\n")
            self.assertEqual(follow.stdout.readline(), "z\n")
            follow.send_signal(signal.SIGINT)
            _, err = follow.communicate(timeout=30)
        self.assertEqual(follow.returncode, DONE, err)
        self.assertIn("the same command with --from 0:3", err)

    def test_a_replay_goes_on_where_each_partition_was(self):
        self.succeed("topic", "create", "resumed", "--partitions", "5")
        for partition in range(5):
            self.rows_of_append("resumed", "a\nb\nc\n", "--partition",
                                str(partition))
        rest = self.jsonl("resumed", "--from", "0:2,1-2:3,4:1")
        self.assertEqual(
            sorted((r["partition"], r["offset"]) for r in rest),
            [(0, 2), (4, 1), (4, 2)])
        some = self.jsonl("resumed", "--from", "0:2,1-4:1", "--partition",
                          "0,3")
        self.assertEqual(
            sorted((r["partition"], r["offset"]) for r in some),
            [(0, 2), (3, 1), (3, 2)])

    def test_interrupted_append_stores_what_it_read(self):
        self.succeed("topic", "create", "stopped")
        with subprocess.Popen(
                [KAPPA, "append", "stopped", "-o", "json"],
                env=dict(os.environ, KAPPA_SERVER=self.server.address),
                text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE) as append:
            append.stdin.write("x\ny\n")
            append.stdin.flush()
            # Interrupted while it waits for input, once both are stored.
            while self.rows("offsets", "stopped")[0]["end_offset"] < 2:
                self.assertIsNone(append.poll())
            append.send_signal(signal.SIGINT)
            out, err = append.communicate(timeout=30)
        self.assertEqual(append.returncode, DONE, err)
        self.assertEqual(json.loads(out)["records"], 2)
        self.assertIn("--skip 2", err)

    def test_interrupted_append_says_what_it_waits_for(self):
        self.succeed("topic", "create", "unanswered")
        with subprocess.Popen(
                [KAPPA, "append", "unanswered", "--linger-ms", "0"],
                env=dict(os.environ, KAPPA_SERVER=self.server.address),
                text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE) as append:
            append.stdin.write("x\n")
            append.stdin.flush()
            while self.rows("offsets", "unanswered")[0]["end_offset"] < 1:
                self.assertIsNone(append.poll())
            self.server.process.send_signal(signal.SIGSTOP)
            self.addCleanup(self.server.process.send_signal, signal.SIGCONT)
            append.stdin.write("y\n")
            append.stdin.flush()
            while any(fcntl.ioctl(append.stdin, termios.FIONREAD, bytes(4))):
                self.assertIsNone(append.poll())  # until it has read the line
            append.send_signal(signal.SIGINT)
            told = append.stderr.readline()
            self.server.process.send_signal(signal.SIGCONT)
            _, err = append.communicate(timeout=30)
        self.assertIn("no answer yet for", told)
        self.assertIn("Ctrl-C once more", told)
        self.assertEqual(append.returncode, DONE, err)

    def test_progress_shows_on_a_terminal_only(self):
        self.succeed("topic", "create", "progress")
        path = pathlib.Path(tempfile.mkdtemp()) / "lines"
        path.write_text("".join(f"{i:0200}\n" for i in range(200_000)))
        self.addCleanup(path.unlink)
        quiet = self.kappa("append", "progress", str(path))
        self.assertEqual((quiet.code, quiet.err), (DONE, ""))
        ours, theirs = pty.openpty()
        with subprocess.Popen(
                [KAPPA, "append", "progress", str(path)],
                env=dict(os.environ, KAPPA_SERVER=self.server.address),
                stdout=subprocess.DEVNULL, stderr=theirs) as append:
            os.close(theirs)
            shown = b""
            try:
                while piece := os.read(ours, 65536):
                    shown += piece
            except OSError:  # The other end closed.
                pass
            os.close(ours)
        self.assertEqual(append.returncode, DONE)
        self.assertRegex(shown.decode(), r"\d+ records, \d+/s")
        self.assertIn("s left", shown.decode())

    def test_bench_reports_every_figure(self):
        for kind, words in (
                ("append", ("--duration", "3", "--warm-up", "0")),
                ("latency", ("--duration", "3", "--warm-up", "0")),
                ("replay", ("--bytes", "2000000"))):
            with self.subTest(kind):
                outcome = self.kappa(
                    "bench", kind, "--server", self.server.address, "--topic",
                    f"bench-{kind}", "-o", "json", *words)
                self.assertEqual(outcome.code, DONE, outcome.err)
                figures = json.loads(outcome.out)
                self.assertGreater(figures["records_per_s"], 0)
                self.assertGreater(figures["mb_per_s"], 0)
                self.assertEqual(figures["errors"], 0)
                self.assertIsNone(figures["server_cpu_s_per_gb"])
                self.assertIn("settings", figures)
                if kind != "replay":
                    self.assertLessEqual(figures["p50_ms"], figures["p99_ms"])

    def test_bench_replay_notices_that_its_server_died(self):
        server = kappad.Kappad()
        self.addCleanup(server.remove)
        server.start()
        with subprocess.Popen(
                [KAPPA, "bench", "replay", "--server", server.address,
                 "--topic", "t", "--bytes", "1000000000000"],
                text=True, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE) as bench:
            filled = 0
            while not filled:  # The topic comes first, then records.
                self.assertIsNone(bench.poll())
                offsets = run("offsets", "t", "-o", "json",
                              server=server.address)
                if offsets.code == DONE:
                    filled = json.loads(offsets.out)[0]["end_offset"]
            server.kill()
            _, err = bench.communicate(timeout=60)
        self.assertNotEqual(bench.returncode, DONE)
        self.assertIn("kappa: ", err)

    def test_bench_starts_a_server_of_its_own(self):
        outcome = run("bench", "replay", "--bytes", "30000000", "-o", "json",
                      "--kappad", os.path.abspath("server/kappad"))
        self.assertEqual(outcome.code, DONE, outcome.err)
        figures = json.loads(outcome.out)
        self.assertGreaterEqual(figures["records"] * 1024, 30_000_000)
        self.assertGreaterEqual(figures["server_cpu_s_per_gb"], 0)
        self.assertGreater(figures["server_rss_idle_mb"], 1)
        taken = run("bench", "append", "--kappad", "/no/such/kappad")
        self.assertEqual(taken.code, REFUSED)
        self.assertIn("/no/such/kappad", taken.err)


def microseconds(text):
    """Of "2016-01-01T00:30:04.910000Z", exactly."""
    import calendar  # pylint: disable=import-outside-toplevel
    numbers = [int(n) for n in re.findall(r"\d+", text)]
    return calendar.timegm((*numbers[:6], 0, 0, 0)) * 1_000_000 + numbers[6]


if __name__ == "__main__":
    cases.main()
