#include "tests/checker/history_reader.h"

#include <istream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tests/checker/event.h"
#include "tests/checker/event_json.h"
#include "tests/checker/history_builder.h"

namespace kappa::checker {

absl::StatusOr<History> ReadHistory(std::istream& input) {
  HistoryBuilder builder;
  size_t number = 0;
  for (std::string line; std::getline(input, line);) {
    ++number;
    const absl::StatusOr<Event> event = ParseEvent(line);
    const absl::Status status =
        event.ok() ? builder.Add(*event) : event.status();
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": ", status.message()));
    }
  }
  if (input.bad()) {
    return absl::DataLossError(
        absl::StrCat("reading failed after line ", number));
  }
  return std::move(builder).Finish();
}

}  // namespace kappa::checker
