// Named producers are kept for ever, so there may be many: what each costs in
// memory, and what a start with all of them takes. The nightly has a million.
#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "proto/wire/clock.h"
#include "server/metadata_rows.h"
#include "storage/rocks_log_store.h"
#include "tests/server/node_driver.h"
#include "tests/server/node_harness.h"

namespace kappa::server {
namespace {

constexpr size_t kBytesEachMax = 64;
// What differs between two starts, whatever they find: caches, arenas.
constexpr size_t kSlackBytes = size_t{10} << 20;
constexpr int64_t kOpenUsMax = 20'000'000;

bool Nightly() { return std::getenv("KAPPA_NIGHTLY") != nullptr; }
uint64_t Producers() { return Nightly() ? 1'000'000 : 200'000; }

std::string NameOf(uint64_t i) {
  return absl::StrFormat("a-listener-of-a-fleet-%07d", i);
}
std::string IdOf(uint64_t i) { return absl::StrFormat("%016d", i); }

// Of large blocks, which have mappings of their own, too.
size_t AllocatedBytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

class ManyProducersTest : public testing::Test {
 protected:
  void Open() { ASSERT_EQ(harness_->Open(), absl::OkStatus()); }

  // As the metadata group writes them.
  void PutRows() {
    storage::RocksLogStoreOptions options;
    options.directory = harness_->options.data_dir;
    auto store = storage::RocksLogStore::Open(std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    storage::GroupWrite write;
    for (const storage::ReplicaInfo& replica : (*store)->Replicas()) {
      if (replica.spec.group == GroupId(0)) write.replica = replica.number;
    }
    for (uint64_t i = 0; i < Producers(); ++i) {
      storage::v1::ProducerRow row;
      row.set_id(IdOf(i));
      row.set_epoch(1);
      write.side_rows.push_back(
          PutRow(RowKey(kProducerPrefix, NameOf(i)), row));
      if (write.side_rows.size() < 10'000 && i + 1 < Producers()) continue;
      ASSERT_TRUE((*store)->Commit({&write, 1}).ok());
      write.side_rows.clear();
    }
  }
  uint64_t OpenProducer(const std::string& name) {
    const auto opened = driver_.OpenProducer(name, "t", {0});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? opened->epoch() : 0;
  }

  std::unique_ptr<NodeHarness> harness_ = Harnesses().front()();
  NodeDriver driver_{harness_.get()};
};

TEST_F(ManyProducersTest, CostLittleAndAnswerAsBefore) {
  Open();
  driver_.MakeTopic("t", 1);
  harness_->Stop();
  Open();
  const size_t without = AllocatedBytes();
  harness_->Stop();
  PutRows();
  // All rows are in the log now, which any start would have to read.
  Open();
  harness_->Stop();

  const SystemClock clock;
  const int64_t begun_us = clock.MonotonicUs();
  Open();
  const int64_t took_us = clock.MonotonicUs() - begun_us;
  const size_t with = AllocatedBytes();
  const size_t bytes = with > without ? with - without : 0;
  std::cout << Producers() << " named producers: " << bytes
            << " bytes more than none, started in " << took_us / 1000
            << " ms\n";
  EXPECT_LE(bytes, kBytesEachMax * Producers() + kSlackBytes);
  EXPECT_LE(took_us, kOpenUsMax);

  const GroupId group = driver_.GroupOf("t", 0);
  const uint64_t last = Producers() - 1;
  EXPECT_TRUE(driver_.Append(group, {"a"}, Sequence(IdOf(last), 1, 1)).ok());
  EXPECT_EQ(
      ReasonOf(
          driver_.Append(group, {"b"}, Sequence(IdOf(last), 2, 2)).status()),
      "PRODUCER_UNKNOWN");
  EXPECT_EQ(OpenProducer(NameOf(last)), 2u);
  EXPECT_EQ(OpenProducer(NameOf(last)), 3u);
  EXPECT_EQ(OpenProducer("new"), 1u);
  EXPECT_EQ(
      ReasonOf(
          driver_.Append(group, {"c"}, Sequence(IdOf(last), 1, 2)).status()),
      "PRODUCER_FENCED");
  EXPECT_TRUE(driver_.Append(group, {"c"}, Sequence(IdOf(last), 3, 2)).ok());
  EXPECT_EQ(driver_.GetProducer(NameOf(0), "t", {0})->epoch(), 1u);
  EXPECT_EQ(ReasonOf(driver_.GetProducer("never", "t", {0}).status()),
            "PRODUCER_NOT_FOUND");
  EXPECT_EQ(harness_->node().Stats().named_producers, Producers() + 1);

  harness_->Kill();
  Open();
  EXPECT_EQ(OpenProducer(NameOf(last)), 4u);
  EXPECT_EQ(OpenProducer("new"), 2u);
  EXPECT_EQ(OpenProducer(NameOf(0)), 2u);
  EXPECT_EQ(harness_->node().Stats().named_producers, Producers() + 1);
}

}  // namespace
}  // namespace kappa::server
