#include "server/tools/recovery_record.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace kappa::server {
namespace {

using storage::RebuiltLog;
using Json = nlohmann::ordered_json;

Json ToJson(const RebuiltLog& log, const PartitionNames& names) {
  Json json;
  json["partition"] = names.NameOf(log.group);
  json["group"] = log.group.value();
  json["replica"] = log.replica.value();
  json["last_index"] = log.last.value();
  json["end_offset"] = log.end_offset.value();
  if (!log.shortened()) return json;
  Json given_up;
  given_up["first_index"] = log.last.value() + 1;
  given_up["last_index"] = log.old_last.value();
  given_up["first_offset"] = log.end_offset.value();
  given_up["next_offset"] = log.old_end_offset.value();
  given_up["damaged_entries"] = log.damaged_entries;
  given_up["whole_entries"] = log.whole_entries;
  given_up["why"] = log.why;
  json["given_up"] = std::move(given_up);
  return json;
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
  if (record.lost_cycles()) text += CyclesText(record);
  for (const RebuiltLog& log : record.rebuilt.logs) {
    if (!log.shortened()) continue;
    absl::StrAppendFormat(
        &text,
        "given up: %s, offsets %d to %d (entries %d to %d, of them %d damaged, "
        "%d whole but behind the damage): %s\n",
        names.NameOf(log.group), log.end_offset.value(),
        log.old_end_offset.value() - 1, log.last.value() + 1,
        log.old_last.value(), log.damaged_entries, log.whole_entries, log.why);
  }
  return text;
}

}  // namespace kappa::server
