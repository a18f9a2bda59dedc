// kappa cluster health
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/cluster/cluster_commands.h"
#include "client/cli/cluster/cluster_nodes.h"
#include "client/cli/cluster/cluster_text.h"
#include "client/cli/command.h"
#include "client/cli/text_table.h"
#include "nlohmann/json.hpp"

namespace kappa::cli {
namespace {

using Json = nlohmann::ordered_json;

struct HealthOptions {
  CommandContext* context = nullptr;
  std::string output;
};

// A problem, and who tells of it.
struct ToldProblem {
  v1::HealthProblem problem;
  std::vector<uint64_t> tellers;
};

struct ClusterHealth {
  std::vector<ToldProblem> problems;
  uint64_t more_problems = 0;
  std::vector<const FoundNode*> silent;
  std::vector<std::string> why_silent;
  size_t answers = 0;
  // Partitions' replicas of all nodes that answer.
  uint64_t replicas = 0;

  bool healthy() const {
    return problems.empty() && more_problems == 0 && silent.empty();
  }
};

class HealthMerge {
 public:
  void Add(uint64_t node, const v1::HealthProblem& problem) {
    const Key key(problem.kind(), problem.in_group(), problem.topic(),
                  problem.partition(),
                  {problem.nodes().begin(), problem.nodes().end()});
    ToldProblem& told = problems_[key];
    if (told.tellers.empty()) told.problem = problem;
    told.tellers.push_back(node);
  }
  std::vector<ToldProblem> Take() {
    std::vector<ToldProblem> all;
    for (auto& [key, told] : problems_) all.push_back(std::move(told));
    return all;
  }

 private:
  // As people want to read it: the kinds that hurt most come first.
  using Key =
      std::tuple<int, bool, std::string, uint32_t, std::vector<uint64_t>>;
  std::map<Key, ToldProblem> problems_;
};

ClusterHealth AskHealth(const ClusterNodes& cluster) {
  const auto answers =
      cluster.AskAll(&ClusterCalls::GetHealth, v1::GetHealthRequest());
  ClusterHealth health;
  HealthMerge merge;
  for (size_t i = 0; i < answers.size(); ++i) {
    const FoundNode& node = cluster.nodes()[i];
    if (!answers[i].ok()) {
      health.silent.push_back(&node);
      health.why_silent.emplace_back(answers[i].status().message());
      continue;
    }
    ++health.answers;
    health.replicas += answers[i]->replicas();
    health.more_problems += answers[i]->more_problems();
    for (const v1::HealthProblem& problem : answers[i]->problems()) {
      merge.Add(node.node_id, problem);
    }
  }
  health.problems = merge.Take();
  return health;
}

Json ToJson(const ClusterHealth& health) {
  Json problems = Json::array();
  for (const ToldProblem& told : health.problems) {
    Json json = ProblemJson(told.problem);
    json["told_by"] = told.tellers;
    problems.push_back(std::move(json));
  }
  Json silent = Json::array();
  for (size_t i = 0; i < health.silent.size(); ++i) {
    silent.push_back({{"node", health.silent[i]->node_id},
                      {"address", health.silent[i]->address},
                      {"message", health.why_silent[i]}});
  }
  return {{"healthy", health.healthy()},
          {"nodes_answering", health.answers},
          {"nodes_silent", std::move(silent)},
          {"replicas", health.replicas},
          {"problems", std::move(problems)},
          {"more_problems", health.more_problems}};
}

std::string ToText(const ClusterHealth& health) {
  if (health.healthy()) {
    return absl::StrCat(
        Green("Healthy"), ": ", health.answers,
        health.answers == 1 ? " node answers, " : " nodes answer, ",
        health.replicas, " replicas\n");
  }
  std::string text = absl::StrCat(
      Red("Unhealthy"), ": ",
      health.problems.size() + health.more_problems + health.silent.size(),
      " problems\n");
  for (size_t i = 0; i < health.silent.size(); ++i) {
    absl::StrAppend(&text, "node ", health.silent[i]->node_id,
                    " does not answer at ", OrDash(health.silent[i]->address),
                    ": ", health.why_silent[i], "\n");
  }
  if (!health.problems.empty()) {
    TextTable table({{.title = "KIND"},
                     {.title = "SINCE"},
                     {.title = "TOLD_BY"},
                     {.title = "WHAT"}});
    for (const ToldProblem& told : health.problems) {
      table.Add({KindText(told.problem.kind()),
                 TimeText(told.problem.since_time_us()),
                 absl::StrJoin(told.tellers, ","), told.problem.message()});
    }
    text += table.ToString();
  }
  if (health.more_problems > 0) {
    absl::StrAppend(&text, "and ", health.more_problems,
                    " more, which are not listed\n");
  }
  return text;
}

absl::Status RunHealth(const HealthOptions& options) {
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<ClusterNodes> cluster =
      ClusterNodes::Find(*std::move(client));
  if (!cluster.ok()) return cluster.status();
  const ClusterHealth health = AskHealth(*cluster);
  Print(options.output == "json"
            ? ToJson(health).dump(2, ' ', /*ensure_ascii=*/false,
                                  Json::error_handler_t::replace) +
                  "\n"
            : ToText(health));
  if (health.healthy()) return absl::OkStatus();
  return absl::FailedPreconditionError("the cluster is not healthy");
}

}  // namespace

void AddClusterHealth(CLI::App* cluster, CommandContext* context) {
  const auto options = std::make_shared<HealthOptions>();
  options->context = context;
  CLI::App* command = AddCommand(
      cluster, context, "health",
      "Ask every node how it and its partitions are; exit code 1 when "
      "anything is wrong",
      [options] { return RunHealth(*options); });
  AddOutputOption(command, &options->output);
  command->footer(
      "A replica that lacks what was committed two seconds ago is behind; that "
      "shows from\nthe second time on that a node is asked.\n"
      "Examples:\n"
      "  kappa cluster health\n"
      "  until kappa cluster health > /dev/null; do sleep 1; done\n"
      "  kappa cluster health -o json | jq '.problems[].message'");
}

}  // namespace kappa::cli
