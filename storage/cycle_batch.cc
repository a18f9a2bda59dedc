#include "storage/cycle_batch.h"

#include "proto/wire/check.h"
#include "storage/keys.h"

namespace kappa::storage {
namespace {

// A batch larger than this is not kept for the next cycle.
constexpr size_t kKeptBytesMax = size_t{16} << 20;
// Of rows and headers, beside the payloads.
constexpr size_t kOverheadBytes = size_t{16} << 10;

rocksdb::Slice ToSlice(std::string_view bytes) {
  return rocksdb::Slice(bytes.data(), bytes.size());
}

// Memory is the only thing that a batch can lack.
void CheckPut(const rocksdb::Status& status) {
  KAPPA_CHECK(status.ok(), "RocksDB refused a put into a batch");
}

}  // namespace

void CycleBatch::Begin(uint64_t cycle, const Digest& previous,
                       size_t payload_bytes) {
  const size_t needed = payload_bytes + payload_bytes / 8 + kOverheadBytes;
  if (batch_.Data().capacity() > kKeptBytesMax ||
      batch_.Data().capacity() < needed) {
    batch_ = rocksdb::WriteBatch(needed);
  } else {
    batch_.Clear();
  }
  entry_bytes_ = 0;
  row_ = CycleRow();
  row_.number = cycle;
  row_.previous = previous;
  std::string start(previous.begin(), previous.end());
  AppendLittleEndian(cycle, &start);
  hasher_.Update(start);
}

void CycleBatch::Cover(char kind, std::string_view key,
                       std::string_view value) {
  char lengths[1 + 2 * sizeof(uint32_t)];
  lengths[0] = kind;
  for (size_t i = 0; i < sizeof(uint32_t); ++i) {
    lengths[1 + i] = static_cast<char>(key.size() >> (8 * i));
    lengths[5 + i] = static_cast<char>(value.size() >> (8 * i));
  }
  hasher_.Update(std::string_view(lengths, sizeof(lengths)));
  hasher_.Update(key);
  hasher_.Update(value);
}

void CycleBatch::PutEntry(rocksdb::ColumnFamilyHandle* segment,
                          ReplicaNumber replica, const EntryHeader& header,
                          const Payload& payload) {
  header_.clear();
  EncodeEntryHeader(header, &header_);
  const EntryKey key(replica, header.index);
  Cover('E', key.view(), header_);
  parts_.clear();
  parts_.push_back(ToSlice(header_));
  for (std::string_view piece : payload.pieces()) {
    parts_.push_back(ToSlice(piece));
  }
  const rocksdb::Slice key_slice = ToSlice(key.view());
  CheckPut(batch_.Put(
      segment, rocksdb::SliceParts(&key_slice, 1),
      rocksdb::SliceParts(parts_.data(), static_cast<int>(parts_.size()))));
  entry_bytes_ += key.view().size() + header_.size() + payload.bytes();
}

void CycleBatch::Put(rocksdb::ColumnFamilyHandle* family, std::string_view key,
                     std::string_view value) {
  Cover('P', key, value);
  CheckPut(batch_.Put(family, ToSlice(key), ToSlice(value)));
}

void CycleBatch::Delete(rocksdb::ColumnFamilyHandle* family,
                        std::string_view key) {
  Cover('D', key, {});
  CheckPut(batch_.Delete(family, ToSlice(key)));
}

void CycleBatch::DeleteRange(rocksdb::ColumnFamilyHandle* family,
                             std::string_view begin, std::string_view end) {
  Cover('R', begin, end);
  CheckPut(batch_.DeleteRange(family, ToSlice(begin), ToSlice(end)));
}

CycleRow CycleBatch::Finish(rocksdb::ColumnFamilyHandle* meta) {
  row_.digest = hasher_.Finish();
  CheckPut(batch_.Put(meta, MetaKey(MetaRow::kCycle, row_.number),
                      EncodeCycleRow(row_)));
  return row_;
}

}  // namespace kappa::storage
