#!/bin/bash
# Measures Kappa side by side with Kafka and NATS JetStream: three nodes of one
# system at a time on this machine, each peer as it comes and with a sync before
# each acknowledgement, and the limits of the machine in the same rounds. Ends
# with a table, a JSON file and a plot. Not part of the test command, but for
#
#   compare.sh --smoke        Kappa alone, every row once, 30 seconds
#
#   compare.sh --show FILE|FOLDER... [--publish]
#                             what was recorded: README's table, the verdicts, and
#                             whether the runs count; --publish: README shows them
#                             from then on, table and plot those of the last one
#
#   compare.sh [--rounds N] [--systems S,...] [--rows R,...] [--out DIR]
#              [--bin BAZEL_BIN]
#
# Everything it needs is set up here and kept in the project's cache: Debian
# packages (Go, Maven, a Java runtime), Kafka's jars from Maven's registry, NATS
# built from Go modules. About 17 minutes a round; needs 12 GB in $TMPDIR, on
# the disk to be measured. Only loopback is used. A measurement that was
# made already in DIR is not made again, so a run can be done in pieces.
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/../../bazel/environment.sh"

if [[ ${1:-} == --show ]]; then
  exec /usr/bin/python3 -m tests.performance.compare.show "${@:2}"
fi

bin=''
peers=(yes)
arguments=()
while (($# > 0)); do
  case $1 in
    --bin)
      bin="${2:?--bin DIR}"
      shift
      ;;
    --smoke)
      peers=()
      arguments+=(--smoke)
      ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

if [[ -z $bin ]]; then
  bazel/install_packages.sh
  build //tests/performance:limits //server:kappad //client/cli:kappa ||
    die "the build failed, see above"
  bin="$(bazel info --noshow_progress bazel-bin 2> /dev/null)"
fi
tools=$kappa_cache/peers
if ((${#peers[@]} > 0)); then
  tests/performance/compare/set_up_peers.sh "$tools" || die "no peers to compare with"
fi
exec /usr/bin/python3 -m tests.performance.compare.main \
  --bin "$bin" --peers "$tools" "${arguments[@]}"
