#include "tests/performance/sample_batches.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "proto/wire/crc32c.h"
#include "proto/wire/record_set.h"
#include "proto/wire/sha256.h"
#include "storage/chain.h"

namespace kappa::performance {

std::string RandomBytes(size_t bytes) {
  std::string out(bytes, '\0');
  uint64_t state = 88172645463325252u;
  for (char& byte : out) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state);
  }
  return out;
}

std::string TextBytes(size_t bytes) {
  static constexpr const char* kWords[] = {
      "\"magnitude\":", "\"depth\":", "4.25,", "place", "California ", "2016-"};
  std::string out;
  for (char c : RandomBytes(bytes)) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte % 4 != 0) {
      out.append(kWords[byte % 6]);
    } else {
      out.push_back(static_cast<char>('0' + byte / 4));
    }
    if (out.size() >= bytes) break;
  }
  out.resize(bytes);
  return out;
}

std::string EncodedBatch(size_t value_bytes) {
  const std::string value = RandomBytes(value_bytes);
  RecordSetEncoder encoder;
  RecordView record;
  record.key = "user-123";
  record.value = value;
  record.event_time_us = 1'700'000'000'000'000;
  while (encoder.bytes() < kBatchBytes) encoder.Add(record);
  return encoder.Take();
}

RepeatedBatch::RepeatedBatch(ReplicaNumber replica, const Digest& chain_start,
                             size_t bytes)
    : replica_(replica),
      chain_(chain_start),
      payload_(Payload::FromString(RandomBytes(bytes))) {
  header_.kind = raft::EntryKind::kRecords;
  header_.encoding = storage::PayloadEncoding::kRecordSet;
  header_.record_count =
      static_cast<uint32_t>(std::max<size_t>(1, bytes >> 10));
  header_.term = Term(1);
  header_.payload_bytes = static_cast<uint32_t>(bytes);
  header_.payload_crc32c = Crc32c(payload_);
  header_.payload_sha256 = Sha256(payload_);
}

storage::EntryWrite RepeatedBatch::Next() {
  header_.index = header_.index.Next();
  header_.append_time_us += 10;
  header_.chain = storage::ChainNext(chain_, header_);
  chain_ = header_.chain;
  storage::EntryWrite entry{header_, payload_};
  header_.base_offset = header_.next_offset();
  return entry;
}

void RepeatedBatch::AppendTo(storage::GroupWrite* write) {
  write->replica = replica_;
  write->entries.push_back(Next());
}

}  // namespace kappa::performance
