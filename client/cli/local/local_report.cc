#include "client/cli/local/local_report.h"

#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "client/cli/local/node_probe.h"
#include "client/cli/text_table.h"

namespace kappa::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::Duration kProbeTimeout = absl::Seconds(1);

std::string StateOf(const LocalCluster& cluster, uint32_t node) {
  switch (cluster.process(node).state()) {
    case NodeProcess::State::kEnded:
      return "stopped";
    case NodeProcess::State::kPaused:
      return "paused";
    case NodeProcess::State::kRuns:
      break;
  }
  const absl::StatusOr<NodeProbe> probe =
      NodeProbe::Make(cluster.ClientAddressOf(node), cluster.ClientTls());
  return probe.ok() && probe->Ask(kProbeTimeout).ok() ? "serving" : "starting";
}

std::string MetricsUrlOf(const LocalCluster& cluster, uint32_t node) {
  return absl::StrCat("http://", cluster.MetricsAddressOf(node), "/metrics");
}

}  // namespace

std::vector<std::string> StatesOf(const LocalCluster& cluster) {
  std::vector<std::string> states(cluster.settings().nodes);
  std::vector<std::thread> threads;
  for (uint32_t node = 1; node <= states.size(); ++node) {
    threads.emplace_back([&cluster, &states, node] {
      states[node - 1] = StateOf(cluster, node);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return states;
}

std::string TableOf(const LocalCluster& cluster,
                    const std::vector<std::string>& states) {
  TextTable table({{"NODE", TextTable::Align::kRight},
                   {.title = "STATE"},
                   {"PID", TextTable::Align::kRight},
                   {.title = "CLIENTS"},
                   {.title = "NODES"},
                   {.title = "METRICS"}});
  for (uint32_t node = 1; node <= states.size(); ++node) {
    const bool stopped = states[node - 1] == "stopped";
    table.Add({absl::StrCat(node), states[node - 1],
               stopped ? "-" : absl::StrCat(cluster.process(node).pid()),
               cluster.ClientAddressOf(node), cluster.NodeAddressOf(node),
               MetricsUrlOf(cluster, node)});
  }
  std::string text = absl::StrCat(table.ToString(), "\nUse it with: --server ",
                                  cluster.Seeds());
  if (const std::optional<client::TlsOptions> tls = cluster.ClientTls()) {
    absl::StrAppend(&text, " \\\n  --tls-ca ", tls->ca_file,
                    " \\\n  --tls-cert ", tls->cert_file, " \\\n  --tls-key ",
                    tls->key_file);
  }
  return text + "\n";
}

Json JsonOf(const LocalCluster& cluster,
            const std::vector<std::string>& states) {
  Json nodes = Json::array();
  for (uint32_t node = 1; node <= states.size(); ++node) {
    const NodeProcess& process = cluster.process(node);
    const bool stopped = states[node - 1] == "stopped";
    nodes.push_back({{"node", node},
                     {"state", states[node - 1]},
                     {"pid", stopped ? Json() : Json(process.pid())},
                     {"address", cluster.ClientAddressOf(node)},
                     {"peer_address", cluster.NodeAddressOf(node)},
                     {"metrics", MetricsUrlOf(cluster, node)},
                     {"data_dir", cluster.DataDirOf(node)},
                     {"log", cluster.LogOf(node)}});
  }
  Json json{{"server", cluster.Seeds()}, {"nodes", std::move(nodes)}};
  if (const std::optional<client::TlsOptions> tls = cluster.ClientTls()) {
    json["tls"] = {
        {"ca", tls->ca_file}, {"cert", tls->cert_file}, {"key", tls->key_file}};
  }
  return json;
}

}  // namespace kappa::cli
