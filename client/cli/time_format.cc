#include "client/cli/time_format.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "proto/wire/string_view.h"

namespace kappa::cli {

namespace {

absl::Status Mismatch(std::string_view text, std::string_view format,
                      std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("time \"", ToAbsl(text), "\" does not match format \"",
                   ToAbsl(format), "\"", why.empty() ? "" : ": ", ToAbsl(why)));
}

absl::StatusOr<int64_t> ParseUnix(std::string_view text,
                                  std::string_view format, int64_t unit_us) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(ToAbsl(text), &value)) {
    return Mismatch(text, format, "not a whole number");
  }
  int64_t time_us = 0;
  if (__builtin_mul_overflow(value, unit_us, &time_us)) {
    return Mismatch(text, format, "out of range");
  }
  return time_us;
}

}  // namespace

absl::StatusOr<int64_t> ParseTimeUs(std::string_view text,
                                    std::string_view format) {
  if (format == "unix") return ParseUnix(text, format, 1'000'000);
  if (format == "unix_ms") return ParseUnix(text, format, 1'000);
  if (format == "unix_us") return ParseUnix(text, format, 1);
  // absl's %E*S reads any number of fraction digits.
  const std::string pattern =
      format == "rfc3339"
          ? std::string(absl::RFC3339_full)
          : absl::StrReplaceAll(
                ToAbsl(format),
                {{"%%", "%%"}, {"%S", "%E*S"}, {"%T", "%H:%M:%E*S"}});
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(pattern, ToAbsl(text), absl::UTCTimeZone(), &time,
                       &error)) {
    return Mismatch(text, format, error);
  }
  return absl::ToUnixMicros(time);
}

std::string FormatTimeUs(int64_t time_us) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E6SZ",
                          absl::FromUnixMicros(time_us), absl::UTCTimeZone());
}

}  // namespace kappa::cli
