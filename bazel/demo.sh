#!/bin/bash
# Shows what Kappa is for, on real data: installs what is missing, builds, and
# runs client/demo/run.sh, --nodes 3 with a cluster of three. With nothing to
# do, that starts within seconds.
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/environment.sh"

# Changes with every source file, built or not.
fingerprint() {
  pwd
  git -c safe.directory="$PWD" ls-files -z --cached --others --exclude-standard |
    xargs -0 sha256sum 2> /dev/null || true
}

bazel/install_packages.sh

# Asking Bazel whether anything changed takes longer than the demo's start, so
# the answer for exactly these files is kept, with the programs' folder.
built="$kappa_cache/demo-$(fingerprint | sha256sum | cut -c 1-16)"
if [[ ! -x $(cat "$built" 2> /dev/null)/server/kappad ]]; then
  echo "building (the first time takes some minutes)"
  build //server:kappad //client/cli:kappa //client/demo:earthquakes ||
    die "the build failed, see above"
  mkdir -p "$kappa_cache"
  find "$kappa_cache" -maxdepth 1 -name 'demo-*' -delete
  bazel info --noshow_progress bazel-bin 2> /dev/null > "$built"
fi

bin="$(cat "$built")"
export KAPPAD=$bin/server/kappad
export KAPPA=$bin/client/cli/kappa
export EARTHQUAKES=$bin/client/demo/earthquakes
exec client/demo/run.sh "$@"
