#include "server/rpc/delivery.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/codec.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/record_set.h"
#include "proto/wire/sha256.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

using storage::StoredEntry;

// A partition held as records, and the same as stored batches.
struct Partition {
  struct Item {
    std::string key;
    std::string value;
    size_t batch;
  };
  std::vector<Item> records;
  std::vector<StoredEntry> batches;
};

StoredEntry Batch(uint64_t base, const std::vector<RecordView>& records,
                  Codec codec, int64_t append_time_us) {
  RecordSetEncoder encoder;
  for (const RecordView& record : records) encoder.Add(record);
  StoredEntry entry;
  entry.header.kind = raft::EntryKind::kRecords;
  entry.header.encoding = storage::PayloadEncoding::kRecordSet;
  entry.header.codec = codec;
  entry.header.record_count = static_cast<uint32_t>(records.size());
  entry.header.base_offset = Offset(base);
  entry.header.append_time_us = append_time_us;
  std::string bytes = encoder.Take();
  if (codec != Codec::kNone) bytes = *Compress(codec, bytes);
  entry.payload = Payload::FromString(std::move(bytes));
  entry.header.payload_bytes = static_cast<uint32_t>(entry.payload.bytes());
  entry.header.payload_crc32c = Crc32c(entry.payload);
  entry.header.payload_sha256 = Sha256(entry.payload);
  entry.header.chain[0] = static_cast<uint8_t>(base + 1);
  return entry;
}

Partition MakePartition(size_t batches, std::mt19937_64* rng) {
  Partition partition;
  for (size_t b = 0; b < batches; ++b) {
    const size_t count = 1 + (*rng)() % 9;
    const uint64_t base = partition.records.size();
    for (size_t i = 0; i < count; ++i) {
      partition.records.push_back(
          {"k" + std::to_string((*rng)() % 5),
           std::string((*rng)() % 30, 'v') + std::to_string(base + i), b});
    }
    std::vector<RecordView> views;
    for (size_t i = 0; i < count; ++i) {
      RecordView view;
      view.key = partition.records[base + i].key;
      view.value = partition.records[base + i].value;
      views.push_back(view);
    }
    constexpr Codec kCodecs[] = {Codec::kNone, Codec::kZstd, Codec::kLz4};
    partition.batches.push_back(
        Batch(base, views, kCodecs[(*rng)() % 3], 1000 + 10 * (int64_t)b));
  }
  return partition;
}

// What a client makes of delivered batches.
struct Received {
  std::vector<uint64_t> offsets;
  std::vector<std::string> values;
  uint64_t next_offset = 0;
  bool complete = false;
};

v1::DeliveredBatch Parsed(const EncodedBatch& batch) {
  WireMessage message;
  AppendBatchField(batch, /*copied_bytes_max=*/16, &message);
  v1::ReplayResponse response;
  EXPECT_TRUE(response.ParseFromString(message.ToString()));
  EXPECT_EQ(response.batches_size(), 1);
  return response.batches(0);
}

// Takes the records out as a plain client does, checking every field.
void Unpack(const v1::DeliveredBatch& batch, bool whole, Received* received) {
  std::string payload = batch.records().SerializeAsString();
  if (batch.has_compressed_records()) {
    payload = batch.compressed_records();
  }
  EXPECT_EQ(Crc32c(payload), batch.payload_crc32c());
  v1::RecordSet records = batch.records();
  if (batch.has_compressed_records()) {
    absl::StatusOr<std::string> inflated =
        Inflate(static_cast<Codec>(batch.compression()),
                Payload::FromString(payload), kBatchBytesMax);
    ASSERT_TRUE(inflated.ok());
    ASSERT_TRUE(records.ParseFromString(*inflated));
  } else {
    EXPECT_EQ(batch.compression(), v1::COMPRESSION_UNSPECIFIED);
  }
  ASSERT_EQ(records.records_size(), static_cast<int>(batch.record_count()));
  const int first = whole ? static_cast<int>(batch.first_record()) : 0;
  const int last = whole ? static_cast<int>(batch.last_record())
                         : records.records_size() - 1;
  if (!whole) {
    EXPECT_EQ(batch.first_record(), 0u);
  }
  for (int i = first; i <= last; ++i) {
    const uint64_t delta = batch.offset_deltas().empty()
                               ? static_cast<uint64_t>(i)
                               : batch.offset_deltas(i);
    received->offsets.push_back(batch.base_offset() + delta);
    received->values.push_back(records.records(i).value());
  }
}

