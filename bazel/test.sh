#!/bin/bash
# Tests everything: installs what is missing, builds, runs all tests, again
# under sanitizers, and all static checks. Ends with "N passed, N failed".
#
#   bazel/test.sh                    everything but the long versions
#   bazel/test.sh --nightly [PART]   the long versions, all or one; goes on
#                                    where an earlier run of this commit stopped
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/environment.sh"

SECONDS=0
echo "== install ($(date +%T))"
if ! bazel/install_packages.sh --buf; then
  echo "0 passed, 1 failed"
  exit 1
fi

# Bazel itself never trims its cache.
find "$user_home/.cache/kappa-bazel" -type f -atime +14 -delete 2> /dev/null || true

exec env KAPPA_CACHE="$kappa_cache" PYTHONDONTWRITEBYTECODE=1 \
  /usr/bin/python3 bazel/run_tests.py --install-seconds "$SECONDS" "$@"
