#!/bin/bash
# Writes proto/baseline.binpb from the protos as they are. From then on a
# change that breaks a client or stored data is refused (test.sh). Replacing
# an existing baseline needs an entry under "Decisions" in README.md.
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/environment.sh"

bazel/install_packages.sh --buf
bazel/buf/buf.sh lint proto
bazel/buf/buf.sh build proto --exclude-source-info -o proto/baseline.binpb
echo "wrote proto/baseline.binpb"
