#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/bench/bench.h"
#include "client/cpp/admin.h"
#include "nlohmann/json.hpp"

namespace kappa::bench {

namespace {

nlohmann::ordered_json LingerJson(const BenchOptions& options) {
  if (!options.linger.has_value()) return "default";
  return absl::ToDoubleMilliseconds(*options.linger);
}

nlohmann::ordered_json SettingsJson(const BenchOptions& options) {
  return {{"record_bytes", options.record_bytes},
          {"batch_bytes", options.batch_bytes},
          {"partitions", options.partitions},
          {"producers", options.producers},
          {"readers", options.readers},
          {"compression", std::string(CodecName(options.compression))},
          {"seed", options.seed},
          {"values", options.values == nullptr ? "random" : "given"},
          {"duration_s", absl::ToDoubleSeconds(options.duration)},
          {"warm_up_s", absl::ToDoubleSeconds(options.warm_up)},
          {"rate_per_s", options.rate},
          {"outstanding_bytes", options.outstanding_bytes},
          {"linger_ms", LingerJson(options)},
          {"replay_bytes", options.replay_bytes},
          {"server",
           options.server.server.empty() ? "own" : options.server.server}};
}

}  // namespace

BenchReport BeginReport(const std::string& kind, const BenchOptions& options,
                        const BenchSetup& setup) {
  BenchReport report;
  report.kind = kind;
  report.settings = SettingsJson(options);
  report.server_rss_idle_bytes = setup.server_rss_idle_bytes;
  return report;
}

absl::StatusOr<BenchSetup> SetUpBench(const BenchOptions& options) {
  BenchSetup setup;
  auto server = BenchServer::Start(options.server);
  if (!server.ok()) return server.status();
  setup.server = *std::move(server);
  auto client = client::Client::Connect(
      {.seeds = setup.server->address(), .tls = options.server.tls});
  if (!client.ok()) return client.status();
  setup.client = *std::move(client);
  if (const auto usage = setup.server->Usage()) {
    setup.server_rss_idle_bytes = usage->rss_bytes;
  }
  if (options.existing_topic) return setup;
  v1::CreateTopicRequest request;
  request.set_name(options.topic);
  request.set_partitions(options.partitions);
  request.set_description("made by kappa bench");
  request.set_deletion_protection(false);
  auto topic = client::Admin(setup.client).CreateTopic(request);
  if (!topic.ok()) return topic.status();
  if (!topic->created()) {
    return absl::FailedPreconditionError(
        absl::StrCat("topic ", options.topic,
                     " exists; name another with --topic, or delete it"));
  }
  return setup;
}

double OwnCpuSeconds() {
  const absl::StatusOr<ProcessUsage> usage = ReadProcessUsage(getpid());
  return usage.ok() ? usage->cpu_s : 0;
}

}  // namespace kappa::bench
