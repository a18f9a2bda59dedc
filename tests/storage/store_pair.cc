#include "tests/storage/store_pair.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "gtest/gtest.h"
#include "tests/storage/directory_damage.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

constexpr ReadClass kReadClasses[] = {ReadClass::kPoint, ReadClass::kReplay};
constexpr SideTable kSideTables[] = {SideTable::kMetadata,
                                     SideTable::kProducers};

// Expects the same code, and the same value when it is OK.
template <typename T>
void ExpectSame(const absl::StatusOr<T>& real, const absl::StatusOr<T>& model,
                const char* what) {
  ASSERT_EQ(real.status().code(), model.status().code())
      << what << ": " << real.status() << " against " << model.status();
  if (real.ok()) {
    ASSERT_TRUE(*real == *model) << what;
  }
}

std::string Describe(ReplicaNumber replica, const EntryHeader& header) {
  return "replica " + std::to_string(replica.value()) + " index " +
         std::to_string(header.index.value()) + " term " +
         std::to_string(header.term.value()) + " offset " +
         std::to_string(header.base_offset.value()) + " time " +
         std::to_string(header.append_time_us);
}

std::vector<std::pair<std::string, std::string>> RowsOf(const LogStore& store,
                                                        SideTable table,
                                                        const char* prefix) {
  std::vector<std::pair<std::string, std::string>> rows;
  const absl::Status status = store.ScanSideRows(
      table, prefix, [&rows](std::string_view key, std::string_view value) {
        rows.emplace_back(key, value);
        return rows.size() < 40;
      });
  EXPECT_TRUE(status.ok()) << status;
  return rows;
}

}  // namespace

StorePair::StorePair(std::string directory, uint64_t segment_bytes)
    : directory_(std::move(directory)), segment_bytes_(segment_bytes) {
  Open();
}

void StorePair::Open() {
  RocksLogStoreOptions options;
  options.directory = directory_;
  options.segment_bytes = segment_bytes_;
  options.memtable_bytes = size_t{8} << 20;
  options.block_cache_bytes = size_t{4} << 20;
  options.on_fatal = [](const absl::Status& status) {
    ADD_FAILURE() << "fatal: " << status;
  };
  auto store = RocksLogStore::Open(std::move(options));
  ASSERT_TRUE(store.ok()) << store.status();
  rocks_ = *std::move(store);
}

std::vector<ReplicaNumber> StorePair::CreateReplicas(
    absl::Span<const ReplicaSpec> specs) {
  const auto real = rocks_->CreateReplicas(specs);
  const auto model = model_.CreateReplicas(specs);
  ExpectSame(real, model, "created replicas");
  return *model;
}

void StorePair::DropReplicas(absl::Span<const ReplicaNumber> numbers) {
  ASSERT_TRUE(rocks_->DropReplicas(numbers).ok());
  ASSERT_TRUE(model_.DropReplicas(numbers).ok());
}

void StorePair::Commit(absl::Span<const GroupWrite> writes) {
  const absl::Status real = rocks_->Commit(writes);
  ASSERT_TRUE(real.ok()) << real;
  ASSERT_TRUE(model_.Commit(writes).ok());
}

void StorePair::Reopen() {
  rocks_.reset();
  Open();
}

void StorePair::Crash() {
  const std::string copy = directory_ + "-crashed";
  CopyTree(directory_, copy);
  rocks_.reset();
  CopyTree(copy, directory_);
  fs::remove_all(copy);
  Open();
}

void StorePair::ComparePositions() {
  const std::vector<ReplicaInfo> real = rocks_->Replicas();
  const std::vector<ReplicaInfo> model = model_.Replicas();
  ASSERT_EQ(real.size(), model.size());
  for (size_t i = 0; i < model.size(); ++i) {
    ASSERT_EQ(real[i].number, model[i].number);
    ASSERT_EQ(real[i].spec.group, model[i].spec.group);
    ASSERT_EQ(real[i].spec.self, model[i].spec.self);
    ASSERT_EQ(real[i].spec.configuration, model[i].spec.configuration);
    ASSERT_EQ(real[i].spec.chain_start, model[i].spec.chain_start);
    ASSERT_NO_FATAL_FAILURE(ExpectSame(rocks_->Position(real[i].number),
                                       model_.Position(real[i].number),
                                       "position"));
  }
}

