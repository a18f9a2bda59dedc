#include "tests/chaos/value_maker.h"

#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/wire/crc32c.h"

namespace kappa::chaos {
namespace {

constexpr uint32_t kRecordsMax = 7;
constexpr uint32_t kFillerBytesMax = 200;
// One batch in so many has a record of up to kLargeBytesMax.
constexpr uint32_t kLargeEvery = 64;
constexpr uint32_t kLargeBytesMax = 64 * 1024;

}  // namespace

v1::Batch MadeBatch::ToProto() const {
  v1::Batch batch;
  for (const std::string& value : values) {
    batch.mutable_records()->add_records()->set_value(value);
  }
  batch.set_record_count(static_cast<uint32_t>(values.size()));
  return batch;
}

ValueMaker::ValueMaker(uint64_t process, uint64_t seed)
    : process_(process), random_(seed * 1'000'003 + process) {}

MadeBatch ValueMaker::Make() {
  MadeBatch batch;
  const uint32_t count = 1 + Draw(kRecordsMax);
  const bool large = Draw(kLargeEvery) == 0;
  for (uint32_t i = 0; i < count; ++i) {
    std::string name = absl::StrCat(process_, "-", made_++);
    std::string value = absl::StrCat(name, " ");
    value.append(Draw(large && i == 0 ? kLargeBytesMax : kFillerBytesMax),
                 static_cast<char>('a' + Draw(26)));
    batch.names.push_back(std::move(name));
    batch.digests.push_back(DigestOf(value));
    batch.values.push_back(std::move(value));
  }
  return batch;
}

uint32_t ValueMaker::Draw(uint32_t bound) {
  return static_cast<uint32_t>(random_() % bound);
}

std::string ValueMaker::NameOf(std::string_view value) {
  return std::string(value.substr(0, value.find(' ')));
}

std::string ValueMaker::DigestOf(std::string_view value) {
  return absl::StrFormat("%08x", Crc32c(value));
}

}  // namespace kappa::chaos
