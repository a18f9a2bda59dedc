// PeerFixture: transports in one process, on loopback, and what they hear.
#ifndef KAPPA_TESTS_SERVER_PEER_PEER_FIXTURE_H_
#define KAPPA_TESTS_SERVER_PEER_PEER_FIXTURE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "gtest/gtest.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"
#include "server/peer/peer_transport.h"

namespace kappa::server {

// What one node was told.
class Heard {
 public:
  // Keeps the credits too while `keep` is set.
  void Take(PeerDelivery delivery);
  void KeepCredits(bool keep);
  // Waits until `condition` holds for the messages so far; false after 20 s.
  bool WaitFor(
      const std::function<bool(const std::vector<PeerMessage>&)>& condition);
  bool WaitForCount(size_t count) {
    return WaitFor([&](const auto& heard) { return heard.size() >= count; });
  }
  // In the order of their arrival.
  std::vector<PeerMessage> messages() const;
  // How many are append requests with entries.
  size_t entry_messages() const;

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool keep_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<PeerMessage> messages_ ABSL_GUARDED_BY(mutex_);
  std::vector<ReceiveCredit> credits_ ABSL_GUARDED_BY(mutex_);
};

// Waits until `condition` holds; false after 20 s.
bool Eventually(const std::function<bool()>& condition);

class PeerFixture : public testing::Test {
 protected:
  // Options of the node, on a free port, that tell `heard`.
  PeerTransportOptions OptionsOf(uint64_t node, Heard* heard);
  static std::unique_ptr<PeerTransport> Start(PeerTransportOptions options);
  // A node of the default options.
  std::unique_ptr<PeerTransport> Start(uint64_t node, Heard* heard) {
    return Start(OptionsOf(node, heard));
  }

  static PeerStatus StatusOf(const PeerTransport& transport, uint64_t node);
  static LinkStatus LinkOf(const PeerTransport& transport, uint64_t node,
                           PeerClass peer_class);
  // Waits until all links to the node are connected.
  static bool WaitConnected(const PeerTransport& transport, uint64_t node);
  // Waits until the control link's last error is set, and returns it.
  static std::string WaitForError(const PeerTransport& transport,
                                  uint64_t node);

  SystemClock clock_;
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_PEER_PEER_FIXTURE_H_
