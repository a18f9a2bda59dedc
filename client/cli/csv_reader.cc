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

// Length of the UTF-8 sequence at the start of `text`, 0 if it is not one.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&text](size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned char lead = byte(0);
  size_t length = 0;
  uint32_t code = 0;
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    code = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    code = lead & 0x0F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    code = lead & 0x07;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3F);
  }
  const bool overlong =
      (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return overlong || surrogate || code > 0x10FFFF ? 0 : length;
}

void AppendEscaped(unsigned char byte, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (byte) {
    case '"':
      out->append("\\\"");
      break;
    case '\\':
      out->append("\\\\");
      break;
    case '\n':
      out->append("\\n");
      break;
    case '\r':
      out->append("\\r");
      break;
    case '\t':
      out->append("\\t");
      break;
    default:
      out->append("\\u00");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
  }
}

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

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  size_t plain_from = 0;
  size_t i = 0;
  const auto flush = [&](size_t until) {
    out->append(text.substr(plain_from, until - plain_from));
  };
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
      ++i;
      continue;
    }
    if (byte >= 0x80) {
      const size_t length = Utf8Length(text.substr(i));
      if (length > 0) {
        i += length;
        continue;
      }
      flush(i);
      out->append("\xEF\xBF\xBD");
    } else {
      flush(i);
      AppendEscaped(byte, out);
    }
    plain_from = ++i;
  }
  flush(text.size());
  out->push_back('"');
}

}  // namespace kappa::cli
