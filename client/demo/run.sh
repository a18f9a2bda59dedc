#!/usr/bin/env bash
# The main job of a Kappa architecture on real events: append them once, compute
# a view by replay, change the code, compute the next version from the same
# events, kill the server, and find everything as it was.
#
#   run.sh               one node
#   run.sh --nodes 3     a cluster of three (kappa local), of which one is killed
#                        with kill -9 in the middle of the append
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
nodes=1
case "$*" in
  '' | '--nodes 1') ;;
  '--nodes 3') nodes=3 ;;
  *)
    echo "usage: $0 [--nodes 1|3], got: $*" >&2
    exit 2
    ;;
esac

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
  if [[ -f $work/data/local.json ]]; then
    "$KAPPA" local down --data-dir "$work/data" >/dev/null || true
  fi
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

# Starts three nodes on free ports, or those that do not run.
start_cluster() {
  local tries=0
  until "$KAPPA" local up --nodes 3 --data-dir "$work/data" --kappad "$KAPPAD" \
    --base-port "${base_port:=$((20000 + RANDOM % 40 * 256))}"; do
    # Somebody else may have a port of that range.
    tries=$((tries + 1))
    [[ $tries -le 5 && ! -f $work/data/local.json ]] ||
      fail "three nodes do not start"
    base_port=
  done
  KAPPA_SERVER=127.0.0.1:$base_port
  KAPPA_SERVER+=,127.0.0.1:$((base_port + 1)),127.0.0.1:$((base_port + 2))
  export KAPPA_SERVER
}

# The rows, and in the middle of them the end of a node that leads a third of
# the partitions.
events() {
  if [[ $nodes -eq 1 ]]; then
    zcat "$EVENTS"
    return
  fi
  local half=20000
  zcat "$EVENTS" | sed -n "1,${half}p"
  sleep 0.3
  echo "kill -9 node 1 while rows are appended" >&2
  "$KAPPA" local kill 1 --data-dir "$work/data" >&2
  zcat "$EVENTS" | sed "1,${half}d"
}

# Replays the whole topic and prints the SHA-256 over (partition, offset, append
# time, event time, key, headers, value) of all records.
digest() { "$KAPPA" replay earthquakes --to end --digest; }

view() {
  "$EARTHQUAKES" --server "$KAPPA_SERVER" --view "$1" --out "$2"
}

[[ -f $EVENTS ]] || fail "no events at $EVENTS"
for program in "$KAPPAD" "$KAPPA" "$EARTHQUAKES"; do
  [[ -x $program ]] || fail "not a program: $program"
done
mkdir -p "$work/data"

if [[ $nodes -eq 1 ]]; then
  step "Start kappad on an empty directory"
  start_server
  echo "kappad serves at $address"
else
  step "Start three nodes on empty directories"
  start_cluster
fi

step "Append every row of $(basename "$EVENTS") to the topic earthquakes"
"$KAPPA" topic create earthquakes --partitions 6 \
  --description "Seismic events of 2016"
events | "$KAPPA" append earthquakes --format csv --key-field Source \
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

if [[ $nodes -eq 1 ]]; then
  step "kill -9 the server, start it, replay again"
  stop_server -KILL
  start_server
  echo "kappad serves at $address"
else
  step "Start node 1 again, kill -9 node 2, replay again"
  start_cluster
  "$KAPPA" local kill 2 --data-dir "$work/data"
fi
after=$(digest)
echo "$after"
[[ $after == "$before" ]] || fail "the log changed: $before became $after"
view v2 "$work/view-v2.again.csv" >/dev/null
cmp "$work/view-v2.csv" "$work/view-v2.again.csv" || fail "view v2 changed"
rm -f "$work/view-v1.before.csv" "$work/view-v2.again.csv"

step "Done"
echo "The same digest, and view v2 rebuilt equals view v2."
