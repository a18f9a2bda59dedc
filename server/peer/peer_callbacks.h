// PeerCallbacks: what the owner of a transport does with what comes in.
#ifndef KAPPA_SERVER_PEER_PEER_CALLBACKS_H_
#define KAPPA_SERVER_PEER_PEER_CALLBACKS_H_

#include <functional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/raft/v1/peer_service.pb.h"
#include "proto/wire/types.h"
#include "raft/message.h"
#include "server/peer/peer_message.h"
#include "server/peer/receive_window.h"

namespace kappa::server {

// A message of another node, decoded and legal for the core; every handle in it
// is 0. `message.message.group` says for which group. `message.state` and small
// contents are copies, larger contents refer to the network's buffers.
struct PeerDelivery {
  PeerMessage message;
  ReceiveCredit credit;
  // `delivered` is called later, on the same thread: nobody need be woken yet.
  bool delivered_follows = false;
};

// What the owner of a transport does. Called on gRPC's threads, those of one
// stream one after the other, of several at the same time. None may wait for
// anything or call Stop.
struct PeerCallbacks {
  // A message came in. Required.
  std::function<void(PeerDelivery)> deliver;
  // All messages of a frame that said so were delivered. No lock is held.
  // Absent: nothing is done.
  std::function<void()> delivered;
  // Judges a hello that is well-formed and meant for this node, also in answers
  // (RELIABILITY.md S6); an error ends the connection with it. Absent: accepts.
  std::function<absl::Status(const raft::v1::Hello&)> judge;
  // What is known about the node's disk: known_disk_id and evidence. Absent:
  // nothing.
  std::function<raft::v1::Greeting(NodeId)> evidence_about;
  // How far this node's disk has come; goes with every frame, 0: is not told.
  // Absent: never told.
  std::function<uint64_t()> own_cycle;
  // A frame came in; the disk of the hello of its stream has come as far as
  // `told` (cycle 0: not told). Before what is in the frame is delivered, which
  // an error prevents; it also ends the stream. Absent: accepts.
  std::function<absl::Status(NodeId, const Uuid& disk_id,
                             const raft::Generation& told)>
      note;

  // Unary calls of other nodes (peer_service.proto), whose headers are already
  // checked. `done` is called once, on any thread. Absent: UNIMPLEMENTED.
  template <typename T>
  using Done = absl::AnyInvocable<void(absl::StatusOr<T>)>;
  template <typename Request, typename Response>
  using Method = std::function<void(Request, Done<Response>)>;
  Method<raft::v1::ProbeRequest, raft::v1::ProbeResponse> probe;
  Method<raft::v1::JoinRequest, raft::v1::JoinResponse> join;
  Method<raft::v1::ForwardRequest, raft::v1::ForwardResponse> forward;
  Method<raft::v1::PartitionRequest, raft::v1::PartitionResponse> ask_partition;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_CALLBACKS_H_
