// PeerStatus: what a transport knows about another node, for failure detection,
// metrics and whoever looks for a fault.
#ifndef KAPPA_SERVER_PEER_PEER_STATUS_H_
#define KAPPA_SERVER_PEER_PEER_STATUS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "proto/wire/types.h"
#include "server/peer/peer_message.h"
#include "server/peer/send_queue.h"

namespace kappa::server {

enum class LinkState {
  kConnecting,  // an attempt is under way
  kConnected,   // both ends agreed
  kBackoff,     // waits for the next attempt
  kStopped,     // removed
};

// Times are microseconds of Clock::MonotonicUs; counters begin when the peer
// was set, or first heard.
struct LinkStatus {
  LinkState state = LinkState::kBackoff;
  int64_t since_us = 0;  // in this state
  uint64_t attempts = 0;
  uint64_t connections = 0;  // attempts that succeeded
  std::string last_error;    // why the last one ended; empty: none did
  SendQueue::Counters queue;
  size_t queued_bytes = 0;
  // Handed to gRPC; beats are frames without messages.
  uint64_t sent_frames = 0;
  uint64_t sent_messages = 0;
  uint64_t sent_bytes = 0;
};

struct HearingStatus {
  bool connected = false;
  uint64_t received_frames = 0;
  uint64_t received_messages = 0;
  uint64_t received_bytes = 0;
};

struct PeerStatus {
  NodeId node;
  // To the node; nullopt while it is only heard.
  struct Sending {
    std::string address;
    std::array<LinkStatus, kPeerClassCount> links;  // by class
  };
  std::optional<Sending> sending;
  // From the node; nullopt while it never began a connection that was accepted.
  struct Hearing {
    std::string address;  // where it says that it serves nodes
    Uuid disk_id{};
    uint64_t open_id = 0;
    // When its newest frame or hello came in.
    int64_t last_heard_us = 0;
    std::array<HearingStatus, kPeerClassCount> streams;  // by class
  };
  std::optional<Hearing> hearing;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_STATUS_H_
