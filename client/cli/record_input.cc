#include "client/cli/record_input.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/csv_reader.h"
#include "client/cli/json_text.h"
#include "client/cli/time_format.h"
#include "nlohmann/json.hpp"
#include "proto/wire/string_view.h"

namespace kappa::cli {

namespace {

class LineInput : public RecordInput {
 public:
  explicit LineInput(std::istream* in) : in_(in) {}

  bool Next(RecordView* record) override {
    if (!status_.ok() || !std::getline(*in_, text_)) return false;
    ++line_;
    bytes_ += static_cast<int64_t>(text_.size()) + (in_->eof() ? 0 : 1);
    *record = RecordView{
        .key = {}, .value = text_, .headers = {}, .event_time_us = {}};
    return true;
  }
  int64_t line() const override { return line_; }
  int64_t bytes() const override { return bytes_; }

 protected:
  std::string text_;

 private:
  std::istream* in_;
  int64_t line_ = 0;
  int64_t bytes_ = 0;
};

class JsonLineInput final : public LineInput {
 public:
  JsonLineInput(std::istream* in, const RecordInputOptions& options)
      : LineInput(in), options_(options) {}

  bool Next(RecordView* record) override {
    if (!LineInput::Next(record)) return false;
    const nlohmann::json object =
        nlohmann::json::parse(text_, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) return Fail("no JSON object");
    if (!options_.key_field.empty() && !ReadKey(object, record)) return false;
    return options_.time_field.empty() || ReadTime(object, record);
  }

 private:
  static std::string TextOf(const nlohmann::json& field) {
    return field.is_string() ? field.get<std::string>() : field.dump();
  }

  bool ReadKey(const nlohmann::json& object, RecordView* record) {
    const auto field = object.find(options_.key_field);
    if (field != object.end() && !field->is_null()) {
      key_ = TextOf(*field);
      record->key = key_;
      return true;
    }
    return options_.key_may_be_missing ||
           Fail(absl::StrCat("no \"", options_.key_field,
                             "\" for the key (--allow-missing-key stores such "
                             "records without one)"));
  }

  bool ReadTime(const nlohmann::json& object, RecordView* record) {
    const auto field = object.find(options_.time_field);
    if (field == object.end() || field->is_null()) return true;
    const absl::StatusOr<int64_t> time_us =
        ParseTimeUs(TextOf(*field), options_.time_format);
    if (!time_us.ok()) return Fail(ToStd(time_us.status().message()));
    record->event_time_us = *time_us;
    return true;
  }

  const RecordInputOptions options_;
  std::string key_;
};

class CsvInput final : public RecordInput {
 public:
  CsvInput(std::istream* in, const RecordInputOptions& options)
      : reader_(in), options_(options) {}

  absl::Status ReadHeader() {
    if (!reader_.Next(&columns_)) {
      return reader_.status().ok()
                 ? absl::InvalidArgumentError("no header: the input is empty")
                 : reader_.status();
    }
    const absl::Status key = Find(options_.key_field, &key_column_);
    return key.ok() ? Find(options_.time_field, &time_column_) : key;
  }

  bool Next(RecordView* record) override {
    if (!status_.ok()) return false;
    if (!reader_.Next(&fields_)) {
      status_ = reader_.status();
      return false;
    }
    if (fields_.size() != columns_.size()) {
      return Fail(absl::StrCat(fields_.size(), " fields under ",
                               columns_.size(), " columns"));
    }
    BuildValue();
    *record = RecordView{
        .key = {}, .value = value_, .headers = {}, .event_time_us = {}};
    if (key_column_) record->key = fields_[*key_column_];
    if (time_column_ && !fields_[*time_column_].empty()) {
      const absl::StatusOr<int64_t> time_us =
          ParseTimeUs(fields_[*time_column_], options_.time_format);
      if (!time_us.ok()) return Fail(ToStd(time_us.status().message()));
      record->event_time_us = *time_us;
    }
    return true;
  }
  int64_t line() const override { return reader_.line(); }
  int64_t bytes() const override { return reader_.bytes(); }

 private:
  absl::Status Find(const std::string& name, std::optional<size_t>* column) {
    if (name.empty()) return absl::OkStatus();
    const auto found = std::find(columns_.begin(), columns_.end(), name);
    if (found == columns_.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("no column \"", name, "\": the header has ",
                       absl::StrJoin(columns_, ", ")));
    }
    *column = static_cast<size_t>(found - columns_.begin());
    return absl::OkStatus();
  }

  void BuildValue() {
    value_.assign(1, '{');
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (i > 0) value_.push_back(',');
      AppendJsonString(columns_[i], &value_);
      value_.push_back(':');
      AppendJsonString(fields_[i], &value_);
    }
    value_.push_back('}');
  }

  CsvReader reader_;
  const RecordInputOptions options_;
  std::vector<std::string> columns_;
  std::optional<size_t> key_column_;
  std::optional<size_t> time_column_;
  std::vector<std::string> fields_;
  std::string value_;
};

}  // namespace

bool RecordInput::Fail(std::string_view message) {
  status_ = absl::InvalidArgumentError(
      absl::StrCat("line ", line(), ": ", ToAbsl(message)));
  return false;
}

absl::StatusOr<std::unique_ptr<RecordInput>> RecordInput::Open(
    std::istream* in, const RecordInputOptions& options) {
  if (options.format == "csv") {
    auto input = std::make_unique<CsvInput>(in, options);
    const absl::Status status = input->ReadHeader();
    if (!status.ok()) return status;
    return input;
  }
  if (options.format == "jsonl") {
    return std::make_unique<JsonLineInput>(in, options);
  }
  if (options.format != "lines") {
    return absl::InvalidArgumentError(
        absl::StrCat("no input format \"", options.format,
                     "\": there are lines, jsonl and csv"));
  }
  if (!options.key_field.empty() || !options.time_field.empty()) {
    return absl::InvalidArgumentError(
        "a line has no fields: --key-field and --time-field go with --format "
        "jsonl or csv");
  }
  return std::make_unique<LineInput>(in);
}

}  // namespace kappa::cli
