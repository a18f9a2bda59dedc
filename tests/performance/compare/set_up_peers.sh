#!/bin/bash
# Makes DIR hold the peers of compare.sh: DIR/kafka (jars of the brokers),
# DIR/kafka-clients (jars of the load generators), DIR/nats (two programs). Does
# nothing when they are there.
#
#   set_up_peers.sh DIR
# shellcheck source=bazel/environment.sh
source "$(dirname "$(readlink -f "$0")")/../../../bazel/environment.sh"

target="${1:?set_up_peers.sh DIR}"
kafka=4.1.0
# The newest load generator that has warm-up records; it speaks to any broker.
kafka_clients=4.2.0
nats_server=v2.15.2
nats_client=v0.5.0
# What these two ask for. Debian's Go is older, and builds nothing here: it only
# fetches this one, which is a Go module too.
go_toolchain=v0.0.1-go1.26.10.linux-amd64

packages=(golang-go maven openjdk-17-jre-headless)

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${db:Status-Abbrev}\n' "$package" 2> /dev/null |
      grep -q '^ii' || printf '%s\n' "$package"
  done
}

install_packages() {
  local missing as_root=()
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} > 0)) || return 0
  ((EUID == 0)) || as_root=(sudo -n --)
  echo "installing Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get -qq update < /dev/null
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
    --no-install-recommends "${missing[@]}" < /dev/null > /dev/null
}

# fetch_jars VERSION FOLDER
fetch_jars() {
  [[ ! -d $2 ]] || return 0
  echo "fetching Kafka $1"
  local pom
  pom="$(mktemp -d)"
  sed "s/@VERSION@/$1/" tests/performance/compare/kafka_pom.xml > "$pom/pom.xml"
  mvn -q -B -f "$pom/pom.xml" "-Dmaven.repo.local=$target/maven" \
    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    "-DoutputDirectory=$2.part" -DincludeScope=runtime < /dev/null
  rm -rf "$pom"
  mv "$2.part" "$2"
}

# Modules that were fetched are read-only.
remove_tree() {
  chmod -R u+w "$1" 2> /dev/null || true
  rm -rf "$1"
}

build_nats() {
  [[ ! -d $target/nats ]] || return 0
  echo "building nats-server $nats_server and nats $nats_client"
  local work
  work="$(mktemp -d "$target/go.XXXXXX")"
  export GOPATH=$work/path GOCACHE=$work/cache GOBIN=$target/nats.part
  export GOFLAGS= CGO_ENABLED=0
  printf 'module kappa.test/peers\n\ngo 1.19\n' > "$work/go.mod"
  (cd "$work" && go mod download "golang.org/toolchain@$go_toolchain")
  cp -r "$GOPATH/pkg/mod/golang.org/toolchain@$go_toolchain" "$work/go"
  chmod -R u+w "$work/go"
  chmod +x "$work"/go/bin/* "$work"/go/pkg/tool/*/*
  export GOTOOLCHAIN=local
  (cd "$work" &&
    go/bin/go install "github.com/nats-io/nats-server/v2@$nats_server" &&
    go/bin/go install "github.com/nats-io/natscli/nats@$nats_client")
  remove_tree "$work"
  mv "$GOBIN" "$target/nats"
}

require_free_gib 5
mkdir -p "$target"
install_packages
fetch_jars "$kafka" "$target/kafka"
fetch_jars "$kafka_clients" "$target/kafka-clients"
rm -rf "$target/maven"
build_nats
printf '{"kafka": "%s", "nats": "%s"}\n' "$kafka" "$nats_server" > "$target/versions.json"
