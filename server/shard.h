// Shard: owns a fixed set of groups and runs them without locks, one thread at
// a time.
//
//   any thread ──Append, Post──> EventQueue ──all of it──> groups
//                                    ^                       │ one submission
//                                    └──── durable ── LogWriter
//
// It has a thread of its own. But while that one rests, whoever brings little
// runs it himself (Help): waking another thread takes longer than such work.
#ifndef KAPPA_SERVER_SHARD_H_
#define KAPPA_SERVER_SHARD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "proto/wire/mutex.h"
#include "proto/wire/turn_runner.h"
#include "proto/wire/types.h"
#include "raft/role.h"
#include "server/commit_queue.h"
#include "server/event_queue.h"
#include "server/memory_window.h"
#include "server/node.h"
#include "server/partition.h"
#include "server/peer/peer_callbacks.h"
#include "server/peer/peer_message.h"
#include "server/shard_counters.h"
#include "server/shard_group.h"
#include "server/shard_services.h"
#include "server/write_cycle.h"

namespace kappa::server {

struct ShardOptions {
  size_t queue_events_max = 16'384;  // that may be refused
  size_t window_bytes = 0;
  TurnRunner* turns = nullptr;  // absent: a thread
};

// Thread safety: what stands under "any thread" is thread-safe; everything
// else is for the thread that runs the shard, within a task.
class Shard {
 public:
  using Task = absl::AnyInvocable<void(Shard&)>;

  // Starts the thread, or takes turns. `services` as far as it is common to all
  // shards.
  Shard(ShardOptions options, ShardServices services);
  // As Stop. Requires: nothing calls it any more: the writer and the readers
  // have ended.
  ~Shard();
  // Ends the thread after what is queued. What the groups still wait for is
  // answered as Abandon says; completions that come later are ignored.
  void Stop();

  // --- any thread ---

  // Queues an append; answers with Refusal() at once when that is not possible.
  void Append(AppendCommand command, PendingAppend append);
  // Queues work that may be refused: false when the queue is full or closed.
  bool TryPost(Task& task);
  // Queues work that is bounded elsewhere: false only once the shard has ended.
  bool Post(Task task);
  // A message of another node for one of the groups; dropped when there is no
  // such group. Bounded by its credit, which is given back once what came of it
  // is durable. Where it says so Help follows, after the last of several.
  void Deliver(PeerDelivery delivery);
  // Runs what is queued, on this thread, if the shard rests and it is little
  // that waits for no disk; else sees to it that the shard's thread does. What
  // comes of it (answers, messages) is told on this thread then. Requires: no
  // lock is held that these may need.
  void Help();
  // A tick has passed for the groups that need ticks; where there are none it
  // costs nothing. Of several that pass while the thread is busy, or the
  // process was stopped, two count.
  void Tick();
  // From now on nothing is said to other nodes or heard of them, no tick passes
  // and nothing is appended: the node must be silent (RELIABILITY.md S5). What
  // waits is answered by Stop.
  void Mute() { mute_.store(true); }
  // Why the queue takes nothing: OVERLOADED, or SHUTTING_DOWN after Stop.
  absl::Status Refusal() const;
  ShardStats stats() const;
  const ShardCounters& counters() const { return counters_; }

  // --- the thread that runs the shard ---

  const ShardServices& services() const { return services_; }
  // Advances the group before the next submission.
  void Touch(ShardGroup* group);
  // Takes over a group that is not a partition's.
  void AddGroup(std::unique_ptr<ShardGroup> group);
  // Takes over a partition's replica. It sleeps, at no cost but its name, until
  // the first request: then it is recovered from the store, and leads its group
  // at once where it is the only voter. `first_leader`: of a group that is new,
  // who shall lead it first (GroupLog::PreferFirstLeader).
  void AddReplica(storage::ReplicaInfo replica,
                  std::optional<ReplicaId> first_leader = std::nullopt);
  // Who asks for the group, which has no replica here, is sent to
  // the first of `nodes` that is heard.
  void AddElsewhere(GroupId group, std::vector<NodeId> nodes);
  // From now on there are other nodes. Wakes all replicas that sleep, and from
  // now on whoever is added: others must be able to ask them. A few at a time,
  // between events. `network` outlives the thread.
  void JoinNetwork(PeerNetwork* network);
  // A node fell silent, or came back. Groups that are awake, or were led by a
  // node that fell silent, are told at once, the others a few at a time.
  void OnNodeLiveness(NodeId node, bool alive);
  // What the node's disk, and what else makes it fit to lead, allows from now
  // on; of all groups, also of those that come later. Whether writes wait for
  // memory wakes nobody; what makes others lead is told to a few groups at a
  // time, to those first that do not sleep.
  void SetDiskHealth(raft::DiskHealth health);
  // Hands leadership of all groups to other nodes, as far as they can take it,
  // then calls `done`, once.
  void HandOver(absl::AnyInvocable<void()> done);
  // The partition, woken if it slept; to be touched by the caller.
  // Errors: NOT_LEADER: other nodes hold it; TOPIC_NOT_FOUND, SHUTTING_DOWN;
  // those of Partition::Open.
  absl::StatusOr<Partition*> WakePartition(GroupId group);
  // Null when there is none, or it sleeps.
  Partition* FindAwake(GroupId group);
  // Calls `look` with every group that does not sleep.
  void ForEachGroup(absl::FunctionRef<void(const ShardGroup&)> look) const;
  // Stops the partition, or lets it go on, as KnownDamage says now.
  void FollowKnownDamage(Partition* partition) const;
  // This run has found stored entries of the group damaged: see ShardGroup.
  // Does nothing when it sleeps, or is not here.
  void OnEntriesDamaged(GroupId group, LogIndex first, LogIndex last);
  // Closes the partition with `status`, lets it finish, drops it, and then
  // calls `done` with the replica's number; at once, without, if there is none.
  using Removed = absl::AnyInvocable<void(std::optional<ReplicaNumber>)>;
  void RemovePartition(GroupId group, const absl::Status& status, Removed done);
  // Refuses new requests with `status`, lets all groups finish, then calls
  // `done`, once.
  void Finish(const absl::Status& status, absl::AnyInvocable<void()> done);

