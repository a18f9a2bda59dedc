#include "server/tools/recovery_record.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace kappa::server {
namespace {

using storage::RebuiltLog;
using Json = nlohmann::ordered_json;

std::string NameOf(const RebuiltLog& log, const PartitionNames& names) {
  return log.group.has_value() ? names.NameOf(*log.group)
                               : absl::StrCat("replica ", log.replica.value());
}

Json ToJson(const RebuiltLog& log, const PartitionNames& names) {
  Json json;
  json["partition"] = NameOf(log, names);
  if (log.group.has_value()) json["group"] = log.group->value();
  json["replica"] = log.replica.value();
  json["kept"] = !log.left_out;
  json["last_index"] = log.last.value();
  json["end_offset"] = log.end_offset.value();
  if (!log.shortened()) return json;
  Json given_up;
  given_up["first_index"] = log.last.value() + 1;
  given_up["first_offset"] = log.end_offset.value();
  // Absent where nothing says how far the log went.
  if (log.old_last) given_up["last_index"] = log.old_last->value();
  if (log.old_end_offset) {
    given_up["next_offset"] = log.old_end_offset->value();
  }
  given_up["damaged_entries"] = log.damaged_entries;
  given_up["whole_entries"] = log.whole_entries;
  given_up["why"] = log.why;
  json["given_up"] = std::move(given_up);
  return json;
}

std::string GivenUpText(const RebuiltLog& log, const PartitionNames& names) {
  const std::string name = NameOf(log, names);
  if (!log.old_last.has_value() || !log.old_end_offset.has_value()) {
    return absl::StrFormat("given up: %s, everything from offset %d: %s\n",
                           name, log.end_offset.value(), log.why);
  }
  const std::string offsets =
      log.end_offset == *log.old_end_offset
          ? "no records"
          : absl::StrCat("offsets ", log.end_offset.value(), " to ",
                         log.old_end_offset->value() - 1);
  return absl::StrFormat(
      "given up: %s, %s (entries %d to %d, of them %d damaged, %d whole, which "
      "stay in the old directory): %s\n",
      name, offsets, log.last.value() + 1, log.old_last->value(),
      log.damaged_entries, log.whole_entries, log.why);
}

std::string CyclesText(const RecoveryRecord& record) {
  if (!record.watermark_cycle.has_value()) {
    return "the watermark is unreadable: what was acknowledged last may be "
           "gone\n";
  }
  return absl::StrCat(
      "cycles ", record.recovered_cycle.value_or(0) + 1, " to ",
      *record.watermark_cycle,
      " are gone, and with them what they wrote to the end of any partition\n");
}

}  // namespace

std::string RecoveryRecordJson(const RecoveryRecord& record,
                               const PartitionNames& names) {
  Json json;
  json["time"] = record.time;
  json["old_directory"] = record.old_directory;
  json["reasons"] = record.reasons;
  if (record.watermark_cycle) json["watermark_cycle"] = *record.watermark_cycle;
  if (record.recovered_cycle) json["recovered_cycle"] = *record.recovered_cycle;
  json["acknowledged_cycles_lost"] = record.lost_cycles();
  if (!record.rebuilt.hole.empty()) json["hole"] = record.rebuilt.hole;
  json["metadata_made_from_its_log"] = record.rebuilt.metadata_from_log;
  json["kept_entries"] = record.rebuilt.entries;
  json["kept_payload_bytes"] = record.rebuilt.payload_bytes;
  json["logs"] = Json::array();
  for (const RebuiltLog& log : record.rebuilt.logs) {
    json["logs"].push_back(ToJson(log, names));
  }
  return json.dump(2, ' ', /*ensure_ascii=*/false,
                   Json::error_handler_t::replace) +
         "\n";
}

std::string RecoverySummary(const RecoveryRecord& record,
                            const PartitionNames& names) {
  std::string text = absl::StrFormat(
      "kept: %d entries, %d MiB in %d logs\n", record.rebuilt.entries,
      record.rebuilt.payload_bytes >> 20, record.rebuilt.logs.size());
  if (record.lost_at_end()) text += CyclesText(record);
  if (!record.rebuilt.hole.empty()) {
    absl::StrAppend(&text, record.rebuilt.hole,
                    ": topics and producers are those that the logs tell of, "
                    "as far as these are whole\n");
  }
  for (const RebuiltLog& log : record.rebuilt.logs) {
    if (log.shortened()) text += GivenUpText(log, names);
  }
  return text;
}

}  // namespace kappa::server
