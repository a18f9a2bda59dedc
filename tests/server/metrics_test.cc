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
  stats.refusals[v1::ERROR_REASON_SEQUENCE_GAP] = 1;
  const std::string text = Text(NodeFamilies(stats));
  EXPECT_TRUE(HasLine(text, "kappa_appends_total 7")) << text;
  EXPECT_TRUE(HasLine(text, "kappa_shard_queue_events{shard=\"1\"} 9"));
  EXPECT_TRUE(
      HasLine(text, "kappa_append_refusals_total{reason=\"sequence_gap\"} 3"));
}

TEST(MetricsTest, CountsWhatNodesSendEachOther) {
  NodeStats stats;
  stats.peers.push_back({.node = 2,
                         .peer_class = "control",
                         .sent_frames = 3,
                         .dropped_messages = 4,
                         .received_bytes = 5});
  stats.peers.push_back({.node = 3, .peer_class = "bulk", .sent_messages = 6});
  const std::string text = Text(NodeFamilies(stats));
  const std::string control = "{node=\"2\",class=\"control\"} ";
  EXPECT_TRUE(HasLine(text, "kappa_peer_sent_frames_total" + control + "3"))
      << text;
  EXPECT_TRUE(
      HasLine(text, "kappa_peer_dropped_messages_total" + control + "4"));
  EXPECT_TRUE(HasLine(text, "kappa_peer_received_bytes_total" + control + "5"));
  EXPECT_TRUE(HasLine(
      text, "kappa_peer_sent_messages_total{node=\"3\",class=\"bulk\"} 6"));
}

TEST(MetricsTest, ShowsDistributionsOfCycles) {
  NodeStats stats;
  stats.writer.commit_us = {{500, 1000}, {2, 3, 1}, 1'500'000};
  stats.writer.cycle_bytes = {{1024}, {4, 2}, 9000};
  const std::string text = Text(NodeFamilies(stats));
  EXPECT_TRUE(HasLine(text, "# TYPE kappa_log_sync_seconds histogram")) << text;
  EXPECT_TRUE(HasLine(text, "kappa_log_sync_seconds_bucket{le=\"0.0005\"} 2"))
      << text;
  EXPECT_TRUE(HasLine(text, "kappa_log_sync_seconds_bucket{le=\"0.001\"} 5"));
  EXPECT_TRUE(HasLine(text, "kappa_log_sync_seconds_bucket{le=\"+Inf\"} 6"));
  EXPECT_TRUE(HasLine(text, "kappa_log_sync_seconds_count 6"));
  EXPECT_TRUE(HasLine(text, "kappa_log_sync_seconds_sum 1.5"));
  EXPECT_TRUE(HasLine(text, "kappa_log_cycle_bytes_bucket{le=\"1024\"} 4"));
  EXPECT_TRUE(HasLine(text, "kappa_log_cycle_bytes_sum 9000"));
}

TEST(MetricsTest, CountsStallsAndSegments) {
  NodeStats stats;
  stats.store = {.write_stalls = 3, .live_segments = 2, .sealed_segments = 9};
  const std::string text = Text(NodeFamilies(stats));
  EXPECT_TRUE(HasLine(text, "kappa_write_stalls_total 3")) << text;
  EXPECT_TRUE(HasLine(text, "kappa_segments{state=\"live\"} 2"));
  EXPECT_TRUE(HasLine(text, "kappa_segments{state=\"sealed\"} 9"));
}

TEST(MetricsTest, TellsWherePartitionsStand) {
  const std::string text = Text(PartitionFamilies(
      {{"orders", 0, 7, 0, 60}, {"orders", 1, 3, 10, 20}}, /*all=*/5));
  EXPECT_TRUE(HasLine(
      text, "kappa_partition_last_index{topic=\"orders\",partition=\"0\"} 7"))
      << text;
  EXPECT_TRUE(HasLine(text,
                      "kappa_partition_first_offset{topic=\"orders\","
                      "partition=\"1\"} 10"));
  EXPECT_TRUE(HasLine(text,
                      "kappa_partition_end_offset{topic=\"orders\","
                      "partition=\"1\"} 20"));
  EXPECT_TRUE(HasLine(text, "kappa_partitions_not_shown 3"));
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

TEST(MetricsTest, CountsAppendsThatDoNotReachTheNode) {
  RpcStats stats;
  stats.CountAppendRefusal(
      MakeError(v1::ERROR_REASON_LIMIT_EXCEEDED, "too large"));
  EXPECT_TRUE(
      HasLine(Text(RpcFamilies(stats)),
              "kappa_rpc_append_refusals_total{reason=\"limit_exceeded\"} 1"));
}

TEST(MetricsTest, NamesAreUniqueAndHelpIsThere) {
  NodeStats stats;
  stats.shards.resize(1);
  std::set<std::string> names;
  const RpcStats rpc;
  for (const auto& families :
       {NodeFamilies(stats), RpcFamilies(rpc), ProcessFamilies("/"),
        PartitionFamilies({}, 0)}) {
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
    stats.replay_pauses = 43;
    stats.replay_bytes_per_s = 44;
    return RpcFamilies(stats);
  }
};

class OnePartition final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    return PartitionFamilies({{"orders", 0, 7, 0, 60}}, 1);
  }
};

absl::StatusOr<std::unique_ptr<MetricsServer>> StartAt(
    const ListenAddress& listen) {
  return MetricsServer::Start(listen, std::make_shared<OneMetric>(),
                              std::make_shared<OnePartition>());
}

TEST(MetricsServerTest, ServesTheText) {
  auto server = StartAt({"127.0.0.1", 0});
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_NE((*server)->address().port, 0);
  httplib::Client client("127.0.0.1", (*server)->address().port);
  const auto response = client.Get("/metrics");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(HasLine(response->body, "kappa_rpc_heartbeats_total 42"));
  EXPECT_TRUE(HasLine(response->body, "kappa_rpc_replay_pauses_total 43"));
  EXPECT_TRUE(
      HasLine(response->body, "kappa_rpc_replay_pace_bytes_per_second 44"));
  // Partitions have a page of their own: there may be many.
  EXPECT_EQ(response->body.find("kappa_partition_"), std::string::npos);
  const auto partitions = client.Get("/metrics/partitions");
  ASSERT_TRUE(partitions);
  EXPECT_EQ(partitions->status, 200);
  EXPECT_NE(partitions->body.find("kappa_partition_last_index"),
            std::string::npos);
  // The port is taken now.
  EXPECT_EQ(StartAt((*server)->address()).status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace kappa::server
