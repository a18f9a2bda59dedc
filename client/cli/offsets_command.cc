// kappa offsets TOPIC
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/text_table.h"
#include "client/cli/time_format.h"
#include "client/cpp/admin.h"
#include "nlohmann/json.hpp"

namespace kappa::cli {

namespace {

using Json = nlohmann::ordered_json;

struct OffsetsOptions {
  CommandContext* context = nullptr;
  std::string output;
  std::string topic;
  std::optional<uint32_t> partition;
  std::string at_time;
};

Json ToJson(uint32_t partition, const v1::GetOffsetsResponse& offsets) {
  Json json;
  json["partition"] = partition;
  json["first_offset"] = offsets.first_offset();
  json["end_offset"] = offsets.end_offset();
  json["records"] = offsets.end_offset() - offsets.first_offset();
  json["last_append_time"] = offsets.last_append_time_us() == 0
                                 ? "-"
                                 : FormatTimeUs(offsets.last_append_time_us());
  if (offsets.has_offset_at_time()) {
    json["offset_at_time"] = offsets.offset_at_time();
  }
  json["chain_digest"] = absl::BytesToHexString(offsets.chain_digest());
  return json;
}

void PrintTable(const Json& list) {
  std::vector<TextTable::Column> columns;
  if (list.empty()) return;
  for (const auto& [name, value] : list[0].items()) {
    columns.push_back({absl::AsciiStrToUpper(name),
                       value.is_number() ? TextTable::Align::kRight
                                         : TextTable::Align::kLeft});
  }
  TextTable table(std::move(columns));
  for (const Json& json : list) {
    TextTable::Row row;
    for (const auto& [name, value] : json.items()) {
      row.push_back(value.is_string() ? value.get<std::string>()
                                      : value.dump());
    }
    // A whole digest is for programs.
    row.back().resize(16);
    table.Add(std::move(row));
  }
  Print(table.ToString());
}

absl::Status Run(const OffsetsOptions& options) {
  v1::GetOffsetsRequest request;
  request.set_topic(options.topic);
  if (!options.at_time.empty()) {
    const absl::StatusOr<int64_t> time_us =
        ParseTimeUs(options.at_time, "rfc3339");
    if (!time_us.ok()) {
      return UsageError(
          absl::StrCat("--at-time: ", time_us.status().message()));
    }
    request.set_append_time_us(*time_us);
  }
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  client::Admin admin(*client);
  Json list = Json::array();
  if (options.partition) {
    request.set_partition(*options.partition);
    auto offsets = admin.GetOffsets(request);
    if (!offsets.ok()) return offsets.status();
    list.push_back(ToJson(*options.partition, *offsets));
  } else {
    auto topic = admin.GetTopic(options.topic);
    if (!topic.ok()) return topic.status();
    auto all = admin.GetAllOffsets(request, topic->partitions());
    if (!all.ok()) return all.status();
    uint32_t partition = 0;
    for (const v1::GetOffsetsResponse& offsets : *all) {
      list.push_back(ToJson(partition++, offsets));
    }
  }
  if (options.output == "json") {
    Print(list.dump(2) + "\n");
  } else {
    PrintTable(list);
  }
  return absl::OkStatus();
}

}  // namespace

void AddOffsetsCommand(CLI::App* app, CommandContext* context) {
  const auto options = std::make_shared<OffsetsOptions>();
  options->context = context;
  CLI::App* command =
      AddCommand(app, context, "offsets", "Show where partitions begin and end",
                 [options] { return Run(*options); });
  command->add_option("topic", options->topic, "Name of the topic")->required();
  command->add_option("--partition", options->partition,
                      "Only this partition (default: all)");
  command->add_option("--at-time", options->at_time,
                      "Also show the first offset appended at or after this "
                      "time, e.g. 2026-01-31T12:00:00Z");
  AddOutputOption(command, &options->output);
}

}  // namespace kappa::cli
