#include "tests/simulation/nodes/simulated_node.h"

#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/met_nodes.h"
#include "server/shard.h"

namespace kappa::node_simulation {
namespace {

constexpr uint64_t kDiskBytes = 1'000;

}  // namespace

SimulatedNode::SimulatedNode(World* world, NodeSwitch* network,
                             DurableWatch* watch,
                             std::function<void()> run_world,
                             server::NodeInfo self,
                             const server::Identity& identity)
    : clock(world),
      world_(world),
      network_(network),
      self_(std::move(self)),
      identity_(identity),
      disk_(world, watch, self_.node),
      turns_(world, std::move(run_world)) {
  server::DiskGuardOptions options;
  options.data_dir = "/nonexistent";  // without a ballast nothing is written
  options.settings = {
      .low_bytes = 100, .critical_bytes = 50, .ballast_bytes = 0};
  options.probe = [this]() -> absl::StatusOr<server::FileSystemSpace> {
    return server::FileSystemSpace{kDiskBytes, free_bytes_};
  };
  auto guard = server::DiskGuard::Start(std::move(options));
  KAPPA_CHECK(guard.ok(), "the space is known");
  guard_ = *std::move(guard);
}

SimulatedNode::~SimulatedNode() {
  if (up()) Kill(false);
}

void SimulatedNode::Start() {
  KAPPA_CHECK(!up() && !starting_ && !homeless_, "it is down");
  if (std::exchange(forgot_, false)) return LoseDisk();
  server::NodeOptions options;
  options.shards = world_->options.shards;
  options.window_bytes = 64 << 10;  // so small that the disk is read, too
  options.self = self_;
  options.start_network = [this, start = network_->NetworkOf(self_, &clock)](
                              const server::Identity& identity,
                              uint64_t open_id,
                              server::PeerCallbacks callbacks) {
    // From now on it meets others.
    turns_.waiting = Waiting::kWorldRuns;
    starting_ = true;
    return start(identity, open_id, std::move(callbacks));
  };
  options.clock = &clock;
  options.turns = &turns_;
  options.accept_clock_behind = true;
  options.new_uuid = [this] {
    Uuid uuid;
    const uint64_t halves[2] = {world_->ids.Next(), world_->ids.Next()};
    std::memcpy(uuid.data(), halves, sizeof(uuid));
    return uuid;
  };
  options.disk = guard_->state();
  options.on_fatal = [this](const absl::Status&) { failed_ = true; };
  options.on_forgot = [this](const absl::Status&) { forgot_ = true; };
  turns_.waiting = Waiting::kTimeStands;
  failed_ = false;
  auto node =
      server::LocalNode::OpenOn(std::move(options), disk_.Open(), identity_);
  starting_ = false;
  if (std::exchange(dying_, false)) {
    node = absl::CancelledError("it died");
    disk_.LoseUnsynced();
    clock.dying = false;
    SetPaused(false);
    return;
  }
  put_back_ = nullptr;
  if (server::IsForgotten(node.status())) {
    ++world_->counts.disks_forgetful;
    world_->Say(std::string(node.status().message()));
    forgot_ = false;
    return LoseDisk();
  }
  if (!node.ok()) {
    world_->Fail(absl::StrCat("node ", id().value(),
                              " does not start: ", node.status().ToString()));
    return;
  }
  node_ = *std::move(node);
  identity_.formed = true;
  turns_.waiting = Waiting::kWorldRuns;
  ++process_;
  ++world_->counts.starts;
  world_->Say(absl::StrCat("node ", id().value(), " starts"));
}

void SimulatedNode::DieMeeting() {
  KAPPA_CHECK(meeting(), "it meets others");
  world_->Say(absl::StrCat("node ", id().value(), " dies as it starts"));
  ++world_->counts.starts_cut_short;
  dying_ = true;
  ++process_;
  SetPaused(true);
  disk_.Detach();
  turns_.waiting = Waiting::kNever;
  clock.dying = true;
}

void SimulatedNode::LoseDisk() {
  KAPPA_CHECK(!up(), "it is down");
  world_->Say(absl::StrCat("node ", id().value(), " gets an empty disk"));
  disk_.Detach();
  disk_.Wipe();
  put_back_ = nullptr;
  homeless_ = true;
  const uint64_t halves[2] = {world_->ids.Next(), world_->ids.Next()};
  std::memcpy(self_.disk_id.data(), halves, sizeof(self_.disk_id));
}

void SimulatedNode::PutBack(std::shared_ptr<const NodeDisk::Image> image) {
  KAPPA_CHECK(!up(), "it is down");
  disk_.PutBack(*image);
  put_back_ = std::move(image);
}

void SimulatedNode::TakeIn(const server::NodeInfo& self,
                           const server::Identity& identity) {
  KAPPA_CHECK(std::exchange(homeless_, false), "it has no place");
  self_ = self;
  identity_ = identity;
}

void SimulatedNode::Kill(bool cycle_written) {
  KAPPA_CHECK(up(), "it runs");
  world_->Say(absl::StrCat("node ", id().value(), " dies"));
  if (cycle_written && !failed_) {
    disk_.fails_after_write = true;
    turns_.RunWriter();
  }
  disk_.Detach();
  turns_.waiting = Waiting::kNever;
  ++process_;
  std::unique_ptr<server::LocalNode> dying = std::move(node_);
  dying.reset();
  disk_.LoseUnsynced();
  SetPaused(false);
}

void SimulatedNode::ShutDown() {
  KAPPA_CHECK(up() && !paused_, "it runs");
  world_->Say(absl::StrCat("node ", id().value(), " is told to end"));
  ending_ = true;
  node_->Shutdown();
  ending_ = false;
  turns_.waiting = Waiting::kNever;
  ++process_;
  std::unique_ptr<server::LocalNode> ended = std::move(node_);
  ended.reset();
  disk_.Detach();
}

void SimulatedNode::SetPaused(bool paused) {
  paused_ = paused;
  network_->SetPaused(id(), paused);
}

void SimulatedNode::FailNextSync(bool after_write) {
  (after_write ? disk_.fails_after_write : disk_.fails) = true;
}

void SimulatedNode::SetFreeBytes(uint64_t bytes) {
  free_bytes_ = bytes;
  guard_->Check();
}

bool SimulatedNode::Step() {
  if (meeting() && at_meeting_) std::exchange(at_meeting_, nullptr)();
  if ((!up() && !meeting()) || paused_) return false;
  turns_.Step();
  if (!failed_ && !disk_.CommitIdle().ok()) failed_ = true;
  // Nobody may end it while it opens or ends.
  if (!up() || ending_) return false;
  if (forgot_) {
    ++world_->counts.disks_forgetful;
    world_->Say(absl::StrCat("node ", id().value(), " is told that it forgot"));
  } else if (failed_) {
    world_->Say(absl::StrCat("a sync of node ", id().value(), " failed"));
  }
  return forgot_ || failed_;
}

void SimulatedNode::ForEachGroup(
    absl::FunctionRef<void(const server::ShardGroup&)> look) const {
  for (const server::Shard* const shard : turns_.shards()) {
    shard->ForEachGroup(look);
  }
}

}  // namespace kappa::node_simulation
