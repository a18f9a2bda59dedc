#include "server/cluster_config.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "proto/wire/string_view.h"
#include "server/node_limits.h"

namespace kappa::server {
namespace {

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

// A HOST:PORT that others can be told.
absl::StatusOr<std::string> ParseReachable(absl::string_view text) {
  auto address = ListenAddress::Parse(ToStd(text));
  if (!address.ok()) return address.status();
  if (address->port == 0) {
    return Wrong(absl::StrCat("\"", text, "\": needs a port that is not 0"));
  }
  return address->ToString();
}

absl::Status CheckAdvertised(absl::string_view name, const std::string& given,
                             const ListenAddress& listen) {
  if (!given.empty()) {
    const auto address = ParseReachable(given);
    return address.ok()
               ? absl::OkStatus()
               : Wrong(absl::StrCat(name, ": ", address.status().message()));
  }
  if (listen.port != 0) return absl::OkStatus();
  return Wrong(absl::StrCat(name, ": must be given, since ", listen.ToString(),
                            " takes any free port"));
}

absl::Status CheckMembership(const ClusterConfig& config) {
  if (!config.peers.empty() && !config.join.empty()) {
    return Wrong(
        "peers and join are both set: peers form a cluster, join takes this "
        "node into one that is there");
  }
  const bool listed = std::any_of(
      config.peers.begin(), config.peers.end(),
      [&](const PeerAddress& peer) { return peer.node == config.Node(); });
  if (config.peers.empty() || listed) return absl::OkStatus();
  return Wrong(absl::StrCat("node_id ", config.Node().value(),
                            " is not among the nodes of peers"));
}

}  // namespace

ListenAddress ClusterConfig::PeerListen() const {
  return peer_listen.value_or(ListenAddress{"127.0.0.1", kPeerPortDefault});
}

absl::StatusOr<std::vector<std::string>> ParseAddressList(
    std::string_view text) {
  std::vector<std::string> addresses;
  if (text.empty()) return addresses;
  for (const absl::string_view item : absl::StrSplit(ToAbsl(text), ',')) {
    auto address = ParseReachable(item);
    if (!address.ok()) return address.status();
    addresses.push_back(*std::move(address));
  }
  return addresses;
}

absl::StatusOr<std::vector<PeerAddress>> ParsePeers(std::string_view text) {
  std::vector<PeerAddress> peers;
  if (text.empty()) return peers;
  for (const absl::string_view item : absl::StrSplit(ToAbsl(text), ',')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(item, absl::MaxSplits('=', 1));
    uint32_t node = 0;
    if (!absl::SimpleAtoi(parts.first, &node) || node == 0) {
      return Wrong(absl::StrCat(
          "\"", item, "\": must be NODE-ID=HOST:PORT, the id from 1"));
    }
    auto address = ParseReachable(parts.second);
    if (!address.ok()) return address.status();
    for (const PeerAddress& peer : peers) {
      if (peer.node != NodeId(node) && peer.address != *address) continue;
      return Wrong(absl::StrCat("\"", item, "\": node ", peer.node.value(),
                                " at ", peer.address,
                                " is in the list already"));
    }
    peers.push_back({NodeId(node), *std::move(address)});
  }
  std::sort(peers.begin(), peers.end(),
            [](const PeerAddress& a, const PeerAddress& b) {
              return a.node < b.node;
            });
  return peers;
}

absl::Status CheckClusterConfig(const ClusterConfig& config,
                                const ListenAddress& listen, bool insecure) {
  if (absl::Status legal = CheckMembership(config); !legal.ok()) return legal;
  if (config.rack.size() > kRackBytesMax) {
    return Wrong(absl::StrCat("rack has ", config.rack.size(),
                              " bytes, at most ", kRackBytesMax,
                              " are allowed"));
  }
  const TlsFiles& tls = config.tls;
  const bool any = !tls.cert.empty() || !tls.key.empty() || !tls.ca.empty();
  if (any && (tls.cert.empty() || tls.key.empty() || tls.ca.empty())) {
    return Wrong(
        "node_tls_cert, node_tls_key and node_tls_ca must be set together");
  }
  if (any) {
    if (absl::Status usable = LoadTlsFiles(tls).status(); !usable.ok()) {
      return usable;
    }
  }
  if (!config.listens()) return absl::OkStatus();
  const ListenAddress peer_listen = config.PeerListen();
  if (!any && !insecure && !peer_listen.IsLoopback()) {
    return Wrong(absl::StrCat(
        peer_listen.ToString(),
        " can be reached from other machines, without encryption or access "
        "rules: set node_tls_cert, node_tls_key and node_tls_ca, or give "
        "--insecure-allow-remote if that is meant"));
  }
  absl::Status told = CheckAdvertised("advertise", config.advertise, listen);
  if (!told.ok()) return told;
  return CheckAdvertised("peer_advertise", config.peer_advertise, peer_listen);
}

}  // namespace kappa::server
