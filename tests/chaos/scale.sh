#!/bin/bash
# Measures real nodes with many partitions: creation, cost while nobody uses
# them, a leader of a third of them killed, and starts (README.md). Needs root.
#
#   scale.sh [--partitions 10000] [--kills 3] [--idle-seconds 30] [--up 1000]
#            [--part many|up] [--nodes 3] [--seed S] [--output FILE]
#
# FILE gets a line of JSON.
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/../../bazel/environment.sh"

build //tests/chaos:scale || die "the build failed, see above"
exec "$(bazel info --noshow_progress bazel-bin 2> /dev/null)/tests/chaos/scale" "$@"
