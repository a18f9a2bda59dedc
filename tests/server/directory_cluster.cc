#include "tests/server/directory_cluster.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/cluster_status.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kTickUs = 10'000;
constexpr int64_t kAwaitUs = 30'000'000;

std::string NewDirectory() {
  const char* parent = std::getenv("TEST_TMPDIR");
  std::string pattern =
      std::string(parent != nullptr ? parent : "/tmp") + "/cluster-XXXXXX";
  return mkdtemp(pattern.data());
}

}  // namespace

class DirectoryCluster::Member final : public NodeHarness {
 public:
  absl::Status Open() override {
    absl::StatusOr<std::unique_ptr<Node>> node = Node::Open(options);
    if (!node.ok()) return node.status();
    node_ = *std::move(node);
    return absl::OkStatus();
  }
  void Stop() override { node_.reset(); }
  void Kill() override { node_.reset(); }

  std::atomic<bool> forgot{false};
};

DirectoryCluster::DirectoryCluster() : root_(NewDirectory()) {
  std::vector<NodeInfo> founders;
  for (size_t i = 0; i < kNodes; ++i) {
    NodeInfo info;
    info.node = NodeId(i + 1);
    info.disk_id = RandomUuid();
    info.address = absl::StrCat("peer", i + 1, ":1");
    info.client_address = absl::StrCat("client", i + 1, ":1");
    founders.push_back(info);
  }
  const Uuid cluster_id = RandomUuid();
  for (size_t i = 0; i < kNodes; ++i) {
    identities_[i] = {.cluster_id = cluster_id,
                      .node_id = founders[i].node,
                      .disk_id = founders[i].disk_id,
                      .formed = false,
                      .founders = founders};
    nodes_[i] = std::make_unique<Member>();
    Member& node = *nodes_[i];
    node.options.clock = &clocks_[i];
    node.options.data_dir = absl::StrCat(root_, "/", i);
    node.options.memtable_bytes = 4 << 20;
    node.options.block_cache_bytes = 4 << 20;
    node.options.tick_us = kTickUs;
    node.options.self = founders[i];
    node.options.start_network = switch_.NetworkOf(founders[i]);
    node.options.find_cluster = [this, i] { return FindPlace(i); };
    node.options.on_forgot = [&node](const absl::Status&) {
      node.forgot = true;
    };
    drivers_[i] = std::make_unique<NodeDriver>(&node);
  }
}

DirectoryCluster::~DirectoryCluster() {
  for (size_t i = 0; i < kNodes; ++i) Cut(i);
  for (size_t i = 0; i < kNodes; ++i) {
    if (up(i)) Stop(i);
  }
  fs::remove_all(root_);
}

absl::StatusOr<Identity> DirectoryCluster::FindPlace(size_t i) {
  const auto found = ReadIdentity(directory(i));
  if (!found.ok()) return found.status();
  if (found->has_value()) return **found;
  if (std::exchange(placed_[i], true)) {
    if (replaces_) return TakeFormerPlace(i);
    return absl::CancelledError("the cluster has another disk of this node");
  }
  const absl::Status written = WriteIdentity(directory(i), identities_[i]);
  if (!written.ok()) return written;
  return identities_[i];
}

absl::StatusOr<Identity> DirectoryCluster::TakeFormerPlace(size_t i) {
  const NodeId node = identities_[i].node_id;
  const absl::StatusOr<Uuid> disk_id = ReserveDiskId(directory(i), node);
  if (!disk_id.ok()) return disk_id.status();
  raft::v1::JoinRequest request;
  request.set_replaces(true);
  request.mutable_self()->set_node_id(node.value());
  request.mutable_self()->set_disk_id(BytesOf(*disk_id));
  request.mutable_self()->set_address(nodes_[i]->options.self.address);
  absl::StatusOr<raft::v1::JoinResponse> joined =
      absl::UnknownError("not tried");
  Await([&] {
    for (size_t other = 0; other < kNodes; ++other) {
      if (up(other) && !joined.ok()) {
        joined = switch_.Join(NodeId(other + 1), request);
      }
    }
    return joined.ok();
  });
  if (!joined.ok()) return joined.status();
  Identity identity = identities_[i];
  identity.disk_id = *disk_id;
  identity.incarnation = Incarnation(joined->self().incarnation());
  const absl::Status written = WriteIdentity(directory(i), identity);
  if (!written.ok()) return written;
  return identity;
}

const std::string& DirectoryCluster::directory(size_t i) const {
  return nodes_[i]->options.data_dir;
}

