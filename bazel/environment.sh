# Sourced by every script of this folder: goes to the repository's root and
# makes the environment the same for a terminal, a CI job and a test.
# shellcheck shell=bash

set -euo pipefail

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Only what Debian installed is used, whatever else a machine has.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset JAVA_HOME

user_home="$(getent passwd "$(id -u)" | cut -d: -f6 || true)"
[[ -d $user_home ]] || die "user $(id -u) has no home directory ('$user_home' in /etc/passwd)"
if [[ ! -w ${HOME:-} ]]; then
  export HOME=$user_home
fi
export USER="${USER:-$(id -un)}"

# What outlives a clone: tools, and which nightly parts have passed.
# shellcheck disable=SC2034  # for the sourcing scripts
kappa_cache=$user_home/.cache/kappa

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

# Requires: $1 GiB free for the caches. Prints what to do otherwise.
require_free_gib() {
  local free_kib
  free_kib="$(df --output=avail -k "$user_home" | tail -n 1)"
  ((free_kib >= $1 * 1024 * 1024)) ||
    die "less than $1 GiB free under $user_home: free some disk space and run this again"
}

# Bazel's progress: a moving line for people, one every 30 s in a log.
export KAPPA_BAZEL_FLAGS="--show_progress --show_progress_rate_limit=30"
if [[ -t 2 ]]; then
  KAPPA_BAZEL_FLAGS="--show_progress --curses=yes --color=yes"
fi

# Builds the targets "$@".
build() {
  # shellcheck disable=SC2086  # several flags
  bazel build $KAPPA_BAZEL_FLAGS "$@" < /dev/null
}
