#include "tests/raft/scenarios/runner/runner.h"

#include <cstdio>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "tests/raft/scenarios/runner/command.h"
#include "tests/raft/scenarios/runner/convergence.h"
#include "tests/raft/scenarios/runner/replica_words.h"
#include "tests/raft/scenarios/runner/scenario.h"
#include "tests/raft/scenarios/runner/scripted_cluster.h"

namespace kappa::raft {
namespace {

char present_line[512];

// "deliver-to all|none|R...", at the end of any line: what the line sends is
// delivered, with all that follows from it, to these only; the rest is lost.
class DeliverTo {
 public:
  static DeliverTo CutFrom(std::vector<std::string>& words) {
    DeliverTo result;
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] != "deliver-to") continue;
      result.words_.assign(words.begin() + static_cast<ptrdiff_t>(i) + 1,
                           words.end());
      words.resize(i);
      result.given_ = true;
    }
    return result;
  }

  absl::Status Run(ScriptedCluster& cluster) const {
    if (!given_) return absl::OkStatus();
    WordReader words(words_);
    std::set<ReplicaId> only;
    if (words.TakeIf("none")) {
      only.insert(ReplicaId{});
    } else if (!words.TakeIf("all")) {
      const std::vector<ReplicaId> replicas = TakeAllOrLiving(cluster, words);
      only.insert(replicas.begin(), replicas.end());
    }
    absl::Status status = words.Finish();
    if (!status.ok() || cluster.Settle(only)) return status;
    return absl::ResourceExhaustedError("messages go round for ever");
  }

 private:
  bool given_ = false;
  std::vector<std::string> words_;
};

class Run {
 public:
  explicit Run(const Scenario& scenario) : scenario_(scenario) {}

  std::string RunAll() {
    for (const Scenario::Line& line : scenario_.lines) {
      std::snprintf(present_line, sizeof present_line, "%s:%d: %s",
                    scenario_.path.c_str(), line.number,
                    absl::StrJoin(line.words, " ").c_str());
      const absl::Status status = RunLine(line.words);
      if (!status.ok()) return Failure(line.number, status.message());
      if (!cluster_.breach().empty()) {
        return Failure(line.number,
                       absl::StrCat("property broken: ", cluster_.breach()));
      }
    }
    return RunEnd();
  }

 private:
  absl::Status RunLine(std::vector<std::string> words) {
    const DeliverTo deliver_to = DeliverTo::CutFrom(words);
    if (words.empty()) return absl::InvalidArgumentError("no command");
    const Command* command = FindCommand(words.front());
    if (command == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no command \"", words.front(), "\""));
    }
    if (!cluster_.created() && words.front() != "options" &&
        words.front() != "cluster") {
      return absl::InvalidArgumentError("there is no cluster yet");
    }
    words.erase(words.begin());
    WordReader reader(words);
    absl::Status status = command->run(cluster_, reader);
    return status.ok() ? deliver_to.Run(cluster_) : status;
  }

  std::string RunEnd() {
    if (!scenario_.no_convergence.empty() || !cluster_.created()) return "";
    const int end = scenario_.lines.back().number;
    std::snprintf(present_line, sizeof present_line, "%s:%d: convergence",
                  scenario_.path.c_str(), end);
    const absl::Status status = HealAndConverge(
        cluster_, std::set<ReplicaId>(scenario_.converge_without.begin(),
                                      scenario_.converge_without.end()));
    if (!cluster_.breach().empty()) {
      return Failure(end, absl::StrCat("at the end, property broken: ",
                                       cluster_.breach()));
    }
    if (status.ok()) return "";
    return Failure(end, absl::StrCat("at the end: ", status.message()));
  }

  std::string Failure(int line, absl::string_view text) const {
    return absl::StrCat(scenario_.path, ":", line, ": ", text,
                        "\n  run: bazel run "
                        "//tests/raft/scenarios:run_scenario -- ",
                        scenario_.path);
  }

  const Scenario& scenario_;
  ScriptedCluster cluster_;
};

}  // namespace

std::string RunScenario(const std::string& path, absl::string_view text) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(path, text);
  if (!scenario.ok()) return std::string(scenario.status().message());
  return Run(*scenario).RunAll();
}

const char* PresentLine() { return present_line; }

}  // namespace kappa::raft
