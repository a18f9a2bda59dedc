// What the subcommands print.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "proto/wire/record_set.h"
#include "server/tools/check_tool.h"
#include "server/tools/progress_line.h"
#include "server/tools/record_line.h"

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
