#include "server/metrics.h"

#include <map>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "httplib.h"
#include "prometheus/collectable.h"
#include "prometheus/text_serializer.h"
#include "server/metrics_server.h"

namespace kappa::server {
namespace {

std::string Text(const std::vector<prometheus::MetricFamily>& families) {
  return prometheus::TextSerializer().Serialize(families);
}

bool HasLine(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(MetricsTest, SumsShardsAndNamesReasons) {
  NodeStats stats;
  stats.shards.resize(2);
  stats.shards[0].appends = 3;
  stats.shards[1].appends = 4;
  stats.shards[1].queued_events = 9;
  stats.shards[0].refusals[v1::ERROR_REASON_SEQUENCE_GAP] = 2;
  stats.writer.commit_us_total = 1'500'000;
  const std::string text = Text(NodeFamilies(stats));
  EXPECT_TRUE(HasLine(text, "kappa_appends_total 7")) << text;
  EXPECT_TRUE(HasLine(text, "kappa_shard_queue_events{shard=\"1\"} 9"));
  EXPECT_TRUE(
      HasLine(text, "kappa_append_refusals_total{reason=\"sequence_gap\"} 2"));
  EXPECT_TRUE(HasLine(text, "kappa_log_sync_seconds_total 1.5"));
}

TEST(MetricsTest, CountsErrorsOfCalls) {
  RpcStats stats;
  stats.CountError(MakeError(v1::ERROR_REASON_TOPIC_NOT_FOUND, "x"));
  stats.CountError(absl::UnknownError("no reason: a bug"));
  const std::string text = Text(RpcFamilies(stats));
  EXPECT_TRUE(
      HasLine(text, "kappa_rpc_errors_total{reason=\"topic_not_found\"} 1"));
  EXPECT_TRUE(HasLine(text, "kappa_rpc_errors_total{reason=\"internal\"} 1"));
}

TEST(MetricsTest, NamesAreUniqueAndHelpIsThere) {
  NodeStats stats;
  stats.shards.resize(1);
  std::set<std::string> names;
  const RpcStats rpc;
  for (const auto& families :
       {NodeFamilies(stats), RpcFamilies(rpc), ProcessFamilies("/")}) {
    for (const prometheus::MetricFamily& family : families) {
      EXPECT_TRUE(names.insert(family.name).second) << family.name;
      EXPECT_FALSE(family.help.empty()) << family.name;
      EXPECT_EQ(family.type == prometheus::MetricType::Counter,
                family.name.ends_with("_total"))
          << family.name;
    }
  }
  EXPECT_TRUE(names.contains("process_resident_memory_bytes"));
  EXPECT_TRUE(names.contains("kappa_disk_free_bytes"));
}

class OneMetric final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    RpcStats stats;
    stats.heartbeats = 42;
    return RpcFamilies(stats);
  }
};

TEST(MetricsServerTest, ServesTheText) {
  auto server =
      MetricsServer::Start({"127.0.0.1", 0}, std::make_shared<OneMetric>());
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_NE((*server)->address().port, 0);
  httplib::Client client("127.0.0.1", (*server)->address().port);
  const auto response = client.Get("/metrics");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(HasLine(response->body, "kappa_rpc_heartbeats_total 42"));
  // The port is taken now.
  EXPECT_EQ(
      MetricsServer::Start((*server)->address(), std::make_shared<OneMetric>())
          .status()
          .code(),
      absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace kappa::server
