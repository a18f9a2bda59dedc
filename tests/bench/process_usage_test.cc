#include "client/bench/process_usage.h"

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>

#include "client/bench/bench_report.h"
#include "client/bench/workload.h"
#include "gtest/gtest.h"

namespace kappa::bench {
namespace {

TEST(ProcessUsageTest, CountsTheWorkOfThisProcess) {
  const auto before = ReadProcessUsage(getpid());
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_GT(before->rss_bytes, 100'000u);
  EXPECT_GE(before->rss_max_bytes, before->rss_bytes);
  // Works until the clock of /proc has moved.
  volatile uint64_t work = 0;
  absl::StatusOr<ProcessUsage> now = before;
  while (now.ok() && now->cpu_s < before->cpu_s + 0.05) {
    for (int i = 0; i < 1'000'000; ++i) work = work + 1;
    now = ReadProcessUsage(getpid());
  }
  ASSERT_TRUE(now.ok());
  EXPECT_LT(now->cpu_s, before->cpu_s + 60);
}

TEST(ProcessUsageTest, RefusesAProcessThatIsNotThere) {
  EXPECT_EQ(ReadProcessUsage(1 << 30).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(WorkloadTest, ValuesHaveTheLengthAndDoNotRepeatSoon) {
  Workload workload(1024, 3);
  const std::string first(workload.Next());
  EXPECT_EQ(first.size(), 1024u);
  for (int i = 0; i < 10'000; ++i) EXPECT_NE(workload.Next(), first);
  Workload same(1024, 3);
  EXPECT_EQ(same.Next(), first);
  Workload other(1024, 4);
  EXPECT_NE(other.Next(), first);
}

TEST(WorkloadTest, ValuesAreCutFromWhatIsGiven) {
  Workload workload(3, 1, std::make_shared<const std::string>("abcdefgh"));
  EXPECT_EQ(workload.Next(), "abc");
  EXPECT_EQ(workload.Next(), "def");
  EXPECT_EQ(workload.Next(), "abc");
}

TEST(BenchReportTest, FiguresAreRatiosOfWhatWasCounted) {
  BenchReport report;
  report.kind = "append";
  report.seconds = 2;
  report.records = 4'000'000;
  report.bytes = 4'000'000'000;
  report.client_cpu_s = 6;
  report.server_begin = ProcessUsage{.cpu_s = 1,
                                     .written_bytes = 100,
                                     .read_bytes = 0,
                                     .rss_bytes = 0,
                                     .rss_max_bytes = 0};
  report.server_end = ProcessUsage{.cpu_s = 9,
                                   .written_bytes = 8'000'000'100,
                                   .read_bytes = 0,
                                   .rss_bytes = 0,
                                   .rss_max_bytes = 500'000'000};
  for (int i = 1; i <= 100; ++i) report.latency.Record(i * 10);
  const auto json = report.ToJson();
  EXPECT_DOUBLE_EQ(json["records_per_s"], 2'000'000);
  EXPECT_DOUBLE_EQ(json["mb_per_s"], 2'000);
  EXPECT_DOUBLE_EQ(json["client_cpu_s_per_gb"], 1.5);
  EXPECT_DOUBLE_EQ(json["server_cpu_s_per_gb"], 2);
  EXPECT_DOUBLE_EQ(json["disk_bytes_per_byte"], 2);
  EXPECT_DOUBLE_EQ(json["server_rss_max_mb"], 500);
  EXPECT_NEAR(json["p50_ms"].get<double>(), 0.5, 0.01);
  EXPECT_NEAR(json["p99_ms"].get<double>(), 0.99, 0.01);
}

TEST(BenchReportTest, UnknownFiguresAreNull) {
  BenchReport report;
  report.kind = "replay";
  const auto json = report.ToJson();
  EXPECT_TRUE(json["server_cpu_s_per_gb"].is_null());
  EXPECT_TRUE(json["records_per_s"].is_null());
  EXPECT_TRUE(json["p99_ms"].is_null());
  EXPECT_NE(report.ToText().find("server_cpu_s_per_gb"), std::string::npos);
}

}  // namespace
}  // namespace kappa::bench
