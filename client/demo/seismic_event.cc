#include "client/demo/seismic_event.h"

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "proto/wire/string_view.h"

namespace kappa::demo {

namespace {

absl::StatusOr<std::string> TextOf(const nlohmann::json& row,
                                   const char* column) {
  const auto found = row.find(column);
  if (found == row.end() || !found->is_string()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no text in column \"", column, "\": ", row.dump()));
  }
  return found->get<std::string>();
}

absl::StatusOr<double> NumberOf(const nlohmann::json& row, const char* column) {
  absl::StatusOr<std::string> text = TextOf(row, column);
  if (!text.ok()) return text.status();
  double number = 0;
  if (!absl::SimpleAtod(*text, &number)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "column \"", column, "\" holds \"", *text, "\", which is no number"));
  }
  return number;
}

// "2016/01/31 ..." to "2016-01-31".
absl::StatusOr<std::string> DayOf(const nlohmann::json& row) {
  absl::StatusOr<std::string> text = TextOf(row, "DateTime");
  if (!text.ok()) return text.status();
  if (text->size() < 10 || (*text)[4] != '/' || (*text)[7] != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("column \"DateTime\" holds \"", *text,
                     "\", which is no YYYY/MM/DD time"));
  }
  std::string day = text->substr(0, 10);
  day[4] = day[7] = '-';
  return day;
}

}  // namespace

absl::StatusOr<SeismicEvent> ParseSeismicEvent(std::string_view json) {
  const nlohmann::json row =
      nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
  if (!row.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no JSON object: ", ToAbsl(json)));
  }
  absl::StatusOr<std::string> day = DayOf(row);
  if (!day.ok()) return day.status();
  absl::StatusOr<double> depth_km = NumberOf(row, "Depth");
  if (!depth_km.ok()) return depth_km.status();
  absl::StatusOr<double> magnitude = NumberOf(row, "Magnitude");
  if (!magnitude.ok()) return magnitude.status();
  return SeismicEvent{*std::move(day), *depth_km, *magnitude};
}

}  // namespace kappa::demo
