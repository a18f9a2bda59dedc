#!/bin/bash
# Runs rows of faults against a real cluster for so many minutes, mixed at
# random, or one of them; prints and keeps figures (README.md). Needs root.
#
#   soak.sh --minutes N | --runs N  [--seed S] [--row F1|...|mix] [--nodes 3]
#           [--rate R] [--output FOLDER]
#
# FOLDER (a new one in $TMPDIR unless given) gets results.jsonl, and histories
# and logs of runs that failed. Ends with 1 when one did.
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/../../bazel/environment.sh"

build //tests/chaos:soak || die "the build failed, see above"
bin="$(bazel info --noshow_progress bazel-bin 2> /dev/null)"

output=()
if [[ " $* " != *" --output "* ]]; then
  output=(--output "$(mktemp -d -t kappa-soak.XXXXXX)")
  echo "figures and failures: ${output[1]}"
fi
exec "$bin/tests/chaos/soak" "${output[@]}" "$@"
