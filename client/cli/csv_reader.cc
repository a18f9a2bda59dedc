#include "client/cli/csv_reader.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace kappa::cli {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

bool CsvReader::ReadLine(std::string* line) {
  if (!std::getline(*in_, *line)) return false;
  ++lines_read_;
  bytes_ += static_cast<int64_t>(line->size()) + (in_->eof() ? 0 : 1);
  if (lines_read_ == 1 && line->starts_with(kByteOrderMark)) {
    line->erase(0, kByteOrderMark.size());
  }
  return true;
}

bool CsvReader::ReadQuoted(std::string* line, size_t* at, std::string* field) {
  const int64_t opened_on = lines_read_;
  while (true) {
    const size_t quote = line->find('"', *at);
    if (quote == std::string::npos) {
      field->append(*line, *at, std::string::npos);
      field->push_back('\n');
      if (!ReadLine(line)) {
        status_ = absl::InvalidArgumentError(absl::StrCat(
            "line ", opened_on, ": a quoted field is never closed"));
        return false;
      }
      *at = 0;
      continue;
    }
    field->append(*line, *at, quote - *at);
    *at = quote + 1;
    if (*at < line->size() && (*line)[*at] == '"') {
      field->push_back('"');
      ++*at;
      continue;
    }
    return true;
  }
}

bool CsvReader::Next(std::vector<std::string>* fields) {
  fields->clear();
  if (!status_.ok()) return false;
  do {
    if (!ReadLine(&line_)) return false;
  } while (line_.empty() || line_ == "\r");
  row_line_ = lines_read_;
  size_t at = 0;
  while (true) {
    std::string& field = fields->emplace_back();
    if (at < line_.size() && line_[at] == '"') {
      ++at;
      if (!ReadQuoted(&line_, &at, &field)) return false;
      if (at + 1 == line_.size() && line_[at] == '\r') ++at;
      if (at < line_.size() && line_[at] != ',') {
        status_ = absl::InvalidArgumentError(absl::StrCat(
            "line ", lines_read_, ": text after the closing quote of field ",
            fields->size()));
        return false;
      }
    } else {
      const size_t comma = line_.find(',', at);
      size_t end = comma == std::string::npos ? line_.size() : comma;
      field.assign(line_, at, end - at);
      at = end;
      if (comma == std::string::npos && !field.empty() &&
          field.back() == '\r') {
        field.pop_back();
      }
    }
    if (at >= line_.size()) return true;
    ++at;  // the comma
  }
}

}  // namespace kappa::cli
