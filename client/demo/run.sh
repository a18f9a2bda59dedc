#!/usr/bin/env bash
# The main job of a Kappa architecture on real events: append them once, compute
# a view by replay, change the code, compute the next version from the same
# events, kill the server, and find everything as it was.
#
# Needs in the environment: KAPPAD, KAPPA, EARTHQUAKES (paths of the programs).
# Optional: EVENTS (a gzipped CSV file), KEEP (a directory for data and views).
set -euo pipefail
# Its own server has no TLS.
unset KAPPA_TLS_CA KAPPA_TLS_CERT KAPPA_TLS_KEY KAPPA_TLS_SERVER_NAME

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
EVENTS=${EVENTS:-$here/../../tests/data/earthquakes-2016.csv.gz}
work=${KEEP:-$(mktemp -d)}
server_pid=

fail() {
  echo "demo: $*" >&2
  exit 1
}

step() { printf '\n== %s\n' "$*"; }

stop_server() {
  if [[ -n $server_pid ]]; then
    kill "$1" "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    server_pid=
  fi
}

finish() {
  local status=$?
  stop_server -TERM
  if [[ -z ${KEEP:-} ]]; then rm -rf "$work"; fi
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Starts kappad on a free port and waits until it serves.
start_server() {
  rm -f "$work/data/address"
  "$KAPPAD" --dev --data-dir "$work/data" --listen 127.0.0.1:0 \
    2>>"$work/kappad.log" &
  server_pid=$!
  local waited=0
  until [[ -s $work/data/address ]]; do
    kill -0 "$server_pid" 2>/dev/null ||
      fail "kappad ended early: $(tail -n 5 "$work/kappad.log")"
    waited=$((waited + 1))
    [[ $waited -le 200 ]] || fail "kappad does not serve after 20 s"
    sleep 0.1
  done
  address=$(<"$work/data/address")
  export KAPPA_SERVER=$address
}

# Replays the whole topic and prints the SHA-256 over (partition, offset, append
# time, event time, key, headers, value) of all records.
digest() { "$KAPPA" replay earthquakes --to end --digest; }

view() {
  "$EARTHQUAKES" --server "$address" --view "$1" --out "$2"
}

[[ -f $EVENTS ]] || fail "no events at $EVENTS"
for program in "$KAPPAD" "$KAPPA" "$EARTHQUAKES"; do
  [[ -x $program ]] || fail "not a program: $program"
done
mkdir -p "$work/data"

step "Start kappad on an empty directory"
start_server
echo "kappad serves at $address"

step "Append every row of $(basename "$EVENTS") to the topic earthquakes"
"$KAPPA" topic create earthquakes --partitions 6 \
  --description "Seismic events of 2016"
zcat "$EVENTS" | "$KAPPA" append earthquakes --format csv --key-field Source \
  --time-field DateTime --time-format '%Y/%m/%d %H:%M:%S'
"$KAPPA" offsets earthquakes

step "Replay the log and compute view v1: events and strongest per day"
before=$(digest)
echo "$before"
view v1 "$work/view-v1.csv"

step "The code changes: view v2, per day and depth, from the same events"
cp "$work/view-v1.csv" "$work/view-v1.before.csv"
view v2 "$work/view-v2.csv"
cmp "$work/view-v1.csv" "$work/view-v1.before.csv" || fail "view v1 changed"
echo "view v1 stays as it was"

step "kill -9 the server, start it, replay again"
stop_server -KILL
start_server
echo "kappad serves at $address"
after=$(digest)
echo "$after"
[[ $after == "$before" ]] || fail "the log changed: $before became $after"
view v2 "$work/view-v2.again.csv" >/dev/null
cmp "$work/view-v2.csv" "$work/view-v2.again.csv" || fail "view v2 changed"
rm -f "$work/view-v1.before.csv" "$work/view-v2.again.csv"

step "Done"
echo "The same digest, and view v2 rebuilt equals view v2."
