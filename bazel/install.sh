#!/bin/bash
# Builds and installs kappa, kappad, shell completion and a systemd unit.
#
#   bazel/install.sh [--prefix P]    default: /usr/local
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/environment.sh"

usage='usage: bazel/install.sh [--prefix P]'
prefix=/usr/local
while (($#)); do
  case $1 in
    --prefix)
      (($# >= 2)) || die "--prefix needs a folder; $usage"
      prefix=$2
      shift 2
      ;;
    --prefix=*)
      prefix=${1#--prefix=}
      shift
      ;;
    -h | --help)
      echo "$usage"
      exit 0
      ;;
    *) die "unknown argument $1; $usage" ;;
  esac
done

bazel/install_packages.sh
build //server:kappad //client/cli:kappa || die "the build failed, see above"
bin="$(bazel info --noshow_progress bazel-bin 2> /dev/null)"
exec bazel/install_files.sh "$bin/server/kappad" "$bin/client/cli/kappa" "$prefix"
