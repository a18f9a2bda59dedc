#include "server/tools/record_line.h"

#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "proto/wire/codec.h"
#include "proto/wire/string_view.h"
#include "proto/wire/wire_format.h"

namespace kappa::server {
namespace {

using Json = nlohmann::ordered_json;

std::string TimeText(int64_t time_us) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixMicros(time_us),
                          absl::UTCTimeZone());
}

void SetBytes(const std::string& name, std::string_view bytes, Json* json) {
  if (IsUtf8(bytes)) {
    (*json)[name] = bytes;
  } else {
    (*json)[name + "_base64"] = absl::Base64Escape(ToAbsl(bytes));
  }
}

}  // namespace

std::string RecordLine(uint32_t partition, Offset offset,
                       int64_t append_time_us, const RecordView& record) {
  Json json;
  json["partition"] = partition;
  json["offset"] = offset.value();
  json["append_time"] = TimeText(append_time_us);
  if (record.event_time_us.has_value()) {
    json["event_time"] = TimeText(*record.event_time_us);
  }
  if (record.key.has_value()) SetBytes("key", *record.key, &json);
  for (const HeaderView& header : record.headers) {
    Json item;
    item["name"] = header.name;
    SetBytes("value", header.value, &item);
    json["headers"].push_back(std::move(item));
  }
  if (record.value.has_value()) SetBytes("value", *record.value, &json);
  return json.dump(-1, ' ', /*ensure_ascii=*/false,
                   Json::error_handler_t::replace);
}

absl::Status VisitRecords(
    const storage::StoredEntry& entry,
    absl::FunctionRef<void(Offset offset, const RecordView& record)> visit) {
  absl::StatusOr<std::string> bytes =
      Inflate(entry.header.codec, entry.payload, kBatchBytesMax);
  if (!bytes.ok()) {
    return absl::DataLossError(absl::StrCat("batch at offset ",
                                            entry.header.base_offset.value(),
                                            ": ", bytes.status().message()));
  }
  Offset offset = entry.header.base_offset;
  RecordSetReader reader(*bytes);
  while (reader.Next()) {
    visit(offset, reader.record());
    offset = offset.Next();
  }
  if (reader.status().ok()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("batch at offset ",
                                          entry.header.base_offset.value(),
                                          ": ", reader.status().message()));
}

}  // namespace kappa::server
