"""The test command behind test.sh: runs every part, counts every case.

A failing part does not stop the next one. The last line of the output is
`N passed, N failed`; the exit code is 0 only when nothing failed.
"""

import argparse
import concurrent.futures
import datetime
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import fuzzing
import test_results
from test_results import Tally

# What each part may take from nothing on two cores, in minutes. A part that
# takes more than twice its share fails.
SHARE_MINUTES = {
    "install": 8,
    "opt": 30,
    "asan": 9,
    "tsan": 3,
    "fuzz": 3,
    "analysis": 3,
}

# Memory errors are looked for where bytes are taken apart and kept; data races
# in targets that link no gRPC, whose own locks ThreadSanitizer cannot see.
# "no-asan" marks what builds the core once more, counts bytes, or only repeats
# at random what a table covers: the part's share is nine minutes.
ASAN_TARGETS = [
    "//proto/...", "//tests/proto/...", "//tests/raft/...", "//tests/storage/...",
    # Whole nodes and what they hear from others. What links gRPC is left out: it
    # takes minutes to build.
    *(f"//tests/server:{name}_test" for name in (
        "cluster_changes", "formation_rules", "group_log", "health_check", "log_reader",
        "message_codec", "metadata_damage", "node_calls", "node_cluster", "node_damage",
        "node_files_damage", "node_generations", "node_trouble", "replacement_check",
        "replication")),
    *(f"//tests/server/peer:{name}_test" for name in (
        "frame", "hearing", "hello", "peer_link", "receive_window", "send_queue")),
    *(f"//tests/server/rpc:{name}_test" for name in (
        "append_request_scan", "batch_check", "page_token", "task_pool")),
    *(f"//tests/simulation:{name}_test" for name in (
        "group_checker", "many_groups", "minimize", "owner_mutants")),
]

CLANG_FLAGS = [
    "-std=c++20", "-march=x86-64-v2", "-Wall", "-Wextra", "-Wthread-safety", "-Werror",
    # As in bazel/repositories/debian/BUILD.
    "-DSPDLOG_SHARED_LIB", "-DSPDLOG_COMPILED_LIB", "-DSPDLOG_FMT_EXTERNAL",
    "-DCPPHTTPLIB_OPENSSL_SUPPORT", "-DCPPHTTPLIB_ZLIB_SUPPORT",
    "-DCPPHTTPLIB_BROTLI_SUPPORT",
]

# Headers that are not ours, or generated.
FOREIGN_INCLUDE = re.compile(
    r'\s*#include (<|"(absl|google|gmock|grpc|grpcpp|gtest|kappa|rocksdb)/)')

DISABLED_LIST = "tests/disabled_tests.txt"
EXPECTED_MINIMUM = "tests/expected_minimum"
CACHE = Path(os.environ.get("KAPPA_CACHE", Path.home() / ".cache/kappa"))
NIGHTLY_TIMEOUT_SECONDS = 24 * 3600

QUIET = ["--noshow_progress", "--ui_event_filters=-info"]

# Bazel's exit codes that say the build itself went well.
BUILT = {0: "", 3: "some tests failed"}


def say(text):
    print(text, flush=True)


def run(command, check=False, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=check, **options)


def output_of(command):
    return run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def bazel_query(expression):
    return output_of(["bazel", "query", *QUIET, expression]).split()


def bazel_info(key):
    return output_of(["bazel", "info", *QUIET, key]).strip()


def source_files(*patterns):
    root = os.getcwd()
    listing = output_of(["git", "-c", f"safe.directory={root}", "ls-files", "-z", "--cached",
                         "--others", "--exclude-standard", "--", *patterns])
    return sorted(path for path in listing.split("\0") if os.path.isfile(path))


def bazel_test(name, *arguments):
    """Builds and tests; the build is a case called `name` of its own."""
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.json"
        code = run(["bazel", "test", *os.environ.get("KAPPA_BAZEL_FLAGS", "").split(),
                    "--keep_going", f"--build_event_json_file={events}",
                    *arguments]).returncode
        tally = test_results.read_events(events)
    tally.check(name, [] if code in BUILT else [f"bazel ended with code {code}"])
    return tally


def test_opt():
    return bazel_test("opt build", "//...")


def test_asan():
    return bazel_test("asan build", "--config=asan", "--build_tests_only",
                      "--test_tag_filters=-no-asan", *ASAN_TARGETS)