Received Read(const Partition& partition, const v1::ReadOptions& options,
              ReadRange range) {
  absl::StatusOr<ReadPlan> checked = CheckReadOptions(options, true);
  EXPECT_TRUE(checked.ok()) << checked.status();
  auto plan = std::make_shared<const ReadPlan>(*std::move(checked));
  Delivery delivery(plan, range);
  std::vector<StoredEntry> order = partition.batches;
  if (options.backwards()) std::reverse(order.begin(), order.end());
  Received received;
  for (const StoredEntry& entry : order) {
    if (delivery.complete()) break;
    absl::StatusOr<DeliveryStep> step = delivery.Next(entry);
    EXPECT_TRUE(step.ok()) << step.status();
    if (step->batch.has_value()) {
      Unpack(Parsed(*step->batch), plan->whole_batches, &received);
    }
    delivery.Take(*step);
  }
  received.next_offset = delivery.next_offset().value();
  received.complete = delivery.complete();
  return received;
}

// The same by looking at one record after the other.
std::vector<uint64_t> Naive(const Partition& partition,
                            const v1::ReadOptions& options,
                            const ReadRange& range) {
  std::vector<uint64_t> all;
  for (uint64_t offset = 0; offset < partition.records.size(); ++offset) {
    const Partition::Item& item = partition.records[offset];
    const int64_t time_us = partition.batches[item.batch].header.append_time_us;
    if (!options.backwards() &&
        (offset < range.from.value() || offset >= range.until.value())) {
      continue;
    }
    if (options.backwards() &&
        (offset >= range.from.value() || offset < range.until.value())) {
      continue;
    }
    if (range.stop_time_us.has_value() && time_us >= *range.stop_time_us) {
      continue;
    }
    if (options.filter().has_key() && item.key != options.filter().key()) {
      continue;
    }
    all.push_back(offset);
  }
  if (options.records_max() != 0 && all.size() > options.records_max()) {
    if (options.backwards()) {
      all.erase(all.begin(),
                all.end() - static_cast<ptrdiff_t>(options.records_max()));
    } else {
      all.resize(options.records_max());
    }
  }
  if (!options.backwards()) return all;
  // Batches descending, records ascending within.
  std::stable_sort(all.begin(), all.end(), [&](uint64_t a, uint64_t b) {
    return partition.records[a].batch > partition.records[b].batch;
  });
  return all;
}

TEST(DeliveryTest, DeliversWhatANaiveReaderFinds) {
  std::mt19937_64 rng(7);
  for (int round = 0; round < 2000; ++round) {
    const Partition partition = MakePartition(1 + rng() % 8, &rng);
    const uint64_t end = partition.records.size();
    v1::ReadOptions options;
    options.set_backwards(rng() % 3 == 0);
    ReadRange range;
    range.end_offset = Offset(end);
    uint64_t low = rng() % (end + 1);
    uint64_t high = rng() % (end + 1);
    if (low > high && rng() % 8 != 0) std::swap(low, high);
    range.from = Offset(options.backwards() ? high : low);
    range.until = Offset(options.backwards() ? low : high);
    if (!options.backwards() && rng() % 4 == 0) {
      range.stop_time_us = 1000 + static_cast<int64_t>(rng() % 100);
    }
    if (rng() % 2 != 0) options.set_records_max(1 + rng() % 12);
    if (rng() % 3 == 0) options.set_delivery(v1::DELIVERY_WHOLE_BATCHES);
    if (rng() % 3 == 0) {
      options.mutable_filter()->set_key("k" + std::to_string(rng() % 5));
    }
    if (rng() % 2 != 0) {
      options.add_accepted_compressions(v1::COMPRESSION_ZSTD);
    }
    const Received received = Read(partition, options, range);
    const std::vector<uint64_t> expected = Naive(partition, options, range);
    ASSERT_EQ(received.offsets, expected)
        << "round " << round << " " << options.ShortDebugString() << " from "
        << range.from.value() << " until " << range.until.value();
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(received.values[i], partition.records[expected[i]].value);
    }
    // Going on from next_offset finds exactly the rest.
    if (options.records_max() == 0 || range.stop_time_us.has_value()) continue;
    v1::ReadOptions rest = options;
    rest.clear_records_max();
    range.from = Offset(received.next_offset);
    std::vector<uint64_t> all = Naive(partition, rest, range);
    const Received more = Read(partition, rest, range);
    ASSERT_EQ(more.offsets, all);
    std::vector<uint64_t> together = received.offsets;
    together.insert(together.end(), all.begin(), all.end());
    std::sort(together.begin(), together.end());
    ASSERT_EQ(std::unique(together.begin(), together.end()), together.end());
  }
}

Partition Plain(size_t batches, size_t per_batch, Codec codec) {
  Partition partition;
  for (size_t b = 0; b < batches; ++b) {
    std::vector<RecordView> views;
    for (size_t i = 0; i < per_batch; ++i) {
      partition.records.push_back({"k", "value", b});
      RecordView view;
      view.key = "k";
      view.value = "value";
      views.push_back(view);
    }
    partition.batches.push_back(
        Batch(b * per_batch, views, codec, 100 * static_cast<int64_t>(b)));
  }
  return partition;
}

