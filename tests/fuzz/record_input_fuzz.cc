// Fuzzing what `kappa append` reads: lines, JSON lines and CSV. The first byte
// chooses format and fields.
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "client/cli/record_input.h"
#include "nlohmann/json.hpp"
#include "proto/wire/check.h"
#include "tests/fuzz/sealed_input.h"

namespace {

kappa::cli::RecordInputOptions OptionsOf(uint8_t choice) {
  kappa::cli::RecordInputOptions options;
  constexpr const char* kFormats[] = {"lines", "jsonl", "csv", "csv"};
  constexpr const char* kTimes[] = {"rfc3339", "unix", "unix_ms", "%Y %T"};
  options.format = kFormats[choice % 4];
  if (choice & 4) options.key_field = "k";
  if (choice & 8) options.time_field = "t";
  options.time_format = kTimes[choice >> 4 & 3];
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto options = OptionsOf(data[0]);
  std::istringstream text(std::string(kappa::InputBytes(data + 1, size - 1)));
  const auto input = kappa::cli::RecordInput::Open(&text, options);
  if (!input.ok()) return 0;
  kappa::RecordView record;
  int64_t line = 0;
  while ((*input)->Next(&record)) {
    KAPPA_CHECK((*input)->line() > line, "lines do not ascend");
    line = (*input)->line();
    KAPPA_CHECK(record.value.has_value(), "a record without a value");
    if (options.format == "lines") continue;
    KAPPA_CHECK(nlohmann::json::accept(*record.value),
                "a value that is no JSON");
  }
  KAPPA_CHECK((*input)->bytes() <= static_cast<int64_t>(size - 1),
              "more bytes than there were");
  if ((*input)->status().ok()) {
    KAPPA_CHECK((*input)->bytes() == static_cast<int64_t>(size - 1),
                "ended before the end");
  }
  return 0;
}
