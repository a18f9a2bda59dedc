#!/bin/bash
# Measures how long kappad takes to start again after kill -9 under load, with
# many partitions: from the start of the process until it serves. Not part of
# the test command.
#
#   open.sh [BIN [GIGABYTES [PARTITIONS]]]     default: build, 20, 10000
#
# BIN: a bazel-bin folder with everything built already. Needs that much disk
# space (in $TMPDIR), and about 10 s a gigabyte. The server is killed while it
# appends, so the memtables hold what no file has yet.
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/../../bazel/environment.sh"

bin="${1:-}"
gigabytes="${2:-20}"
partitions="${3:-10000}"
if [[ -z $bin ]]; then
  build //server:kappad //client/cli:kappa ||
    die "the build failed, see above"
  bin="$(bazel info --noshow_progress bazel-bin 2> /dev/null)"
fi

scratch="$(mktemp -d)"
server=0
client=0
trap 'kill -9 $client $server 2> /dev/null; rm -rf "$scratch"' EXIT
data=$scratch/data

# Starts kappad, waits until it serves; prints the seconds that took.
start() {
  rm -f "$data/address"
  local began
  began="$(date +%s%N)"
  "$bin/server/kappad" --dev --data-dir "$data" --listen 127.0.0.1:0 \
    >> "$scratch/kappad.log" 2>&1 &
  server=$!
  until [[ -s $data/address ]]; do
    kill -0 $server 2> /dev/null || die "kappad ended: $scratch/kappad.log"
    sleep 0.01
  done
  seconds="$(awk "BEGIN { print ($(date +%s%N) - $began) / 1e9 }")"
}

start
printf 'first start, empty: %s s\n' "$seconds"
"$bin/client/cli/kappa" bench append --server "$(< "$data/address")" \
  --partitions "$partitions" --duration 600 --outstanding-bytes 67108864 \
  > /dev/null 2> "$scratch/client.log" &
client=$!
# Files go while du looks.
megabytes() { { du -s --block-size=1000000 "$data" 2> /dev/null || true; } | cut -f 1; }
until (($(megabytes) >= gigabytes * 1000)); do
  kill -0 $client 2> /dev/null || die "the client ended: $(< "$scratch/client.log")"
  sleep 1
done
kill -9 $server
kill -9 $client
wait 2> /dev/null || true
printf 'killed with %s of data, %s of it in the write-ahead log\n' \
  "$(du -sh "$data" | cut -f 1)" \
  "$(du -ch "$data"/*/*.log 2> /dev/null | tail -n 1 | cut -f 1)"
start
printf 'start after kill -9, %s partitions: %s s\n' "$partitions" "$seconds"
kill $server
wait $server || true
start
printf 'start after a clean end: %s s\n' "$seconds"
