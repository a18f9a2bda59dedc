// Every data directory that an earlier build wrote must open, with equal chain
// digests and content. The digests come from tests/data/chain_known_answers.py.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/sha256.h"
#include "storage/memory_log_store.h"
#include "storage/rocks_log_store.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/format_content.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

constexpr const char* kChains[] = {
    "b8763075a53926a3cbd8bd5aea9cc9b78f6d4a42a33cbc8ab789464640d7e1ab",
    "8366690d4ec44d9d9ddf41cd4fac27f600c4c7ec697012e7910b3ba255632541",
    "20487f42471cf81d30705de601cc79982f533e3346e43058fefa7fb41f4cc82d",
};

class FormatTest : public testing::TestWithParam<int> {
 protected:
  FormatTest() {
    const std::string copy = FreshDirectory("data");
    CopyTree("tests/data/format-" + std::to_string(GetParam()), copy);
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(copy)) {
      std::filesystem::permissions(entry.path(),
                                   std::filesystem::perms::owner_write,
                                   std::filesystem::perm_options::add);
    }
    RocksLogStoreOptions options;
    options.directory = copy;
    options.segment_bytes = kSegmentBytesMin;
    auto store = RocksLogStore::Open(options);
    EXPECT_TRUE(store.ok()) << store.status();
    if (store.ok()) store_ = *std::move(store);
    WriteFormatContent(&expected_);
  }

  MemoryLogStore expected_;
  std::unique_ptr<RocksLogStore> store_;
};

TEST_P(FormatTest, OpensWithEqualChainsAndContent) {
  ASSERT_NE(store_, nullptr);
  EXPECT_GE(store_->open_report().sealed_segments, 1u);
  const std::vector<ReplicaInfo> replicas = store_->Replicas();
  ASSERT_EQ(replicas.size(), 3u);
  for (size_t i = 0; i < replicas.size(); ++i) {
    const ReplicaNumber number = replicas[i].number;
    EXPECT_EQ(replicas[i].spec.group, GroupId(i + 1));
    const auto position = store_->Position(number);
    ASSERT_TRUE(position.ok()) << position.status();
    EXPECT_EQ(*position, *expected_.Position(number));
    EXPECT_EQ(HexDigest(position->chain), kChains[i]);
    const LogIndex first = position->base.id.index.Next();
    const auto read = store_->Read(number, first, position->last.index,
                                   size_t{1} << 30, ReadClass::kReplay);
    ASSERT_TRUE(read.ok()) << read.status();
    const auto expected = expected_.Read(number, first, position->last.index,
                                         size_t{1} << 30, ReadClass::kReplay);
    ASSERT_EQ(read->size(), expected->size());
    for (size_t at = 0; at < read->size(); ++at) {
      EXPECT_EQ((*read)[at].header, (*expected)[at].header);
      EXPECT_EQ((*read)[at].payload.ToString(),
                (*expected)[at].payload.ToString());
    }
  }
}

TEST_P(FormatTest, SideRowsAndVotesAreThere) {
  ASSERT_NE(store_, nullptr);
  EXPECT_EQ(*store_->GetSideRow(SideTable::kProducers, "producer row"),
            "through 10");
  EXPECT_EQ(*store_->GetSideRow(SideTable::kMetadata, "metadata row"), "one");
  EXPECT_EQ(*store_->GetSideRow(SideTable::kMetadata, "deleted row"),
            std::nullopt);
  const auto position = store_->Position(ReplicaNumber(1));
  ASSERT_TRUE(position.ok()) << position.status();
  EXPECT_EQ(position->hard_state.term, Term(4));
  EXPECT_EQ(position->hard_state.vote, (ReplicaId{NodeId(1), Incarnation(1)}));
}

TEST_P(FormatTest, TheLogGoesOn) {
  ASSERT_NE(store_, nullptr);
  const ReplicaNumber number = store_->Replicas()[1].number;
  LogScript script(number, *store_->Position(number));
  script.set_term(Term(9));
  GroupWrite write = script.Empty();
  write.entries.push_back(script.Records("new"));
  ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  EXPECT_EQ(*store_->Position(number), script.position());
  const ReplicaSpec spec = SpecOfGroup(9);
  EXPECT_EQ(store_->CreateReplicas({&spec, 1})->front(), ReplicaNumber(5))
      << "the number of the dropped replica is not given again";
}

INSTANTIATE_TEST_SUITE_P(Formats, FormatTest, testing::Values(1));

}  // namespace
}  // namespace kappa::storage
