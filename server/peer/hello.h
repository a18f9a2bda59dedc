// Hello: how two nodes make sure that they mean each other.
#ifndef KAPPA_SERVER_PEER_HELLO_H_
#define KAPPA_SERVER_PEER_HELLO_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "kappa/raft/v1/peer_service.pb.h"
#include "proto/wire/types.h"
#include "server/peer/peer_limits.h"
#include "server/peer/peer_message.h"

namespace kappa::server {

// What a node says about itself.
struct PeerIdentity {
  uint32_t protocol_version = kPeerProtocolVersion;
  std::string cluster_id;  // 16 bytes; empty: none yet
  NodeId node;
  Uuid disk_id{};
  uint64_t open_id = 0;        // this open of the disk; never 0
  std::string address;         // where it serves nodes
  std::string client_address;  // where it serves clients; empty: not told
  std::string rack;            // where it stands; empty: not told
};

// The hello of `self` to the node `to`. `known` is what self knows about that
// node's disk: known_disk_id and evidence; the rest is filled in. `answer`: to
// a hello of that node.
raft::v1::Hello MakeHello(const PeerIdentity& self, NodeId to,
                          PeerClass peer_class, raft::v1::Greeting known,
                          bool answer);

// Whether `self` may talk to the sender of `hello`, which is foreign.
// Errors, naming the values of both ends: INVALID_ARGUMENT: no hello;
// FAILED_PRECONDITION: another protocol version, another cluster, our own node
// id, or meant for another node.
absl::Status CheckHello(const raft::v1::Hello& hello, const PeerIdentity& self);

// The same for an answer, which must also be that of the node `expected` and
// for that class.
absl::Status CheckAnswer(const raft::v1::Hello& answer,
                         const PeerIdentity& self, NodeId expected,
                         PeerClass peer_class);

// What goes with each unary call of `self` to the node `to`.
raft::v1::CallHeader MakeCallHeader(const PeerIdentity& self, NodeId to);

// Whether `self` speaks the protocol version of the node `from`; `what` names
// in errors what that sent. Errors: FAILED_PRECONDITION.
absl::Status CheckVersion(std::string_view what, uint64_t from,
                          uint32_t version, const PeerIdentity& self);

// Whether `self` may answer a call with that header, which is foreign; `call`
// names it in errors. Errors, naming the values of both ends:
// FAILED_PRECONDITION: as CheckHello.
absl::Status CheckCallHeader(std::string_view call,
                             const raft::v1::CallHeader& header,
                             const PeerIdentity& self);

// Requires: CheckHello was OK.
PeerClass ClassOf(const raft::v1::Hello& hello);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_HELLO_H_
