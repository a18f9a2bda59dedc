// ValueMaker: records whose values are unique in a history.
#ifndef KAPPA_TESTS_CHAOS_VALUE_MAKER_H_
#define KAPPA_TESTS_CHAOS_VALUE_MAKER_H_

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "kappa/v1/record.pb.h"

namespace kappa::chaos {

// A batch before it is sent: a value's name for the history, what stands for
// its bytes, and the bytes. All three have the same length.
struct MadeBatch {
  std::vector<std::string> names;
  std::vector<std::string> digests;
  std::vector<std::string> values;

  // The same as the API's message, with its record count.
  v1::Batch ToProto() const;
};

// A value is its name, a space and filler.
//
// Thread safety: thread-compatible.
class ValueMaker {
 public:
  // Names begin with `process`, unique among the clients of a history.
  ValueMaker(uint64_t process, uint64_t seed);

  // One to four records of up to 400 bytes; a few batches are larger.
  MadeBatch Make();
  // A number below `bound` from the same seed.
  uint32_t Draw(uint32_t bound);

  // The name in a value as read: up to its first space.
  static std::string NameOf(std::string_view value);
  // CRC32C of the value, in hexadecimal digits.
  static std::string DigestOf(std::string_view value);

 private:
  const uint64_t process_;
  uint64_t made_ = 0;
  std::mt19937_64 random_;
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_VALUE_MAKER_H_
