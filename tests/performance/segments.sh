#!/bin/bash
# Measures the store on many segments. Not part of the test command.
#
#   segments.sh stalls [BIN]   1,500 segments of 4 MiB: the slowest cycle, write
#                              stalls, and the time to open them
#   segments.sh written [BIN]  bytes written to disk for each byte appended, with
#                              segments of 512 MiB and 8 seals within the run,
#                              for 1, 100, 1,000 and 10,000 partitions
#
# BIN: a bazel-bin folder with everything built already. Needs 8 and 16 GB of
# disk space in $TMPDIR.
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/../../bazel/environment.sh"

what="${1:-}"
bin="${2:-}"
if [[ -z $bin ]]; then
  build //tests/storage:commit_benchmark || die "the build failed, see above"
  bin="$(bazel info --noshow_progress bazel-bin 2> /dev/null)"
fi
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# run MEGABYTES REPLICAS SEGMENT_MEGABYTES
run() {
  "$bin/tests/storage/commit_benchmark" "$scratch/store" "$@"
}

case $what in
  stalls)
    run 6000 1 4
    ;;
  written)
    for partitions in 1 100 1000 10000; do
      printf '%s partitions\n' "$partitions"
      run 4608 "$partitions" 512 | grep -E 'written|cycles|open'
    done
    ;;
  *)
    die "usage: segments.sh stalls|written [BIN]"
    ;;
esac
