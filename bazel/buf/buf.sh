#!/bin/bash
# Runs the pinned buf (package.json) with the given arguments.
#   buf.sh --directory   prints where it is installed
#   buf.sh --path        prints its executable, which may not exist yet
set -euo pipefail

home="$(getent passwd "$(id -u)" | cut -d: -f6)"
version="$(sed -n 's/.*"@bufbuild.*": "\(.*\)".*/\1/p' \
  "$(dirname "$(readlink -f "$0")")/package.json")"
directory=$home/.cache/kappa/buf-$version
buf=$directory/node_modules/@bufbuild/buf-linux-x64/bin/buf

case ${1:-} in
  --directory) echo "$directory" ;;
  --path) echo "$buf" ;;
  *)
    [[ -x $buf ]] || {
      echo "buf.sh: buf $version is missing: run bazel/install_packages.sh --buf" >&2
      exit 1
    }
    exec env HOME="${HOME:-$home}" BUF_CACHE_DIR="$directory/cache" "$buf" "$@"
    ;;
esac
