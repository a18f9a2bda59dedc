// Fuzzing the times of the command line: "FORMAT\nTEXT".
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/cli/time_format.h"
#include "proto/wire/check.h"
#include "tests/fuzz/sealed_input.h"

namespace {

// Within these years every time has four digits of year.
constexpr int64_t kYear0001Us = -62'135'596'800'000'000;
constexpr int64_t kYear9999Us = 253'402'300'799'999'999;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = kappa::InputBytes(data, size);
  const size_t end = input.find('\n');
  if (end == std::string_view::npos) return 0;
  const auto time =
      kappa::cli::ParseTimeUs(input.substr(end + 1), input.substr(0, end));
  if (!time.ok()) return 0;
  const std::string text = kappa::cli::FormatTimeUs(*time);
  if (*time < kYear0001Us || *time > kYear9999Us) return 0;
  const auto again = kappa::cli::ParseTimeUs(text, "rfc3339");
  KAPPA_CHECK(again.ok() && *again == *time, "a time does not survive print");
  return 0;
}
