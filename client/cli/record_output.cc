#include "client/cli/record_output.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/json_text.h"
#include "client/cli/time_format.h"
#include "client/cpp/replay_options.h"
#include "proto/wire/check.h"
#include "proto/wire/string_view.h"

namespace kappa::cli {

namespace {

using client::ReplayRecord;

constexpr size_t kBufferBytes = 256 * 1024;
constexpr size_t kTableKeyWidth = 16;
constexpr size_t kTableValueWidth = 80;

// One line of at most `width` bytes of something that may be any bytes.
std::string Shown(std::string_view bytes, size_t width) {
  if (!IsUtf8(bytes)) return absl::StrCat("<", bytes.size(), " bytes>");
  std::string text;
  for (const char byte : bytes.substr(0, width + 1)) {
    if (static_cast<unsigned char>(byte) >= 0x20 && byte != 0x7f) {
      text.push_back(byte);
      continue;
    }
    std::string quoted;  // as in JSON
    AppendJsonString({&byte, 1}, &quoted);
    text.append(quoted, 1, quoted.size() - 2);
  }
  if (text.size() <= width) return text;
  size_t end = width - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;
  }
  return text.substr(0, end) + "...";
}

class TableOutput final : public RecordOutput {
 public:
  using RecordOutput::RecordOutput;

 protected:
  void AppendHead(std::string* out) override {
    absl::StrAppendFormat(out, "%9s %12s  %-27s  %-16s  %s\n", "PARTITION",
                          "OFFSET", "APPEND_TIME", "KEY", "VALUE");
  }
  void Append(const ReplayRecord& record, std::string* out) override {
    absl::StrAppendFormat(
        out, "%9d %12d  %-27s  %-16s  %s\n", record.partition,
        record.offset.value(), FormatTimeUs(record.append_time_us),
        record.key ? Shown(*record.key, kTableKeyWidth) : "-",
        record.value ? Shown(*record.value, kTableValueWidth) : "-");
  }
};

class RawOutput final : public RecordOutput {
 public:
  using RecordOutput::RecordOutput;

 protected:
  void Append(const ReplayRecord& record, std::string* out) override {
    out->append(record.value.value_or(""));
    out->push_back('\n');
  }
};

class JsonLineOutput final : public RecordOutput {
 public:
  using RecordOutput::RecordOutput;

 protected:
  void Append(const ReplayRecord& record, std::string* out) override {
    absl::StrAppend(out, "{\"partition\":", record.partition,
                    ",\"offset\":", record.offset.value(),
                    ",\"append_time\":\"", FormatTimeUs(record.append_time_us),
                    "\"");
    if (record.event_time_us) {
      absl::StrAppend(out, ",\"event_time\":\"",
                      FormatTimeUs(*record.event_time_us), "\"");
    }
    if (record.key) {
      out->push_back(',');
      AppendJsonMember("key", *record.key, out);
    }
    if (!record.headers.empty()) AppendHeaders(record, out);
    if (record.value) {
      out->push_back(',');
      AppendJsonMember("value", *record.value, out);
    }
    out->append("}\n");
  }

 private:
  static void AppendHeaders(const ReplayRecord& record, std::string* out) {
    out->append(",\"headers\":[");
    const char* separator = "";
    for (const HeaderView& header : record.headers) {
      absl::StrAppend(out, separator, "{");
      AppendJsonMember("name", header.name, out);
      out->push_back(',');
      AppendJsonMember("value", header.value, out);
      out->push_back('}');
      separator = ",";
    }
    out->push_back(']');
  }
};

class CsvOutput final : public RecordOutput {
 public:
  using RecordOutput::RecordOutput;

 protected:
  void AppendHead(std::string* out) override {
    out->append("partition,offset,append_time,event_time,key,value\n");
  }
  void Append(const ReplayRecord& record, std::string* out) override {
    absl::StrAppend(out, record.partition, ",", record.offset.value(), ",",
                    FormatTimeUs(record.append_time_us), ",");
    if (record.event_time_us) {
      absl::StrAppend(out, FormatTimeUs(*record.event_time_us));
    }
    out->push_back(',');
    if (record.key) AppendField(*record.key, out);
    out->push_back(',');
    if (record.value) AppendField(*record.value, out);
    out->push_back('\n');
  }

 private:
  // Absent and empty differ: only the empty field is quoted.
  static void AppendField(std::string_view bytes, std::string* out) {
    if (!bytes.empty() &&
        bytes.find_first_of(",\"\r\n") == std::string_view::npos) {
      out->append(bytes);
      return;
    }
    out->push_back('"');
    for (const char c : bytes) {
      if (c == '"') out->push_back('"');
      out->push_back(c);
    }
    out->push_back('"');
  }
};

class NoOutput final : public RecordOutput {
 public:
  using RecordOutput::RecordOutput;

 protected:
  void Append(const ReplayRecord&, std::string*) override {}
};

}  // namespace

std::unique_ptr<RecordOutput> RecordOutput::Create(std::string_view form,
                                                   std::FILE* file) {
  if (form == "table") return std::make_unique<TableOutput>(file);
  if (form == "jsonl") return std::make_unique<JsonLineOutput>(file);
  if (form == "raw") return std::make_unique<RawOutput>(file);
  if (form == "csv") return std::make_unique<CsvOutput>(file);
  KAPPA_CHECK(form == "none", "a known form");
  return std::make_unique<NoOutput>(file);
}

bool RecordOutput::Write(const client::ReplayRecord& record) {
  if (!begun_) {
    begun_ = true;
    AppendHead(&buffer_);
  }
  Append(record, &buffer_);
  return buffer_.size() < kBufferBytes ? open_ : Flush();
}

bool RecordOutput::Flush() {
  if (open_ && !buffer_.empty()) {
    open_ = std::fwrite(buffer_.data(), 1, buffer_.size(), file_) ==
                buffer_.size() &&
            std::fflush(file_) == 0;
  }
  buffer_.clear();
  return open_;
}

}  // namespace kappa::cli
