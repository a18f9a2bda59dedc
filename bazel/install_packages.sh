#!/bin/bash
# Installs what building and testing Kappa needs and this machine lacks:
# Debian packages (packages.txt) and, with --buf, the proto linter.
# Does nothing, in well under a second, when nothing is missing.
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/environment.sh"

missing_packages() {
  local wanted
  mapfile -t wanted < <(grep -v '^#' bazel/packages.txt)
  # Debian's npm cannot stand beside one from another source.
  if [[ ${1:-} == --buf && ! -x "$(bazel/buf/buf.sh --path)" ]] &&
    ! command -v npm > /dev/null; then
    wanted+=(npm)
  fi
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort) \
    <(dpkg-query -W -f='${db:Status-Abbrev}${binary:Package}\n' |
      sed -n 's/^ii  *//p' | cut -d: -f1 | sort)
}

require_debian_12() {
  local ID='' VERSION_ID='' PRETTY_NAME='an unknown system'
  # shellcheck disable=SC1091
  [[ ! -r /etc/os-release ]] || source /etc/os-release
  [[ $ID == debian && $VERSION_ID == 12 ]] ||
    die "needs Debian 12 (bookworm), this is $PRETTY_NAME: use a Debian 12 machine or container"
  [[ $(uname -m) == x86_64 ]] || die "needs an x86-64 machine, this is $(uname -m)"
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif [[ -t 0 ]]; then
    sudo -- "$@"
  else
    sudo -n -- "$@"
  fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

install_debian_packages() {
  echo "installing ${#} Debian packages: $*"
  ((EUID == 0)) || command -v sudo > /dev/null ||
    die "cannot install packages: run this as root, or install sudo"
  ((EUID == 0)) || as_root true ||
    die "cannot install packages: sudo refused; run this as root"
  require_free_gib 6
  local log
  log="$(mktemp)"
  if ! { apt update && apt install -y --no-install-recommends "$@"; } \
    < /dev/null > "$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "apt-get failed (whole output in $log): check the network and /etc/apt, then run this again"
  fi
  rm -f "$log"
}

install_buf() {
  local target
  target="$(bazel/buf/buf.sh --directory)"
  echo "installing buf into $target"
  mkdir -p "$target"
  cp bazel/buf/package.json bazel/buf/package-lock.json "$target"
  # Of the certificates, npm by itself knows only its own.
  NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}" \
    npm --prefix "$target" ci --no-audit --no-fund --loglevel=error < /dev/null ||
    die "npm could not install buf: check the network and npm's registry, then run this again"
}

require_debian_12
missing="$(missing_packages "$@")"
if [[ -n $missing ]]; then
  # shellcheck disable=SC2086  # one word a package
  install_debian_packages $missing
fi
if [[ ${1:-} == --buf && ! -x "$(bazel/buf/buf.sh --path)" ]]; then
  install_buf
fi
require_free_gib 2
