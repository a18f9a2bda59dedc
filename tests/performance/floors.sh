#!/bin/bash
# Measures Kappa and the limits of this machine in the same minutes, twice, and
# prints how they compare with the floors and goals (floors.py). Not part of the
# test command: a busy machine would fail it. Takes two to three minutes once
# built; ends with 1 when a floor is missed in both rounds.
#
#   floors.sh [BIN]    BIN: a bazel-bin folder with everything built already
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/../../bazel/environment.sh"

bin="${1:-}"
if [[ -z $bin ]]; then
  build //tests/performance:limits //server:kappad //client/cli:kappa ||
    die "the build failed, see above"
  bin="$(bazel info --noshow_progress bazel-bin 2> /dev/null)"
fi
export KAPPAD=$bin/server/kappad

results="$(mktemp -d)"
trap 'rm -rf "$results"' EXIT

# measure ROUND NAME PROGRAM...: keeps what the program prints as ROUND/NAME.
measure() {
  local file="$results/$1/$2.json"
  printf 'round %s: %s\n' "$1" "$2" >&2
  timeout 60 "${@:3}" > "$file" || die "$2 failed (status $?): ${*:3}"
}

bench() { # ROUND NAME ARGUMENTS...
  measure "$1" "$2" "$bin/client/cli/kappa" bench "${@:3}" -o json
}

for round in 1 2; do
  mkdir "$results/$round"
  cut -d ' ' -f 1-3 /proc/loadavg > "$results/$round/load"
  measure $round limits "$bin/tests/performance/limits"
  bench $round append append --record-bytes 1024 --batch-bytes 131072 \
    --duration 5
  bench $round append_100 append --record-bytes 100 --duration 5
  bench $round append_1000_partitions append --partitions 1000 --duration 5
  bench $round latency latency --duration 3
  bench $round replay replay
done

/usr/bin/python3 tests/performance/floors.py "$results"