bool DirectoryCluster::forgot(size_t i) const { return nodes_[i]->forgot; }

absl::Status DirectoryCluster::Start(size_t i) {
  absl::Status opened = nodes_[i]->Open();
  up_[i] = opened.ok();
  return opened;
}

void DirectoryCluster::StartAll() {
  std::array<std::thread, kNodes> starts;
  for (size_t i = 0; i < kNodes; ++i) {
    starts[i] = std::thread([this, i] {
      KAPPA_CHECK(Start(i).ok(), "an empty directory is one of the cluster's");
    });
  }
  for (std::thread& start : starts) start.join();
}

void DirectoryCluster::Stop(size_t i) {
  up_[i] = false;
  nodes_[i]->Stop();
}

void DirectoryCluster::Wipe(size_t i) {
  KAPPA_CHECK(!up(i), "nobody writes it");
  fs::remove_all(directory(i));
}

std::string DirectoryCluster::Copy(size_t i) {
  KAPPA_CHECK(!up(i), "nobody writes it");
  const std::string copy = absl::StrCat(root_, "/copy", ++copies_);
  fs::copy(directory(i), copy, fs::copy_options::recursive);
  return copy;
}

void DirectoryCluster::PutBack(size_t i, const std::string& copy) {
  KAPPA_CHECK(!up(i), "nobody writes it");
  fs::remove_all(directory(i));
  fs::copy(copy, directory(i), fs::copy_options::recursive);
}

bool DirectoryCluster::Await(const std::function<bool()>& holds) {
  const int64_t end_us = clock_.MonotonicUs() + kAwaitUs;
  while (!holds()) {
    if (clock_.MonotonicUs() > end_us) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

GroupId DirectoryCluster::MakeTopic(const std::string& name,
                                    const std::vector<size_t>& nodes) {
  v1::CreateTopicRequest request;
  request.set_name(name);
  request.set_partitions(1);
  request.set_deletion_protection(false);
  const bool made = Await([&] {
    return std::any_of(nodes.begin(), nodes.end(), [&](size_t i) {
      return driver(i).CreateTopic(request).ok();
    });
  });
  KAPPA_CHECK(made, "a majority makes the topic");
  const bool known = Await([&] {
    return std::all_of(nodes.begin(), nodes.end(), [&](size_t i) {
      return driver(i).node().FindTopic(name) != nullptr;
    });
  });
  KAPPA_CHECK(known, "every node learns of the topic");
  return driver(nodes.front()).GroupOf(name, 0);
}

bool DirectoryCluster::MakeLead(size_t i, GroupId group) {
  return Await([&] {
    for (size_t asked = 0; asked < kNodes; ++asked) {
      if (!up(asked)) continue;
      auto& owner = dynamic_cast<ClusterStatusOwner&>(driver(asked).node());
      std::promise<bool> led;
      owner.cluster_status()->TransferLeadership(
          group, NodeId(i + 1),
          [&led](const auto& leader) { led.set_value(leader.ok()); });
      if (led.get_future().get()) return true;
    }
    return false;
  });
}

bool DirectoryCluster::Appends(GroupId group, const std::string& value,
                               const std::vector<size_t>& nodes, int64_t us) {
  const int64_t end_us = clock_.MonotonicUs() + us;
  // The same batch, however often it takes.
  const v1::ProducerSequence once = Sequence(BytesOf(RandomUuid()), 0, 1);
  do {
    for (const size_t i : nodes) {
      if (driver(i).Append(group, {value}, once).ok()) return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  } while (clock_.MonotonicUs() < end_us);
  return false;
}

AppendResult DirectoryCluster::Append(GroupId group, const std::string& value,
                                      const std::vector<size_t>& nodes) {
  const v1::ProducerSequence once = Sequence(BytesOf(RandomUuid()), 0, 1);
  absl::StatusOr<AppendResult> result = absl::UnknownError("not tried");
  const bool stored = Await([&] {
    for (const size_t i : nodes) {
      if (!result.ok()) result = driver(i).Append(group, {value}, once);
    }
    return result.ok();
  });
  KAPPA_CHECK(stored, "a majority stores the batch");
  return *std::move(result);
}

std::vector<std::string> DirectoryCluster::ReadAll(size_t i, GroupId group,
                                                   uint64_t end) {
  const bool there = Await([&] {
    const auto at = driver(i).GetEnd(group);
    return at.ok() && at->end_offset.value() >= end;
  });
  KAPPA_CHECK(there, "the node catches up");
  return driver(i).ReadAll(group);
}

}  // namespace kappa::server
