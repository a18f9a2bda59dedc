#include "client/cli/record_digest.h"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/cpp/replay_options.h"
#include "proto/wire/sha256.h"

namespace kappa::cli {

namespace {

template <std::unsigned_integral T>
void PutInteger(T number, std::string* out) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0;
       shift -= 8) {
    out->push_back(static_cast<char>(number >> shift));
  }
}

void PutBytes(std::string_view bytes, std::string* out) {
  PutInteger(static_cast<uint32_t>(bytes.size()), out);
  out->append(bytes);
}

void PutOptional(const std::optional<std::string_view>& bytes,
                 std::string* out) {
  out->push_back(bytes ? 1 : 0);
  if (bytes) PutBytes(*bytes, out);
}

}  // namespace

void RecordDigest::Add(const client::ReplayRecord& record) {
  std::string& out = encoded_;
  out.clear();
  PutInteger(record.partition, &out);
  PutInteger(record.offset.value(), &out);
  PutInteger(static_cast<uint64_t>(record.append_time_us), &out);
  out.push_back(record.event_time_us ? 1 : 0);
  if (record.event_time_us) {
    PutInteger(static_cast<uint64_t>(*record.event_time_us), &out);
  }
  PutOptional(record.key, &out);
  PutInteger(static_cast<uint32_t>(record.headers.size()), &out);
  for (const HeaderView& header : record.headers) {
    PutBytes(header.name, &out);
    PutBytes(header.value, &out);
  }
  PutOptional(record.value, &out);
  partitions_[record.partition].Update(out);
}

Digest RecordDigest::Finish() {
  Sha256Hasher all;
  for (auto& [partition, hasher] : partitions_) {
    std::string number;
    PutInteger(partition, &number);
    all.Update(number);
    const Digest digest = hasher.Finish();
    all.Update(std::string_view(reinterpret_cast<const char*>(digest.data()),
                                digest.size()));
  }
  partitions_.clear();
  return all.Finish();
}

}  // namespace kappa::cli
