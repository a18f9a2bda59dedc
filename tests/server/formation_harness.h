// FormationHarness: the first starts of the nodes of a cluster, in one process.
#ifndef KAPPA_TESTS_SERVER_FORMATION_HARNESS_H_
#define KAPPA_TESTS_SERVER_FORMATION_HARNESS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"
#include "server/formation.h"
#include "server/peer/peer_transport.h"

namespace kappa::server {

// Waits until `condition` holds; false after 20 s.
bool Eventually(const std::function<bool()>& condition);

// A search for a cluster on a thread of its own; ends with this object.
class Searching {
 public:
  // Stops by itself at the look number `stop_at` for a reason to stop; 0:
  // never.
  Searching(FormationOptions options, uint64_t stop_at);
  ~Searching();

  void Stop() { stop_ = true; }
  bool ended() const { return ended_; }
  // How often it has looked whether it shall stop: more than once a question.
  uint64_t looks() const { return looks_; }
  // Waits for the end.
  absl::StatusOr<Identity> Result();

 private:
  std::atomic<bool> stop_{false};
  std::atomic<bool> ended_{false};
  std::atomic<uint64_t> looks_{0};
  absl::StatusOr<Identity> result_ = absl::UnknownError("not ended");
  std::thread thread_;
};

class FormationHarness : public testing::Test {
 protected:
  // `count` nodes with the addresses of free ports.
  explicit FormationHarness(size_t count = 3);

  FormationOptions OptionsOf(uint64_t node) const;
  std::unique_ptr<Searching> Search(uint64_t node, uint64_t stop_at = 0) {
    return std::make_unique<Searching>(OptionsOf(node), stop_at);
  }
  std::string DirectoryOf(uint64_t node) const;
  static NodeInfo FounderOf(uint64_t node, const Uuid& disk_id);
  // Its disk forgets everything.
  void Wipe(uint64_t node);

  // The node serves, as one that has a cluster.
  void Serve(uint64_t node, const Identity& identity,
             PeerCallbacks callbacks = {});
  void EndServing(uint64_t node) { serving_.erase(node); }
  // What askers of served nodes said last that they wait for.
  std::string WaitsFor(uint64_t node) const;

  // All three form a cluster; returns the identities.
  std::vector<Identity> FormAll();

  SystemClock clock_;
  std::vector<PeerAddress> peers_;

 private:
  std::string directory_;
  mutable Mutex mutex_;
  std::map<uint64_t, std::string> waits_for_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, std::unique_ptr<PeerTransport>> serving_;
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_FORMATION_HARNESS_H_
