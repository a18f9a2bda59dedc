#include "tests/storage/segment_fixture.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "storage/keys.h"
#include "storage/rocks_options.h"

namespace kappa::storage {
namespace {

std::string FreshFolder() {
  const testing::TestInfo& test =
      *testing::UnitTest::GetInstance()->current_test_info();
  const std::string folder =
      testing::TempDir() + "/" + test.test_suite_name() + "." + test.name();
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace

std::string ValueOf(uint64_t replica, uint64_t index, size_t bytes) {
  std::string value =
      std::to_string(replica) + "/" + std::to_string(index) + " ";
  while (value.size() < bytes) {
    value.push_back(static_cast<char>('a' + (index + value.size()) % 26));
  }
  return value;
}

SegmentRange RangeOf(uint64_t replica, uint64_t first, uint64_t last) {
  SegmentRange range;
  range.segment = SegmentNumber(1);
  range.replica = ReplicaNumber(replica);
  range.key_replica = range.replica;
  range.first = LogIndex(first);
  range.end = LogIndex(last + 1);
  range.row = {range.first, Offset(10 * first), static_cast<int64_t>(first)};
  return range;
}

SegmentFixture::SegmentFixture() : root_(FreshFolder()) {
  block_cache_ = rocksdb::NewLRUCache(4 << 20);
  const bool direct_io = SupportsDirectIo(root_);
  RocksSettings settings;
  settings.memtable_bytes = 64 << 20;
  settings.wal_bytes_max = 64 << 20;
  settings.direct_io = direct_io;
  settings.block_cache = block_cache_;
  rocksdb::Options options(MakeDatabaseOptions(settings),
                           MakeFamilyOptions(settings, "segment-1"));
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(options, root_ + "/db", &db);
  EXPECT_TRUE(opened.ok()) << opened.ToString();
  db_.reset(db);
  family_ = db_->DefaultColumnFamily();
  sealer_options_.sealed_root = root_ + "/sealed";
  sealer_options_.direct_io = direct_io;
  SstReaderCacheOptions readers;
  readers.block_cache = block_cache_;
  readers.direct_io = direct_io;
  readers_ = std::make_unique<SstReaderCache>(readers);
}

SegmentFixture::~SegmentFixture() {
  readers_.reset();
  db_.reset();
  std::filesystem::remove_all(root_);
}

void SegmentFixture::PutEntries(uint64_t replica, uint64_t first, uint64_t last,
                                size_t bytes) {
  rocksdb::WriteBatch batch;
  for (uint64_t index = first; index <= last; ++index) {
    const EntryKey key{ReplicaNumber(replica), LogIndex(index)};
    ASSERT_TRUE(batch
                    .Put(family_,
                         rocksdb::Slice(key.view().data(), key.view().size()),
                         ValueOf(replica, index, bytes))
                    .ok());
  }
  ASSERT_TRUE(db_->Write(rocksdb::WriteOptions(), &batch).ok());
}

void SegmentFixture::Flush() {
  ASSERT_TRUE(db_->Flush(rocksdb::FlushOptions(), family_).ok());
}

std::vector<std::string> SegmentFixture::FilesOf(
    const std::string& folder) const {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(
           sealer_options_.sealed_root + "/" + folder)) {
    paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string ReadWholeFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

void FlipBit(const std::string& path, size_t place) {
  std::string bytes = ReadWholeFile(path);
  ASSERT_LT(place, bytes.size());
  bytes[place] = static_cast<char>(bytes[place] ^ 1);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace kappa::storage
