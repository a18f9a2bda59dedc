#include "server/peer/hello.h"

#include <cstddef>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "server/node_limits.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

constexpr size_t kIdBytes = 16;
constexpr int kEvidenceMax = 16;

raft::v1::TrafficClass WireClassOf(PeerClass peer_class) {
  return static_cast<raft::v1::TrafficClass>(IndexOf(peer_class) + 1);
}
static_assert(raft::v1::TRAFFIC_CLASS_CONTROL ==
              static_cast<int>(PeerClass::kControl) + 1);
static_assert(raft::v1::TRAFFIC_CLASS_BULK ==
              static_cast<int>(PeerClass::kBulk) + 1);

std::string ClusterName(const std::string& id) {
  return id.empty() ? "none" : absl::BytesToHexString(id);
}

absl::Status Malformed(absl::string_view field, uint64_t value,
                       absl::string_view rule) {
  return absl::InvalidArgumentError(
      absl::StrCat("hello: ", field, " is ", value, ": ", rule));
}

absl::Status CheckForm(const raft::v1::Hello& hello) {
  const raft::v1::Greeting& from = hello.greeting();
  if (from.from_node() == 0) return Malformed("from_node", 0, "no node");
  if (hello.to_node() == 0) return Malformed("to_node", 0, "no node");
  if (!hello.cluster_id().empty() && hello.cluster_id().size() != kIdBytes) {
    return Malformed("cluster_id size", hello.cluster_id().size(),
                     "neither 0 nor 16");
  }
  if (from.disk_id().size() != kIdBytes) {
    return Malformed("disk_id size", from.disk_id().size(), "not 16");
  }
  if (from.open_id() == 0) return Malformed("open_id", 0, "no open");
  if (!from.known_disk_id().empty() &&
      from.known_disk_id().size() != kIdBytes) {
    return Malformed("known_disk_id size", from.known_disk_id().size(),
                     "neither 0 nor 16");
  }
  if (from.evidence_size() > kEvidenceMax) {
    return Malformed("evidence size",
                     static_cast<uint64_t>(from.evidence_size()),
                     "more than 16");
  }
  if (hello.address().size() > kAddressBytesMax) {
    return Malformed("address size", hello.address().size(), "more than 512");
  }
  if (hello.client_address().size() > kAddressBytesMax) {
    return Malformed("client_address size", hello.client_address().size(),
                     "more than 512");
  }
  if (hello.rack().size() > kRackBytesMax) {
    return Malformed("rack size", hello.rack().size(), "more than 255");
  }
  if (hello.traffic_class() == raft::v1::TRAFFIC_CLASS_UNSPECIFIED ||
      !raft::v1::TrafficClass_IsValid(hello.traffic_class())) {
    return Malformed("traffic_class",
                     static_cast<uint64_t>(hello.traffic_class()), "unknown");
  }
  return absl::OkStatus();
}

absl::Status CheckCluster(absl::string_view what, uint64_t from,
                          const std::string& cluster_id,
                          const PeerIdentity& self) {
  if (cluster_id == self.cluster_id) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(what, ": node ", from, " belongs to cluster ",
                   ClusterName(cluster_id), ", node ", self.node.value(),
                   " to cluster ", ClusterName(self.cluster_id)));
}

absl::Status CheckReceiver(absl::string_view what, uint64_t from, uint64_t to,
                           const PeerIdentity& self) {
  if (to == self.node.value()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(what, ": node ", from, " expects node ", to,
                   ", and this is node ", self.node.value()));
}

}  // namespace

raft::v1::Hello MakeHello(const PeerIdentity& self, NodeId to,
                          PeerClass peer_class, raft::v1::Greeting known,
                          bool answer) {
  raft::v1::Hello hello;
  hello.set_protocol_version(self.protocol_version);
  hello.set_cluster_id(self.cluster_id);
  hello.set_to_node(to.value());
  hello.set_traffic_class(WireClassOf(peer_class));
  hello.set_address(self.address);
  hello.set_client_address(self.client_address);
  hello.set_rack(self.rack);
  known.set_from_node(self.node.value());
  known.set_disk_id(BytesOf(self.disk_id));
  known.set_open_id(self.open_id);
  known.set_answer(answer);
  *hello.mutable_greeting() = std::move(known);
  return hello;
}

absl::Status CheckVersion(std::string_view what, uint64_t from,
                          uint32_t version, const PeerIdentity& self) {
  if (version == self.protocol_version) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      ToAbsl(what), ": node ", from, " speaks protocol version ", version,
      ", node ", self.node.value(), " speaks version ", self.protocol_version));
}

absl::Status CheckHello(const raft::v1::Hello& hello,
                        const PeerIdentity& self) {
  const uint64_t from = hello.greeting().from_node();
  // First of all: another version may mean something else by the rest.
  absl::Status legal =
      CheckVersion("hello", from, hello.protocol_version(), self);
  if (!legal.ok()) return legal;
  if (absl::Status form = CheckForm(hello); !form.ok()) return form;
  legal = CheckCluster("hello", from, hello.cluster_id(), self);
  if (!legal.ok()) return legal;
  if (from == self.node.value()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "hello: node id ", from, " is both ends': on disk ",
        absl::BytesToHexString(hello.greeting().disk_id()), " and on disk ",
        absl::BytesToHexString(BytesOf(self.disk_id))));
  }
  return CheckReceiver("hello", from, hello.to_node(), self);
}

absl::Status CheckAnswer(const raft::v1::Hello& answer,
                         const PeerIdentity& self, NodeId expected,
                         PeerClass peer_class) {
  if (absl::Status legal = CheckHello(answer, self); !legal.ok()) return legal;
  if (answer.greeting().from_node() != expected.value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("hello: node ", answer.greeting().from_node(),
                     " answers where node ", expected.value(), " is expected"));
  }
  if (!answer.greeting().answer() || ClassOf(answer) != peer_class) {
    return Malformed("traffic_class",
                     static_cast<uint64_t>(answer.traffic_class()),
                     "no answer to what was asked");
  }
  return absl::OkStatus();
}

raft::v1::CallHeader MakeCallHeader(const PeerIdentity& self, NodeId to) {
  raft::v1::CallHeader header;
  header.set_protocol_version(self.protocol_version);
  header.set_cluster_id(self.cluster_id);
  header.set_from_node(self.node.value());
  header.set_to_node(to.value());
  return header;
}

absl::Status CheckCallHeader(std::string_view call,
                             const raft::v1::CallHeader& header,
                             const PeerIdentity& self) {
  const absl::string_view what = ToAbsl(call);
  const uint64_t from = header.from_node();
  absl::Status legal =
      CheckVersion(call, from, header.protocol_version(), self);
  if (legal.ok()) legal = CheckCluster(what, from, header.cluster_id(), self);
  if (legal.ok() && from == self.node.value()) {
    legal = absl::FailedPreconditionError(
        absl::StrCat(what, ": node id ", from, " is both ends'"));
  }
  if (legal.ok()) legal = CheckReceiver(what, from, header.to_node(), self);
  return legal;
}

PeerClass ClassOf(const raft::v1::Hello& hello) {
  return static_cast<PeerClass>(hello.traffic_class() - 1);
}

}  // namespace kappa::server