struct Reader {
  std::shared_ptr<const ReadPlan> plan;
  Delivery delivery;
};

Reader MakeReader(const v1::ReadOptions& options, uint64_t from,
                  uint64_t until) {
  auto plan =
      std::make_shared<const ReadPlan>(*CheckReadOptions(options, true));
  ReadRange range;
  range.from = Offset(from);
  range.until = Offset(until);
  return Reader{plan, Delivery(plan, range)};
}

TEST(DeliveryTest, WholeStoredBatchPassesByReference) {
  const Partition partition = Plain(1, 3, Codec::kNone);
  Reader reader = MakeReader(v1::ReadOptions(), 0, 3);
  absl::StatusOr<DeliveryStep> step =
      reader.delivery.Next(partition.batches[0]);
  ASSERT_TRUE(step.ok());
  EXPECT_EQ(step->batch->payload.owner(), partition.batches[0].payload.owner());
  const v1::DeliveredBatch batch = Parsed(*step->batch);
  EXPECT_FALSE(batch.reencoded());
  EXPECT_EQ(batch.append_time_us(), 0);
  EXPECT_TRUE(batch.payload_sha256().empty());
  EXPECT_TRUE(step->complete);
}

TEST(DeliveryTest, ACutOfUncompressedRecordsPassesByReference) {
  const Partition partition = Plain(1, 5, Codec::kNone);
  Reader reader = MakeReader(v1::ReadOptions(), 1, 3);
  absl::StatusOr<DeliveryStep> step =
      reader.delivery.Next(partition.batches[0]);
  ASSERT_TRUE(step.ok());
  EXPECT_EQ(step->batch->payload.owner(), partition.batches[0].payload.owner());
  const v1::DeliveredBatch batch = Parsed(*step->batch);
  EXPECT_TRUE(batch.reencoded());
  EXPECT_EQ(batch.base_offset(), 1u);
  EXPECT_EQ(batch.record_count(), 2u);
}

TEST(DeliveryTest, CompressedBatchStaysSoOnlyForWhoAcceptsIt) {
  const Partition partition = Plain(1, 3, Codec::kZstd);
  v1::ReadOptions options;
  options.add_accepted_compressions(v1::COMPRESSION_LZ4);
  Reader plain = MakeReader(options, 0, 3);
  v1::DeliveredBatch batch =
      Parsed(*plain.delivery.Next(partition.batches[0])->batch);
  EXPECT_TRUE(batch.has_records());
  EXPECT_TRUE(batch.reencoded());
  options.add_accepted_compressions(v1::COMPRESSION_ZSTD);
  Reader zstd = MakeReader(options, 0, 3);
  batch = Parsed(*zstd.delivery.Next(partition.batches[0])->batch);
  EXPECT_TRUE(batch.has_compressed_records());
  EXPECT_EQ(batch.compression(), v1::COMPRESSION_ZSTD);
  EXPECT_FALSE(batch.reencoded());
}

TEST(DeliveryTest, DigestsAreThoseOfTheStoredBatch) {
  const Partition partition = Plain(1, 3, Codec::kZstd);
  v1::ReadOptions options;
  options.set_with_digests(true);
  Reader reader = MakeReader(options, 1, 3);
  const v1::DeliveredBatch batch =
      Parsed(*reader.delivery.Next(partition.batches[0])->batch);
  const storage::EntryHeader& header = partition.batches[0].header;
  EXPECT_EQ(batch.payload_sha256(), std::string(header.payload_sha256.begin(),
                                                header.payload_sha256.end()));
  EXPECT_EQ(batch.chain_digest(),
            std::string(header.chain.begin(), header.chain.end()));
}

TEST(DeliveryTest, BytesEndAtABatchAndAfterAtLeastOne) {
  const Partition partition = Plain(4, 3, Codec::kNone);
  const size_t bytes = partition.batches[0].payload.bytes();
  struct Case {
    uint64_t bytes_max;
    size_t batches;
  };
  for (const Case& c : {Case{1, 1}, Case{bytes, 1}, Case{2 * bytes - 1, 1},
                        Case{2 * bytes, 2}, Case{3 * bytes + 1, 3}}) {
    v1::ReadOptions options;
    options.set_bytes_max(c.bytes_max);
    ReadRange range;
    range.until = Offset(12);
    const Received received = Read(partition, options, range);
    EXPECT_EQ(received.offsets.size(), 3 * c.batches) << c.bytes_max;
    EXPECT_EQ(received.next_offset, 3 * c.batches);
    EXPECT_TRUE(received.complete);
  }
}