void StorePair::ExpectSameRead(ReplicaNumber replica, LogIndex from,
                               LogIndex last, size_t bytes_max,
                               ReadClass read_class) {
  const auto real = rocks_->Read(replica, from, last, bytes_max, read_class);
  const auto model = model_.Read(replica, from, last, bytes_max, read_class);
  ASSERT_EQ(real.status().code(), model.status().code())
      << real.status() << " against " << model.status();
  if (!real.ok()) return;
  ASSERT_EQ(real->size(), model->size());
  for (size_t i = 0; i < model->size(); ++i) {
    ASSERT_TRUE((*real)[i].header == (*model)[i].header)
        << Describe(replica, (*real)[i].header) << " against "
        << Describe(replica, (*model)[i].header);
    ASSERT_EQ((*real)[i].payload.ToString(), (*model)[i].payload.ToString());
  }
}

void StorePair::CompareReads(ReplicaNumber replica, std::mt19937_64* random) {
  const auto position = model_.Position(replica);
  if (!position.ok()) {
    ASSERT_EQ(rocks_->Position(replica).status().code(),
              position.status().code());
    return;
  }
  const uint64_t last = position->last.index.value();
  const LogIndex from((*random)() % (last + 3));
  const LogIndex to = from + (*random)() % 40;
  ASSERT_NO_FATAL_FAILURE(ExpectSameRead(
      replica, from, to, (*random)() % 300'000, kReadClasses[(*random)() % 2]));
  ASSERT_NO_FATAL_FAILURE(ExpectSame(rocks_->ReadHeader(replica, from),
                                     model_.ReadHeader(replica, from),
                                     "header"));
  const Offset offset((*random)() % (position->end_offset.value() + 3));
  ASSERT_NO_FATAL_FAILURE(ExpectSame(rocks_->FindOffset(replica, offset),
                                     model_.FindOffset(replica, offset),
                                     "find offset"));
  const auto time_us =
      static_cast<int64_t>((*random)() % (position->last_append_time_us + 3));
  ASSERT_NO_FATAL_FAILURE(ExpectSame(rocks_->FindTime(replica, time_us),
                                     model_.FindTime(replica, time_us),
                                     "find time"));
  ASSERT_NO_FATAL_FAILURE(ExpectSame(
      rocks_->TermStarts(replica), model_.TermStarts(replica), "term starts"));
}

void StorePair::CompareLog(ReplicaNumber replica, ReadClass read_class) {
  const auto position = model_.Position(replica);
  ASSERT_TRUE(position.ok()) << position.status();
  ASSERT_NO_FATAL_FAILURE(
      ExpectSameRead(replica, position->base.id.index.Next(),
                     position->last.index, size_t{1} << 30, read_class));
}

void StorePair::CompareSideRows() {
  for (const SideTable table : kSideTables) {
    for (const char* prefix : {"", "a", "ab", "zz"}) {
      ASSERT_EQ(RowsOf(*rocks_, table, prefix), RowsOf(model_, table, prefix));
    }
    for (const char* key : {"a", "ab1", "none"}) {
      ASSERT_NO_FATAL_FAILURE(ExpectSame(rocks_->GetSideRow(table, key),
                                         model_.GetSideRow(table, key),
                                         "side row"));
    }
  }
}

size_t StorePair::SealedFolders() const {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(directory_ + "/sealed"),
                    fs::directory_iterator()));
}

size_t StorePair::RewrittenFolders() const {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(directory_ + "/sealed")) {
    if (!entry.path().string().ends_with("-0")) ++count;
  }
  return count;
}

size_t StorePair::FoldersOfSeveralFiles() const {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(directory_ + "/sealed")) {
    if (std::distance(fs::directory_iterator(entry.path()),
                      fs::directory_iterator()) > 1) {
      ++count;
    }
  }
  return count;
}

}  // namespace kappa::storage