def test_tsan():
    return bazel_test("tsan build", "--config=tsan", "--build_tests_only",
                      "--test_tag_filters=tsan", "//tests/...")


def test_fuzz():
    """The seeds of every fuzz target and a few thousand changes of them."""
    tally, fuzzer, labels = Tally(), fuzzing.Fuzzer(CACHE), targets_tagged("fuzz")
    faults = fuzzer.build(labels) if labels else ["no target is tagged fuzz"]
    tally.check("fuzz build", faults)
    for label in [] if faults else labels:
        ran = fuzzer.run_short(label)
        say(f"-- {label}: {ran.executions:,} executions")
        tally.check(label, ran.faults)
    return tally


def foreign_includes(paths):
    """The include lines of `paths` for headers of libraries and protos."""
    found = set()
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            if FOREIGN_INCLUDE.match(line):
                found.add(line.strip())
    return sorted(found)


def analyse_file(command, path):
    done = run([*command, "-fsyntax-only", path],
               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return path if done.returncode else None, done.stdout


def thread_safety_faults():
    """Runs clang's thread-safety analysis over every source that is no test.

    Nearly all of the time would go into the headers of libraries, so these are
    read once, into a precompiled header.
    """
    generated = bazel_info("bazel-bin")
    command = ["clang++", *CLANG_FLAGS, "-iquote", ".", "-iquote", generated,
               "-isystem", "proto", "-isystem", f"{generated}/proto"]
    sources = [path for path in source_files("*.cc", "*.h") if not path.startswith("tests/")]
    if not sources:
        return ["there are no sources"]
    with tempfile.TemporaryDirectory() as folder:
        header = Path(folder) / "foreign.h"
        header.write_text("\n".join(foreign_includes(sources)) + "\n", encoding="utf-8")
        precompiled = f"{header}.pch"
        run([*command, "-fpch-instantiate-templates", "-x", "c++-header", str(header),
             "-o", precompiled], check=True)
        command += ["-include-pch", precompiled]
        faults = []
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for fault, output in pool.map(
                    lambda path: analyse_file(command, path),
                    [path for path in sources if path.endswith(".cc")]):
                if fault:
                    say(output)
                    faults.append(fault)
    return faults


def command_faults(command):
    code = run(command).returncode
    return [f"{command[0]} ended with code {code}"] if code else []


def analyse():
    tally = Tally()
    say("-- clang thread-safety analysis")
    tally.check("clang thread-safety analysis", thread_safety_faults())
    say("-- clang-format")
    tally.check("clang-format", command_faults(
        ["clang-format", "--dry-run", "-Werror", *source_files("*.h", "*.cc")]))
    say("-- buf lint")
    tally.check("buf lint", command_faults(["bazel/buf/buf.sh", "lint", "proto"]))
    say("-- buf breaking")
    tally.check("buf breaking", command_faults(
        ["bazel/buf/buf.sh", "breaking", "proto", "--against", "proto/baseline.binpb"]))
    return tally


def targets_tagged(tag):
    return bazel_query(rf'attr(tags, "[\[ ]{tag}[,\]]", kind("_(test|binary) rule", //...))')


def run_part(name, function):
    """Returns the part's tally, with a case for its time, and its minutes."""
    say(f"== {name} ({datetime.datetime.now():%H:%M:%S})")
    start = time.monotonic()
    try:
        tally = function()
    except subprocess.CalledProcessError as error:
        tally = Tally(failures=[f"{name}: {error}"])
    minutes = (time.monotonic() - start) / 60
    check_time(tally, name, minutes)
    say(f"-- {name}: {tally}, {minutes:.1f} minutes")
    return tally, minutes


def check_time(tally, name, minutes):
    if minutes > 2 * SHARE_MINUTES[name]:
        tally.failures.append(f"{name}: took {minutes:.1f} minutes, "
                              f"more than twice its share of {SHARE_MINUTES[name]}")


def check_lists(tally):
    """The rules about tests that are missing or switched off."""
    try:
        listed = test_results.read_list(DISABLED_LIST)
        faults = test_results.check_disabled(
            tally.disabled, targets_tagged("manual"), targets_tagged("nightly"), listed)
        tally.check(DISABLED_LIST, faults)
    except (OSError, subprocess.CalledProcessError) as error:
        tally.check(DISABLED_LIST, [str(error)])
    try:
        minimum = int(Path(EXPECTED_MINIMUM).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        tally.check(EXPECTED_MINIMUM, [str(error)])
        return
    few = tally.cases < max(minimum, 1)
    tally.check(EXPECTED_MINIMUM, [f"{tally.cases} cases, expected {minimum}"] if few else [])


def finish(tally):
    for failure in tally.failures:
        say(f"FAILED: {failure}")
    say(str(tally))
    return 1 if tally.failures or not tally.passed else 0


def run_all(install_seconds):
    total, table = Tally(), [("install", install_seconds / 60)]
    total.check("install", [])
    check_time(total, "install", install_seconds / 60)
    for name, function in [("opt", test_opt), ("asan", test_asan),
                           ("tsan", test_tsan), ("fuzz", test_fuzz),
                           ("analysis", analyse)]:
        tally, minutes = run_part(name, function)
        total.add(tally)
        table.append((name, minutes))
    check_lists(total)
    say(f"{'part':10}{'minutes':>8}{'share':>7}")
    for name, minutes in table:
        say(f"{name:10}{minutes:8.1f}{SHARE_MINUTES[name]:7}")
    return finish(total)


def commit():
    """The commit that is checked out, or None when files differ from it."""
    git = ["git", "-c", f"safe.directory={os.getcwd()}"]
    if output_of(git + ["status", "--porcelain"]).strip():
        return None
    return output_of(git + ["rev-parse", "--short=12", "HEAD"]).strip()


def nightly_test(label):
    """Runs the long version of a test. Returns its tally and a remark."""
    return bazel_test(f"{label} build", "--nocache_test_results",
                      "--test_output=streamed", "--test_env=KAPPA_NIGHTLY=1",
                      # How long, for those that have no other end.
                      "--test_env=KAPPA_NIGHTLY_MINUTES",
                      f"--test_timeout={NIGHTLY_TIMEOUT_SECONDS}", label), ""


def nightly_fuzz(label, memory):
    """Runs a fuzz target for 30 minutes; goes on where it stopped."""
    tally, fuzzer = Tally(), fuzzing.Fuzzer(CACHE)
    faults, executions = fuzzer.build([label]), 0
    if not faults:
        faults, executions = fuzzing.run_nightly(fuzzer, label, memory)
    tally.check(label, faults)
    return tally, f", {executions:,} executions"


def run_nightly(part):
    """Runs the long versions that have not passed yet at this commit."""
    fuzz_targets = targets_tagged("fuzz")
    parts = [label for label in targets_tagged("nightly")
             if part in (None, label, label.rpartition(":")[2])]
    if not parts:
        say(f"no test tagged nightly is called {part}" if part else "no test is tagged nightly")
        return finish(Tally())
    at = commit()
    total, lines = Tally(), []
    for label in parts:
        memory = CACHE / "nightly" / str(at) / label.strip("/").replace("/", "_")
        if at and memory.exists():
            passed, line = memory.read_text(encoding="utf-8").split("\n")[:2]
            tally = Tally(passed=int(passed))
        else:
            say(f"== {label} ({datetime.datetime.now():%H:%M:%S})")
            if label in fuzz_targets:
                progress = memory.with_suffix(".progress") if at else None
                tally, remark = nightly_fuzz(label, progress)
            else:
                tally, remark = nightly_test(label)
            line = (f"| `{label}` | {datetime.date.today()} | "
                    f"{at or 'uncommitted changes'} | {tally}{remark} |")
            # A shortened run is not the long version.
            if at and not tally.failures and not os.environ.get("KAPPA_NIGHTLY_MINUTES"):
                memory.parent.mkdir(parents=True, exist_ok=True)
                memory.write_text(f"{tally.passed}\n{line}\n", encoding="utf-8")
        total.add(tally)
        lines.append(line)
    say("\n".join(["| part | date | commit | result |", "|---|---|---|---|", *lines]))
    return finish(total)


def main():
    parser = argparse.ArgumentParser(prog="bazel/test.sh")
    parser.add_argument("--nightly", nargs="?", const="", metavar="PART",
                        help="run the long versions, all or the test PART")
    parser.add_argument("--install-seconds", type=float, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.nightly is None:
        return run_all(arguments.install_seconds)
    return run_nightly(arguments.nightly or None)


if __name__ == "__main__":
    sys.exit(main())
