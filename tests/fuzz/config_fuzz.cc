// Fuzzing the configuration file. Every refusal begins with the file's name and
// a line.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/wire/check.h"
#include "proto/wire/string_view.h"
#include "server/config.h"
#include "tests/fuzz/sealed_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(kappa::InputBytes(data, size));
  const auto config = kappa::server::ParseConfig("FILE", text);
  if (config.ok()) {
    kappa::server::CheckConfig(*config).IgnoreError();
    return 0;
  }
  const std::string_view message = kappa::ToStd(config.status().message());
  KAPPA_CHECK(message.starts_with("FILE:"), "an error without its file");
  const size_t digits = message.substr(5).find_first_not_of("0123456789");
  KAPPA_CHECK(digits > 0 && digits != std::string_view::npos &&
                  message[5 + digits] == ':',
              "an error without its line");
  return 0;
}
