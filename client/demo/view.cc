#include "client/demo/view.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "proto/wire/string_view.h"

namespace kappa::demo {

namespace {

// Version 1: per day.
class DailyView final : public View {
 public:
  std::vector<std::string> KeyColumns() const override { return {"day"}; }

 protected:
  std::vector<std::string> KeyOf(const SeismicEvent& event) const override {
    return {event.day};
  }
};

// Version 2: per day and depth band.
class DailyDepthView final : public View {
 public:
  std::vector<std::string> KeyColumns() const override {
    return {"day", "depth"};
  }

 protected:
  std::vector<std::string> KeyOf(const SeismicEvent& event) const override {
    return {event.day, DepthBand(event.depth_km)};
  }
};

}  // namespace

std::string DepthBand(double depth_km) {
  if (depth_km < 70) return "0-70 km";
  if (depth_km < 300) return "70-300 km";
  return "300+ km";
}

absl::StatusOr<std::unique_ptr<View>> View::Create(std::string_view version) {
  if (version == "v1") return std::make_unique<DailyView>();
  if (version == "v2") return std::make_unique<DailyDepthView>();
  return absl::InvalidArgumentError(absl::StrCat(
      "no view of version \"", ToAbsl(version), "\": there are v1 and v2"));
}

void View::Fold(const SeismicEvent& event) {
  Row& row = rows_[KeyOf(event)];
  row.strongest = row.events == 0 ? event.magnitude
                                  : std::max(row.strongest, event.magnitude);
  ++row.events;
  ++event_count_;
}

View::Cells View::Header() const {
  Cells cells = KeyColumns();
  cells.push_back("events");
  cells.push_back("strongest");
  return cells;
}

View::Cells View::CellsOf(const Cells& key, const Row& row) {
  Cells cells = key;
  cells.push_back(absl::StrCat(row.events));
  cells.push_back(absl::StrFormat("%.2f", row.strongest));
  return cells;
}

std::string View::ToCsv() const {
  std::string csv = absl::StrCat(absl::StrJoin(Header(), ","), "\n");
  for (const auto& [key, row] : rows_) {
    absl::StrAppend(&csv, absl::StrJoin(CellsOf(key, row), ","), "\n");
  }
  return csv;
}

std::string View::ToTable(size_t rows_max) const {
  std::vector<Cells> lines = {Header()};
  for (const auto& [key, row] : rows_) {
    if (lines.size() > rows_max) break;
    lines.push_back(CellsOf(key, row));
  }
  std::vector<size_t> widths(lines[0].size(), 0);
  for (const Cells& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  const size_t key_columns = KeyColumns().size();
  std::string table;
  for (const Cells& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      const int width = static_cast<int>(widths[i]);
      // Keys to the left, numbers to the right.
      absl::StrAppendFormat(&table, "  %*s", i < key_columns ? -width : width,
                            line[i]);
    }
    table.push_back('\n');
  }
  if (rows_.size() > rows_max) {
    absl::StrAppend(&table, "  ... ", rows_.size() - rows_max, " more rows\n");
  }
  return table;
}

}  // namespace kappa::demo
