// Three nodes on real files, of which one byte rots under the leader: clients
// go on, it is repaired from the others, and every node has every record.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/rocks_log_store.h"
#include "tests/server/node_cluster.h"

namespace kappa::server {
namespace {

namespace fs = std::filesystem;

constexpr size_t kValueBytes = 100'000;

// Where entries stand, and how many of them it takes until some do.
struct Files {
  const char* folder;
  uint64_t segment_bytes;
  int records;
};
constexpr Files kFiles[] = {
    {"sealed", storage::kSegmentBytesMin, 40},
    {"db", uint64_t{1} << 30, 120},  // flushed, of the active segment
};

// One that is found in a file as it stands.
std::string ValueOf(uint64_t number) {
  std::string value = absl::StrCat("<", number, ">");
  while (value.size() < kValueBytes) absl::StrAppend(&value, number, ".");
  return value;
}

class NodeFilesDamageTest : public testing::TestWithParam<Files> {
 protected:
  NodeFilesDamageTest() {
    std::string pattern = testing::TempDir() + "/node_files_XXXXXX";
    root_ = mkdtemp(pattern.data());
    cluster_.emplace([this](size_t i, MemoryHarness& node) {
      storage::RocksLogStoreOptions options;
      options.directory = Directory(i);
      options.segment_bytes = GetParam().segment_bytes;
      options.memtable_bytes = 4 << 20;
      options.block_cache_bytes = 64 << 10;
      options.direct_io = false;
      options.on_fatal = [](const absl::Status& status) {
        ADD_FAILURE() << status;
      };
      auto store = storage::RocksLogStore::Open(std::move(options));
      ASSERT_TRUE(store.ok()) << store.status();
      node.SetStore(*std::move(store));
      node.options.window_bytes = 0;
    });
    cluster_->MakeTopic("t", 1);
    group_ = cluster_->GroupOf("t", 0);
    for (int i = 0; i < GetParam().records; ++i) Append();
  }
  ~NodeFilesDamageTest() override {
    cluster_.reset();
    fs::remove_all(root_);
  }

  std::string Directory(size_t i) const { return absl::StrCat(root_, "/", i); }
  void Append() {
    expected_.push_back(ValueOf(expected_.size()));
    cluster_->Append(group_, expected_.back(),
                     Sequence("0123456789abcdef", 0, expected_.size()));
  }
  // Flips a bit of the first record that stands in a file of that folder of
  // node `i`; returns its offset, absent: there is none.
  std::optional<uint64_t> FlipIn(size_t i, const std::string& folder) {
    for (uint64_t number = 0; number < expected_.size(); ++number) {
      const std::string mark = absl::StrCat("<", number, ">", number, ".");
      std::error_code gone;
      for (fs::recursive_directory_iterator
               at(Directory(i) + "/" + folder, gone),
           end;
           !gone && at != end; at.increment(gone)) {
        if (at->path().extension() != ".sst") continue;
        std::fstream file(at->path(),
                          std::ios::in | std::ios::out | std::ios::binary);
        std::string bytes{std::istreambuf_iterator<char>(file), {}};
        const size_t place = bytes.find(mark);
        if (place == std::string::npos) continue;
        file.clear();
        file.seekp(static_cast<std::streamoff>(place + 1));
        file.put(static_cast<char>(bytes[place + 1] ^ 1));
        file.flush();
        EXPECT_TRUE(file.good());
        return number;
      }
    }
    return std::nullopt;
  }
  absl::Status ReadAt(size_t i, uint64_t offset) {
    ReadCommand command;
    command.group = group_;
    command.from = Offset(offset);
    command.until = Offset(offset + 1);
    command.bytes_max = 1;
    return cluster_->driver(i).Read(command).status();
  }

  // Of the last entry that all nodes have.
  void ExpectEqualChains() {
    for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
      cluster_->ReadAll(i, group_, expected_.size());
    }
    std::vector<Digest> chains;
    for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
      const storage::LogStore& store = cluster_->harness(i).any_store();
      const ReplicaNumber number = cluster_->NumberOf(i, group_);
      const LogIndex last =
          *store.FindOffset(number, Offset(expected_.size() - 1));
      chains.push_back(store.ReadHeader(number, last)->chain);
    }
    EXPECT_EQ(chains[0], chains[1]);
    EXPECT_EQ(chains[0], chains[2]);
  }

  std::string root_;
  std::optional<NodeCluster> cluster_;
  GroupId group_;
  std::vector<std::string> expected_;
};

TEST_P(NodeFilesDamageTest, ALeadersDamagedRecordIsRepaired) {
  size_t damaged = 0;
  std::optional<uint64_t> rotten;
  // Whatever is sealed or flushed by now, where the cluster wants the leader to
  // be: nothing but the damage moves it.
  const size_t preferred =
      cluster_->node(0).FindTopic("t")->VotersOf(0).front().node.value() - 1;
  ASSERT_TRUE(cluster_->Await([&] {
    Append();
    damaged = cluster_->Leader(group_);
    if (damaged != preferred) return false;
    rotten = FlipIn(damaged, GetParam().folder);
    return rotten.has_value();
  }));
  // Whoever reads it finds it: its log holds it, a cache may not.
  ASSERT_TRUE(cluster_->Await(
      [&] { return ReasonOf(ReadAt(damaged, *rotten)) == "DATA_DAMAGED"; }));
  for (int i = 0; i < 10; ++i) Append();
  ASSERT_TRUE(cluster_->Await([&] { return ReadAt(damaged, *rotten).ok(); }));
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
    EXPECT_EQ(cluster_->ReadAll(i, group_, expected_.size()), expected_)
        << "node " << i;
  }
  // It is nowhere listed any more, and serves after a restart, too.
  ASSERT_TRUE(cluster_->Await([&] {
    const v1::GetHealthResponse health = cluster_->Health(damaged);
    return std::none_of(health.problems().begin(), health.problems().end(),
                        [](const v1::HealthProblem& problem) {
                          return problem.kind() ==
                                 v1::HEALTH_PROBLEM_KIND_DAMAGED;
                        });
  }));
  Append();
  ExpectEqualChains();
}

// The block of the first record holds the first entry, too, which a start
// reads.
TEST_P(NodeFilesDamageTest, AReplicaIsOpenedOnADamagedBeginning) {
  const size_t damaged = (cluster_->Leader(group_) + 1) % NodeCluster::kNodes;
  std::optional<uint64_t> rotten;
  ASSERT_TRUE(cluster_->Await([&] {
    Append();
    rotten = FlipIn(damaged, GetParam().folder);
    return rotten.has_value();
  }));
  ASSERT_EQ(rotten, 0u);
  cluster_->Kill(damaged);
  const storage::LogStore& store = cluster_->harness(damaged).any_store();
  const ReplicaNumber number = cluster_->NumberOf(damaged, group_);
  const absl::Status unread = store.TermStarts(number).status();
  EXPECT_TRUE(absl::IsDataLoss(unread)) << unread;
  cluster_->Start(damaged);
  Append();
  ASSERT_TRUE(cluster_->Await([&] { return ReadAt(damaged, 0).ok(); }));
  ASSERT_TRUE(cluster_->Await([&] { return store.TermStarts(number).ok(); }));
  EXPECT_EQ(cluster_->ReadAll(damaged, group_, expected_.size()), expected_);
  ExpectEqualChains();
}

INSTANTIATE_TEST_SUITE_P(Files, NodeFilesDamageTest, testing::ValuesIn(kFiles),
                         [](const auto& info) { return info.param.folder; });

}  // namespace
}  // namespace kappa::server
