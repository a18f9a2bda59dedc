#include "server/group_survey.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "proto/wire/mutex.h"

namespace kappa::server {
namespace {

// What the shards have told, until the last one has.
class Gathering {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<GroupSurvey>)>;

  Gathering(size_t shards, Done done)
      : missing_(shards), done_(std::move(done)) {}

  void Add(absl::StatusOr<GroupSurvey> part) {
    {
      MutexLock lock(&mutex_);
      if (!part.ok()) {
        status_ = part.status();
      } else {
        survey_.merge(*part);
      }
      if (--missing_ > 0) return;
    }
    // Nobody else comes any more.
    Finish();
  }

 private:
  void Finish() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (!status_.ok()) return done_(status_);
    done_(std::move(survey_));
  }

  Mutex mutex_;
  size_t missing_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  GroupSurvey survey_ ABSL_GUARDED_BY(mutex_);
  Done done_;
};

GroupSurvey LookAt(Shard& shard,
                   const std::optional<std::vector<GroupId>>& groups) {
  GroupSurvey survey;
  if (!groups.has_value()) {
    shard.ForEachGroup([&survey](const ShardGroup& group) {
      survey.emplace(group.group(), ViewOf(group));
    });
    return survey;
  }
  for (const GroupId group : *groups) {
    if (const Partition* partition = shard.FindAwake(group)) {
      survey.emplace(group, ViewOf(*partition));
    }
  }
  return survey;
}

}  // namespace

GroupView ViewOf(const ShardGroup& group) {
  const raft::Core& core = group.core();
  GroupView view;
  view.leads = core.role() == raft::Role::kLeader;
  view.quiescent = core.quiescent();
  view.term = core.term();
  if (const auto leader = core.leader()) view.leader = leader->node;
  view.last = core.last().index;
  view.committed = core.committed();
  view.configuration = core.configuration();
  view.peers = core.peers();
  for (const raft::PeerStatus& peer : view.peers) {
    if (peer.match >= view.committed) continue;
    const auto bytes = group.bytes().Between(peer.match, view.committed);
    if (bytes.has_value()) view.bytes_behind[peer.id] = *bytes;
  }
  return view;
}

void SurveyGroups(const std::vector<Shard*>& shards,
                  std::optional<std::vector<GroupId>> groups,
                  absl::AnyInvocable<void(absl::StatusOr<GroupSurvey>)> done) {
  const auto gathering =
      std::make_shared<Gathering>(shards.size(), std::move(done));
  const auto wanted =
      std::make_shared<const std::optional<std::vector<GroupId>>>(
          std::move(groups));
  for (Shard* const shard : shards) {
    Shard::Task task = [gathering, wanted](Shard& shard) {
      gathering->Add(LookAt(shard, *wanted));
    };
    if (!shard->TryPost(task)) gathering->Add(shard->Refusal());
  }
}

}  // namespace kappa::server
