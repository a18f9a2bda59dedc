#!/bin/bash
# Measures the store on many segments. Not part of the test command.
#
#   segments.sh stalls [BIN]   1,500 segments sealed while appends go on: the
#                              slowest cycles, write stalls, the time to open
#                              them. At 100 MB/s, where a segment is sealed at
#                              its 4 MiB; at full speed, where segments grow
#                              while seals are behind; and, to see what the disk
#                              does by itself, at 100 MB/s without a seal
#   segments.sh written [BIN [PARTITIONS...]]
#                              bytes written to disk for each byte appended,
#                              without seals and with 7 or more seals of 512 MiB
#                              within the run; default: 1 100 1000 10000
#
# BIN: a bazel-bin folder with everything built already; '' builds. Needs 30 and
# 10 GB of disk space in $TMPDIR, and 5 minutes, more on a slow disk.
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/../../bazel/environment.sh"

what="${1:-}"
bin="${2:-}"
if [[ -z $bin ]]; then
  build //tests/performance:commit_benchmark || die "the build failed, see above"
  bin="$(bazel info --noshow_progress bazel-bin 2> /dev/null)"
fi
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# run MEGABYTES PARTITIONS SEGMENT_MEGABYTES [SEALS [MEGABYTES_PER_SECOND]]
run() {
  "$bin/tests/performance/commit_benchmark" "$scratch/store" "$@" |
    grep -E 'cycle|written|open'
}

case $what in
  stalls)
    printf '100 MB/s, no seal\n'
    run 6000 1 8192 0 100
    printf '100 MB/s, segments of 4 MiB\n'
    run 6000 1 4 1500 100
    printf 'full speed, segments of 4 MiB\n'
    run 6000 1 4 1500
    ;;
  written)
    (($# > 2)) || set -- "$what" "$bin" 1 100 1000 10000
    for partitions in "${@:3}"; do
      printf '%s partitions, no seal\n' "$partitions"
      run 2048 "$partitions" 8192
      printf '%s partitions, segments of 512 MiB\n' "$partitions"
      run 3584 "$partitions" 512 7
    done
    ;;
  *)
    die "usage: segments.sh stalls|written [BIN [PARTITIONS...]]"
    ;;
esac
