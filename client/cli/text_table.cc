#include "client/cli/text_table.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "proto/wire/check.h"

namespace kappa::cli {

void TextTable::Add(Row row) {
  KAPPA_CHECK(row.size() == columns_.size(), "one cell for each column");
  rows_.push_back(std::move(row));
}

std::string TextTable::ToString() const {
  std::vector<const Row*> lines;
  Row header;
  for (const Column& column : columns_) header.push_back(column.title);
  lines.push_back(&header);
  for (const Row& row : rows_) lines.push_back(&row);
  std::vector<size_t> widths(columns_.size(), 0);
  for (const Row* line : lines) {
    for (size_t i = 0; i < line->size(); ++i) {
      widths[i] = std::max(widths[i], (*line)[i].size());
    }
  }
  std::string text;
  for (const Row* line : lines) {
    std::string out;
    for (size_t i = 0; i < line->size(); ++i) {
      const std::string padding(widths[i] - (*line)[i].size(), ' ');
      if (i > 0) out += "  ";
      out += columns_[i].align == Align::kLeft ? (*line)[i] + padding
                                               : padding + (*line)[i];
    }
    out.erase(out.find_last_not_of(' ') + 1);
    text += out + "\n";
  }
  return text;
}

}  // namespace kappa::cli
