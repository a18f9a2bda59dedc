// Commands that are inputs of cores.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/raft/scenarios/runner/command.h"
#include "tests/raft/scenarios/runner/convergence.h"
#include "tests/raft/scenarios/runner/notation.h"
#include "tests/raft/scenarios/runner/replica_words.h"

namespace kappa::raft {
namespace {

// tick R...|all [xN]
absl::Status Tick(ScriptedCluster& cluster, WordReader& words) {
  const std::vector<ReplicaId> replicas = TakeAllOrLiving(cluster, words);
  const uint64_t times = TakeTimes(words);
  absl::Status status = words.Finish();
  for (uint64_t i = 0; status.ok() && i < times; ++i) {
    for (ReplicaId replica : replicas) {
      cluster.Apply(replica, [](Core& core) { core.Tick(); });
    }
  }
  return status;
}

// run N
absl::Status Run(ScriptedCluster& cluster, WordReader& words) {
  const uint64_t rounds = words.TakeNumber("number of ticks");
  absl::Status status = words.Finish();
  for (uint64_t i = 0; status.ok() && i < rounds; ++i) {
    status = RunRound(cluster);
  }
  return status;
}

// campaign R
absl::Status Campaign(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  cluster.Apply(replica, [](Core& core) { core.Campaign(); });
  return status;
}

// elect R
absl::Status ElectReplica(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  absl::Status status = words.Finish();
  return status.ok() ? Elect(cluster, replica) : status;
}

// propose R LABEL [bytes=N] [xN] [fails CODE [TEXT]]
absl::Status Propose(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  const uint64_t bytes = words.TakeNumberOption("bytes", 10);
  const std::string label = words.Take("label");
  const uint64_t times = TakeTimes(words);
  const ExpectedStatus expected = ExpectedStatus::TakeFrom(words);
  absl::Status status = words.Finish();
  const bool fence = label == "fence";
  const EntryHandle handle = cluster.labels().HandleOf(label);
  for (uint64_t i = 0; status.ok() && i < times; ++i) {
    status = expected.Check(cluster.Apply(replica, [&](Core& core) {
      return core
          .Propose(fence ? EntryKind::kProducerFence : EntryKind::kRecords,
                   fence ? 0 : 1, bytes, handle)
          .status();
    }));
  }
  return status;
}

ConfigurationChange::Step TakeStep(WordReader& words) {
  using Step = ConfigurationChange::Step;
  if (words.TakeIf("simple")) return Step::kSimple;
  if (words.TakeIf("joint")) return Step::kEnterJoint;
  if (words.TakeIf("joint-and-leave")) return Step::kEnterJointAndLeave;
  return Step::kAuto;
}

// change R {CONFIGURATION}|leave [simple|joint|joint-and-leave] [fails ...]
absl::Status Change(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  ConfigurationChange change;
  if (words.TakeIf("leave")) {
    change.step = ConfigurationChange::Step::kLeaveJoint;
  } else {
    const Configuration target = words.TakeConfiguration();
    change.voters = target.voters;
    change.learners = target.learners;
    change.promoting = target.promoting;
    change.step = TakeStep(words);
  }
  const ExpectedStatus expected = ExpectedStatus::TakeFrom(words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  return expected.Check(cluster.Apply(replica, [&](Core& core) {
    return core.ProposeConfiguration(change).status();
  }));
}

// transfer R [TO] [fails ...]
absl::Status Transfer(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  std::optional<ReplicaId> target;
  if (ParseReplica(words.Peek())) target = words.TakeReplica();
  const ExpectedStatus expected = ExpectedStatus::TakeFrom(words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  return expected.Check(cluster.Apply(
      replica, [&](Core& core) { return core.TransferLeadership(target); }));
}

// read R ID
absl::Status Read(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  const uint64_t id = words.TakeNumber("read id");
  absl::Status status = words.Finish();
  if (status.ok()) cluster.Read(replica, id);
  return status;
}

// halt R
absl::Status Halt(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  cluster.Apply(replica, [](Core& core) { core.Halt(); });
  return status;
}

// liveness NODE up|down [at R...]
absl::Status Liveness(ScriptedCluster& cluster, WordReader& words) {
  const NodeId node(words.TakeNumber("node"));
  const bool alive = words.TakeIf("up");
  if (!alive && !words.TakeIf("down")) words.Fail("missing up or down");
  std::vector<ReplicaId> told = cluster.Living();
  if (words.TakeIf("at")) told = TakeAllOrLiving(cluster, words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  for (ReplicaId replica : told) {
    if (replica.node != node) cluster.TellLiveness(replica, node, alive);
  }
  return status;
}

// health R healthy|stalled|slow|full
absl::Status Health(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  const std::string word = words.Take("disk health");
  const std::optional<DiskHealth> health = ParseDiskHealth(word);
  if (!health) words.Fail(absl::StrCat("\"", word, "\" is no disk health"));
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  cluster.TellHealth(replica, *health);
  return status;
}

// damage R INDEX
absl::Status Damage(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeKnown(cluster, words);
  const LogIndex index(words.TakeNumber("index"));
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  if (cluster.Find(replica)->disk.written().Find(index) == nullptr) {
    return absl::InvalidArgumentError("the log does not hold that index");
  }
  cluster.Damage(replica, index);
  return status;
}

// trim R INDEX [state=BYTES] [fails ...]
absl::Status Trim(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  const LogIndex index(words.TakeNumber("index"));
  const uint64_t state_bytes = words.TakeNumberOption("state", 0);
  const ExpectedStatus expected = ExpectedStatus::TakeFrom(words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  return expected.Check(cluster.Trim(replica, index, state_bytes));
}

// install R TERM/INDEX [state=BYTES] [config={...}] [fails ...]
absl::Status Install(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  LogBase base;
  if (words.ok()) {
    base.configuration =
        cluster.Find(replica)->disk.written().NewestConfiguration();
  }
  base.id = words.TakeEntryId();
  base.state_bytes = words.TakeNumberOption("state", 0);
  if (const auto config = words.TakeOption("config")) {
    const auto configuration = ParseConfiguration(*config);
    if (!configuration) words.Fail("config= is no {...}");
    base.configuration = configuration.value_or(Configuration{});
  }
  const ExpectedStatus expected = ExpectedStatus::TakeFrom(words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  return expected.Check(cluster.InstallBase(replica, base));
}

// recover-alone R [fails ...]
absl::Status RecoverAlone(ScriptedCluster& cluster, WordReader& words) {
  const ReplicaId replica = TakeLiving(cluster, words);
  const ExpectedStatus expected = ExpectedStatus::TakeFrom(words);
  absl::Status status = words.Finish();
  if (!status.ok()) return status;
  return expected.Check(cluster.RecoverAlone(replica));
}

constexpr Command kCommands[] = {{"tick", Tick},
                                 {"run", Run},
                                 {"campaign", Campaign},
                                 {"elect", ElectReplica},
                                 {"propose", Propose},
                                 {"change", Change},
                                 {"transfer", Transfer},
                                 {"read", Read},
                                 {"halt", Halt},
                                 {"liveness", Liveness},
                                 {"health", Health},
                                 {"damage", Damage},
                                 {"trim", Trim},
                                 {"install", Install},
                                 {"recover-alone", RecoverAlone}};

}  // namespace

absl::Span<const Command> InputCommands() { return kCommands; }

}  // namespace kappa::raft
