// What the subcommands print.
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "proto/wire/record_set.h"
#include "server/tools/check_tool.h"
#include "server/tools/progress_line.h"
#include "server/tools/record_line.h"
#include "server/tools/recovery_record.h"

namespace kappa::server {
namespace {

using nlohmann::json;
using storage::CheckReport;
using storage::Severity;
using testing::HasSubstr;

CheckReport ReportWith(Severity severity) {
  CheckReport report;
  report.watermark_cycle = 12;
  report.recovered_cycle = 11;
  report.findings.push_back({severity, "db/000007.log", "zeros", {}});
  return report;
}

TEST(CheckReportTest, ExitCodes) {
  EXPECT_EQ(ExitCodeOf(CheckReport()), kDone);
  EXPECT_EQ(ExitCodeOf(ReportWith(Severity::kHarmless)), kDamaged);
  EXPECT_EQ(ExitCodeOf(ReportWith(Severity::kData)), kDamaged);
  EXPECT_EQ(ExitCodeOf(ReportWith(Severity::kRefusal)), kForgot);
}

TEST(CheckReportTest, TableNamesDamageAndTheNextStep) {
  const PartitionNames names;
  std::string text =
      CheckReportTable("/d", ReportWith(Severity::kRefusal), names);
  EXPECT_THAT(text, HasSubstr("watermark: cycle 12; recovered: cycle 11\n"));
  EXPECT_THAT(text, HasSubstr("refusal   db/000007.log  zeros\n"));
  EXPECT_THAT(text, HasSubstr("kappad recover /d --accept-loss\n"));
  text = CheckReportTable("/d", ReportWith(Severity::kHarmless), names);
  EXPECT_EQ(text.find("recover /d"), std::string::npos);
  text = CheckReportTable("/d", CheckReport(), names);
  EXPECT_THAT(text, HasSubstr("result: intact\n"));
  EXPECT_THAT(text, HasSubstr("watermark: unreadable"));
}

TEST(CheckReportTest, JsonHoldsDamagedRanges) {
  CheckReport report;
  storage::EntryRange range;
  range.replica = ReplicaNumber(3);
  range.group = GroupId(2);
  range.first = LogIndex(7);
  range.last = LogIndex(9);
  range.first_offset = Offset(14);
  report.findings.push_back(
      {Severity::kData, "replica 3 (group 2)", "bad \xff bytes", range});
  const json parsed =
      json::parse(CheckReportJson("/d", report, PartitionNames()));
  EXPECT_EQ(parsed["exit_code"], 3);
  const json& finding = parsed["findings"][0];
  EXPECT_EQ(finding["severity"], "data");
  EXPECT_EQ(finding["partition"], "group 2");
  EXPECT_EQ(finding["first_index"], 7);
  EXPECT_EQ(finding["last_index"], 9);
  EXPECT_EQ(finding["first_offset"], 14);
  EXPECT_FALSE(finding.contains("next_offset"));
}

RecoveryRecord RecordWith(storage::RebuiltLog log) {
  RecoveryRecord record;
  record.watermark_cycle = 12;
  record.recovered_cycle = 12;
  record.rebuilt.logs.push_back(std::move(log));
  return record;
}

// Every log of which anything is given up stands in the record, also where
// little is known of it.
TEST(RecoveryRecordTest, NamesALogWithoutItsGroupRow) {
  storage::RebuiltLog log;
  log.replica = ReplicaNumber(3);
  log.group = GroupId(2);
  log.why = "its group row is lost";
  const RecoveryRecord record = RecordWith(log);
  EXPECT_THAT(RecoverySummary(record, PartitionNames()),
              HasSubstr("given up: group 2, everything from offset 0: its "
                        "group row is lost\n"));
  const json parsed = json::parse(RecoveryRecordJson(record, PartitionNames()));
  const json& given_up = parsed["logs"][0]["given_up"];
  EXPECT_EQ(given_up["first_index"], 1);
  EXPECT_EQ(given_up["first_offset"], 0);
  EXPECT_FALSE(given_up.contains("last_index"));
  EXPECT_EQ(given_up["why"], "its group row is lost");
}

TEST(RecoveryRecordTest, NamesALogWithoutItsReplicaRow) {
  storage::RebuiltLog log;
  log.replica = ReplicaNumber(3);
  log.left_out = true;
  log.old_last = LogIndex(5);
  log.old_end_offset = Offset(8);
  log.why = "its replica row is lost";
  const RecoveryRecord record = RecordWith(log);
  EXPECT_THAT(RecoverySummary(record, PartitionNames()),
              HasSubstr("given up: replica 3, offsets 0 to 7 (entries 1 to 5"));
  const json parsed = json::parse(RecoveryRecordJson(record, PartitionNames()));
  EXPECT_EQ(parsed["logs"][0]["partition"], "replica 3");
  EXPECT_FALSE(parsed["logs"][0].contains("group"));
  EXPECT_EQ(parsed["logs"][0]["kept"], false);
  EXPECT_EQ(parsed["logs"][0]["given_up"]["next_offset"], 8);
}

TEST(RecordLineTest, TextAndBytes) {
  const HeaderView header{"h", "v"};
  RecordView record;
  record.key = "\xff\x00";
  record.value = "a \"quoted\" line\n";
  record.headers = {&header, 1};
  record.event_time_us = 1;
  const json line = json::parse(RecordLine(4, Offset(17), 0, record));
  EXPECT_EQ(line["partition"], 4);
  EXPECT_EQ(line["offset"], 17);
  EXPECT_EQ(line["append_time"], "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(line["event_time"], "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(line["key_base64"], "/w==");
  EXPECT_EQ(line["value"], "a \"quoted\" line\n");
  EXPECT_EQ(line["headers"][0]["name"], "h");
  EXPECT_EQ(line["headers"][0]["value"], "v");
  // Absent and empty differ.
  RecordView empty;
  empty.value = "";
  const json shorter = json::parse(RecordLine(0, Offset(0), 0, empty));
  EXPECT_FALSE(shorter.contains("key"));
  EXPECT_EQ(shorter["value"], "");
}

TEST(ProgressLineTest, Format) {
  EXPECT_EQ(ProgressLine::Format("check", uint64_t{50} << 20,
                                 uint64_t{100} << 20, absl::Seconds(10)),
            "check [###############...............]  50%  50 of 100 MiB, "
            "10 s left");
  EXPECT_EQ(ProgressLine::Format("check", 0, 0, absl::Seconds(1)),
            "check [##############################] 100%  0 of 0 MiB");
}

}  // namespace
}  // namespace kappa::server
