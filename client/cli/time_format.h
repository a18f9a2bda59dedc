// Times as people write them: parsing and printing, always UTC.
#ifndef KAPPA_CLIENT_CLI_TIME_FORMAT_H_
#define KAPPA_CLIENT_CLI_TIME_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kappa::cli {

// Parses `text` by `format`: strptime's letters, where %S takes fractional
// seconds too ("%Y/%m/%d %H:%M:%S"), or one of the names "rfc3339", "unix",
// "unix_ms", "unix_us". Without a zone in the text it is UTC. Returns
// microseconds since 1970-01-01T00:00:00Z; finer fractions are cut off.
// Errors: INVALID_ARGUMENT naming text and format.
absl::StatusOr<int64_t> ParseTimeUs(std::string_view text,
                                    std::string_view format);

// "2016-01-01T00:30:04.910000Z".
std::string FormatTimeUs(int64_t time_us);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_TIME_FORMAT_H_
