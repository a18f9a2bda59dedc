#include "server/cluster_changes.h"

#include <map>
#include <string>
#include <tuple>

#include "absl/strings/str_join.h"

namespace kappa::server {
namespace {

// What makes two problems the same, however bad they are.
using ProblemKey =
    std::tuple<int, bool, std::string, uint32_t, std::vector<uint64_t>>;

std::map<ProblemKey, const v1::HealthProblem*> ProblemsOf(
    const ClusterObservation* seen) {
  std::map<ProblemKey, const v1::HealthProblem*> problems;
  if (seen == nullptr) return problems;
  for (const v1::HealthProblem& problem : seen->health.problems()) {
    problems.emplace(
        ProblemKey(problem.kind(), problem.in_group(), problem.topic(),
                   problem.partition(),
                   {problem.nodes().begin(), problem.nodes().end()}),
        &problem);
  }
  return problems;
}

void AddNodes(const ClusterObservation* before, const ClusterObservation& now,
              std::vector<v1::ClusterChange>* changes) {
  for (const auto& [node, heard] : now.heard) {
    if (before != nullptr) {
      const auto old = before->heard.find(node);
      if (old != before->heard.end() && old->second == heard) continue;
    }
    v1::NodeChange* const change = changes->emplace_back().mutable_node();
    change->set_node_id(node.value());
    change->set_heard(heard);
  }
}

void AddLeaders(const ClusterObservation* before, const ClusterObservation& now,
                std::vector<v1::ClusterChange>* changes) {
  for (const auto& [group, leader] : now.leaders) {
    if (before != nullptr) {
      const auto old = before->leaders.find(group);
      if (old != before->leaders.end() && old->second.node == leader.node &&
          old->second.term == leader.term) {
        continue;
      }
    }
    v1::LeaderChange* const change = changes->emplace_back().mutable_leader();
    if (leader.topic != nullptr) change->set_topic(leader.topic->topic.name());
    change->set_partition(leader.partition);
    change->set_leader(leader.node);
    change->set_term(leader.term.value());
  }
}

}  // namespace

std::vector<v1::ClusterChange> ChangesSince(const ClusterObservation* before,
                                            const ClusterObservation& now) {
  std::vector<v1::ClusterChange> changes;
  AddNodes(before, now, &changes);
  AddLeaders(before, now, &changes);
  const auto old_problems = ProblemsOf(before);
  const auto problems = ProblemsOf(&now);
  for (const auto& [key, problem] : problems) {
    if (old_problems.contains(key)) continue;
    *changes.emplace_back().mutable_problem() = *problem;
  }
  for (const auto& [key, problem] : old_problems) {
    if (problems.contains(key)) continue;
    *changes.emplace_back().mutable_solved() = *problem;
  }
  return changes;
}

}  // namespace kappa::server