TEST(DeliveryTest, NextOffsetPassesWhatAFilterSkips) {
  const Partition partition = Plain(3, 3, Codec::kNone);
  v1::ReadOptions options;
  options.mutable_filter()->set_key("absent");
  ReadRange range;
  range.until = kNoStop;
  const Received received = Read(partition, options, range);
  EXPECT_TRUE(received.offsets.empty());
  EXPECT_EQ(received.next_offset, 9u);
  EXPECT_FALSE(received.complete);
}

TEST(DeliveryTest, FilterConditionsAllHold) {
  std::vector<HeaderView> headers = {{"color", "red"}, {"color", "blue"}};
  RecordView both;
  both.key = "abc";
  both.headers = headers;
  RecordView keyless;
  keyless.headers = headers;
  RecordView plain;
  plain.key = "abd";
  Partition partition;
  partition.records = {{"", "", 0}, {"", "", 0}, {"", "", 0}};
  partition.batches = {Batch(0, {both, keyless, plain}, Codec::kNone, 0)};
  ReadRange range;
  range.until = Offset(3);
  v1::ReadOptions options;
  options.mutable_filter()->set_key_prefix("ab");
  EXPECT_EQ(Read(partition, options, range).offsets,
            (std::vector<uint64_t>{0, 2}));
  options.mutable_filter()->mutable_header()->set_name("color");
  options.mutable_filter()->mutable_header()->set_value("blue");
  EXPECT_EQ(Read(partition, options, range).offsets,
            (std::vector<uint64_t>{0}));
  options.mutable_filter()->clear_key_prefix();
  EXPECT_EQ(Read(partition, options, range).offsets,
            (std::vector<uint64_t>{0, 1}));
  options.mutable_filter()->set_key("");
  EXPECT_TRUE(Read(partition, options, range).offsets.empty());
}

TEST(DeliveryTest, DamagedStoredBytesAreNotDelivered) {
  Partition partition = Plain(1, 3, Codec::kZstd);
  partition.batches[0].payload = Payload::FromString("not zstd");
  Reader reader = MakeReader(v1::ReadOptions(), 0, 3);
  absl::StatusOr<DeliveryStep> step =
      reader.delivery.Next(partition.batches[0]);
  ASSERT_FALSE(step.ok());
  EXPECT_EQ(ErrorInfoOf(step.status()).reason(), "DATA_DAMAGED");
  // A record too few for its header.
  partition = Plain(1, 3, Codec::kNone);
  partition.batches[0].header.record_count = 4;
  Reader cut = MakeReader(v1::ReadOptions(), 1, 4);
  EXPECT_FALSE(cut.delivery.Next(partition.batches[0]).ok());
}

TEST(ReadPlanTest, RefusesWhatTheProtoForbids) {
  const auto reason = [](const std::function<void(v1::ReadOptions*)>& set) {
    v1::ReadOptions options;
    set(&options);
    absl::StatusOr<ReadPlan> plan = CheckReadOptions(options, true);
    return plan.ok() ? "OK" : ErrorInfoOf(plan.status()).reason();
  };
  using Options = v1::ReadOptions*;
  EXPECT_EQ(reason([](Options) {}), "OK");
  EXPECT_EQ(reason([](Options o) { o->mutable_start(); }), "MALFORMED_REQUEST");
  EXPECT_EQ(reason([](Options o) { o->mutable_start()->set_end(false); }),
            "MALFORMED_REQUEST");
  EXPECT_EQ(
      reason([](Options o) { o->mutable_start()->set_append_time_us(-1); }),
      "MALFORMED_REQUEST");
  EXPECT_EQ(reason([](Options o) { o->mutable_stop(); }), "OK");
  EXPECT_EQ(
      reason([](Options o) { o->mutable_stop()->set_append_time_us(-5); }),
      "MALFORMED_REQUEST");
  EXPECT_EQ(reason([](Options o) {
              o->mutable_stop()->set_never(true);
              o->set_backwards(true);
            }),
            "MALFORMED_REQUEST");
  EXPECT_EQ(reason([](Options o) { o->set_delivery(v1::Delivery(9)); }),
            "MALFORMED_REQUEST");
  EXPECT_EQ(reason([](Options o) { o->set_consistency(v1::Consistency(9)); }),
            "MALFORMED_REQUEST");
}

TEST(ReadPlanTest, AFilterImpliesExactDelivery) {
  v1::ReadOptions options;
  options.set_delivery(v1::DELIVERY_WHOLE_BATCHES);
  EXPECT_TRUE(CheckReadOptions(options, true)->whole_batches);
  options.mutable_filter();
  EXPECT_FALSE(CheckReadOptions(options, true)->whole_batches);
}

}  // namespace
}  // namespace kappa::server
