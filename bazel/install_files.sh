#!/bin/bash
# Puts built programs in place (install.sh): install_files.sh KAPPAD KAPPA PREFIX
set -euo pipefail

kappad=$1
kappa=$2
prefix=$3
unit="$(dirname "$(readlink -f "$0")")/kappad.service.in"

die() {
  printf 'install: %s\n' "$*" >&2
  exit 1
}

[[ $prefix == /* ]] || die "--prefix must be an absolute path, not '$prefix'"
if ! mkdir -p "$prefix" 2> /dev/null || [[ ! -w $prefix ]]; then
  die "cannot write to $prefix: run this with sudo, or choose another --prefix"
fi

install -D -m 755 -t "$prefix/bin" "$kappad" "$kappa"

# Args: shell, file under the prefix.
install_completion() {
  local script
  script="$("$kappa" completion "$1")" || die "kappa completion $1 failed"
  install -D -m 644 <(printf '%s\n' "$script") "$prefix/share/$2"
}
install_completion bash bash-completion/completions/kappa
install_completion zsh zsh/site-functions/_kappa
install_completion fish fish/vendor_completions.d/kappa.fish

install -D -m 644 <(sed "s|@PREFIX@|$prefix|g" "$unit") \
  "$prefix/lib/systemd/system/kappad.service"

echo "installed kappa and kappad into $prefix/bin"
case $prefix in
  /usr | /usr/local)
    echo "start the server:  systemctl daemon-reload && systemctl enable --now kappad"
    ;;
  *)
    echo "start the server:  $prefix/bin/kappad --dev"
    echo "as a service:      systemctl enable --now $prefix/lib/systemd/system/kappad.service"
    ;;
esac
