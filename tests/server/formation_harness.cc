#include "tests/server/formation_harness.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "proto/wire/check.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

constexpr std::chrono::seconds kPatience{20};
constexpr int64_t kLookUs = 1'000;

// Addresses where nobody listens, each another one.
std::vector<std::string> FreeAddresses(size_t count, const Clock* clock) {
  std::vector<std::unique_ptr<PeerTransport>> places;
  std::vector<std::string> addresses;
  for (size_t i = 0; i < count; ++i) {
    PeerTransportOptions options;
    options.self.node = NodeId(1);
    options.clock = clock;
    options.callbacks.deliver = [](PeerDelivery) {};
    auto place = PeerTransport::Start(std::move(options));
    KAPPA_CHECK(place.ok(), "a free port");
    addresses.push_back((*place)->address().ToString());
    places.push_back(*std::move(place));
  }
  return addresses;
}

}  // namespace

bool Eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  Mutex mutex;
  CondVar never;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    MutexLock lock(&mutex);
    never.WaitFor(&mutex, kLookUs);
  }
  return true;
}

Searching::Searching(FormationOptions options, uint64_t stop_at) {
  options.stop = [this, stop_at] {
    return ++looks_ == stop_at || stop_.load();
  };
  thread_ = std::thread([this, options = std::move(options)] {
    result_ = FindCluster(options);
    if (absl::IsCancelled(result_.status()) && !stop_) {
      result_ = FindCluster(options);
    }
    ended_ = true;
  });
}

Searching::~Searching() {
  Stop();
  if (thread_.joinable()) thread_.join();
}

absl::StatusOr<Identity> Searching::Result() {
  if (!Eventually([this] { return ended(); })) {
    ADD_FAILURE() << "still searching after 20 s";
    Stop();
  }
  if (thread_.joinable()) thread_.join();
  return result_;
}

FormationHarness::FormationHarness(size_t count) {
  std::string pattern = std::string(std::getenv("TEST_TMPDIR")) + "/XXXXXX";
  directory_ = mkdtemp(pattern.data());
  const std::vector<std::string> addresses = FreeAddresses(count, &clock_);
  for (size_t i = 0; i < count; ++i) {
    peers_.push_back({NodeId(i + 1), addresses[i]});
    std::filesystem::create_directory(DirectoryOf(i + 1));
  }
}

FormationOptions FormationHarness::OptionsOf(uint64_t node) const {
  FormationOptions options;
  options.data_dir = DirectoryOf(node);
  options.self.node = NodeId(node);
  options.self.client_address = "client:" + std::to_string(node);
  options.self.rack = "rack " + std::to_string(node);
  options.peers = peers_;
  options.listen = *ListenAddress::Parse(peers_[node - 1].address);
  options.clock = &clock_;
  options.period_us = 5'000;
  options.replace_after_us = 0;
  options.replace_period_us = 5'000;
  return options;
}

std::string FormationHarness::DirectoryOf(uint64_t node) const {
  return directory_ + "/" + std::to_string(node);
}

NodeInfo FormationHarness::FounderOf(uint64_t node, const Uuid& disk_id) {
  NodeInfo founder;
  founder.node = NodeId(node);
  founder.disk_id = disk_id;
  return founder;
}

void FormationHarness::Wipe(uint64_t node) {
  std::filesystem::remove_all(DirectoryOf(node));
  std::filesystem::create_directory(DirectoryOf(node));
}

void FormationHarness::Serve(uint64_t node, const Identity& identity,
                             PeerCallbacks callbacks) {
  EndServing(node);
  const FormationOptions started = OptionsOf(node);
  NodeInfo self = started.self;
  self.address = peers_[node - 1].address;
  PeerTransportOptions options;
  options.listen = started.listen;
  options.self.node = NodeId(node);
  options.self.cluster_id = BytesOf(identity.cluster_id);
  options.clock = &clock_;
  options.callbacks = std::move(callbacks);
  options.callbacks.deliver = [](PeerDelivery) {};
  options.callbacks.probe = [this,
                             answers = AnswerProbes(identity, self, peers_)](
                                raft::v1::ProbeRequest request, auto done) {
    {
      MutexLock lock(&mutex_);
      waits_for_[request.self().node_id()] = request.waits_for();
    }
    answers(std::move(request), std::move(done));
  };
  auto transport = PeerTransport::Start(std::move(options));
  ASSERT_TRUE(transport.ok()) << transport.status();
  serving_[node] = *std::move(transport);
}

std::string FormationHarness::WaitsFor(uint64_t node) const {
  MutexLock lock(&mutex_);
  const auto found = waits_for_.find(node);
  return found == waits_for_.end() ? "" : found->second;
}

std::vector<Identity> FormationHarness::FormAll() {
  std::vector<std::unique_ptr<Searching>> searching;
  for (size_t i = peers_.size(); i > 0; --i) searching.push_back(Search(i));
  std::vector<Identity> identities;
  for (size_t i = 1; i <= peers_.size(); ++i) {
    absl::StatusOr<Identity> found = searching[peers_.size() - i]->Result();
    KAPPA_CHECK(found.ok(), "a cluster is formed");
    Serve(i, *found);
    identities.push_back(*std::move(found));
  }
  return identities;
}

}  // namespace kappa::server