 private:
  struct AppendEvent {
    AppendCommand command;
    PendingAppend append;
  };
  struct DurableEvent {
    std::vector<WriteInFlight> writes;
  };
  using Event = std::variant<AppendEvent, DurableEvent, PeerDelivery, Task>;
  struct Removal {
    GroupId group;
    Removed done;
  };

  void Run();
  // One thread at a time runs the shard.
  bool TryBegin();
  void Begin();
  void End();
  // Whether Help may take these. Of who runs the shard.
  bool Light(const std::vector<Event>& events) const;
  bool Light(const Event& event) const;
  // Without a thread: what is queued now. False: nothing was.
  bool RunTurn();
  void RunDrain(std::vector<Event>* events);
  // The last thing that the thread does.
  void AbandonAll();
  void Handle(Event event);
  void HandleAppend(AppendEvent event);
  void HandleDelivery(PeerDelivery delivery);
  std::optional<NodeId> FirstHeard(const std::vector<NodeId>& nodes) const;
  // The group of that id, woken if it slept; null when there is none, or it
  // could not be woken a moment ago.
  ShardGroup* FindGroup(GroupId group);
  // Null when there is none, or it sleeps.
  ShardGroup* FindAwakeGroup(GroupId group);
  // A read has found damage; what is known to be committed is kept. Unless it
  // is confirmed, what may have been replaced since is read once more first.
  void NoteDamage(GroupId group, ReplicaNumber replica,
                  const absl::Status& status, bool confirmed);
  // What it was read once more for.
  void OnDamageConfirmed(GroupId group, ReplicaNumber replica,
                         const absl::Status& status, bool damaged);
  void RunTicks();
  // shard_pace.cc.
  void WakeSome();
  bool WakeOne();
  bool TellOne();
  void Tell(ShardGroup* group, NodeId node, bool alive);
  void TellHealth(ShardGroup* group);
  // Whether a group that sleeps must hear of the present health.
  bool HealthMatters(const ShardGroup& group) const;
  // Before a group that slept takes something in.
  void TellHealthFirst(ShardGroup* group) {
    if (group->told_health_ != health_ && HealthMatters(*group)) {
      TellHealth(group);
    }
  }
  void SubmitTouched();
  // Of the writer's thread.
  void OnDurable(std::vector<WriteInFlight> writes);
  // Hands the messages of this drain to the network, a call for each node.
  void SendMessages();
  // Goes on with what waits for groups to become idle.
  void CheckConditions();
  bool AllIdle() const;

  TurnRunner* const turns_;
  EventQueue<Event> queue_;
  ShardCounters counters_;
  WindowBudget window_;
  ShardServices services_;
  std::atomic<uint32_t> ticks_{0};  // passed, not run
  // Else nobody wakes the thread for them.
  std::atomic<bool> awaits_ticks_{false};
  std::atomic<bool> mute_{false};

  Mutex run_mutex_;
  CondVar may_run_;
  bool running_ ABSL_GUARDED_BY(run_mutex_) = false;
  bool thread_waits_ ABSL_GUARDED_BY(run_mutex_) = false;

  // Of who runs the shard.
  std::map<GroupId, storage::ReplicaInfo> sleeping_;
  absl::flat_hash_map<GroupId, ReplicaId>
      first_leaders_;  // of those that sleep
  absl::flat_hash_map<GroupId, std::vector<NodeId>> elsewhere_;
  absl::flat_hash_map<GroupId, std::unique_ptr<Partition>> partitions_;
  // Those, in the order of their waking: no order may hang on where things are
  // in memory.
  std::vector<Partition*> awake_;
  std::vector<std::unique_ptr<ShardGroup>> other_groups_;
  std::vector<ShardGroup*> touched_;
  std::vector<Removal> removals_;
  absl::Status finishing_;
  // Groups whose ticks count.
  std::vector<ShardGroup*> ticking_;
  // Who could not be woken for a message, and when to try again.
  absl::flat_hash_map<GroupId, int64_t> wake_again_us_;
  std::set<GroupId> unopened_;  // for damage, and told
  raft::DiskHealth health_ = raft::DiskHealth::kHealthy;
  bool ending_ = false;  // leadership is handed over
  bool wakes_all_ = false;
  std::vector<GroupId> to_wake_;
  struct Telling {
    NodeId node;
    bool alive = false;
    std::vector<GroupId> groups;  // that sleep and have not been told
  };
  std::deque<Telling> to_tell_;
  // Partitions that are to hear of the present health.
  std::vector<GroupId> health_untold_;           // which did not sleep
  std::vector<GroupId> health_untold_sleepers_;  // which did
  bool pacing_ = false;                          // WakeSome is posted
  std::set<NodeId> silent_;
  std::map<NodeId, std::vector<PeerMessage>> outbox_;
  // Of the messages of this drain.
  std::vector<ReceiveCredit> credits_;
  std::vector<ShardGroup*> handing_over_;
  absl::AnyInvocable<void()> when_handed_over_;
  absl::AnyInvocable<void()> when_finished_;
  bool writer_congested_ = false;
  bool ended_ = false;

  std::thread thread_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_SHARD_H_
