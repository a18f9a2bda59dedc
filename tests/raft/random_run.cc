#include "tests/raft/random_run.h"

#include <algorithm>
#include <optional>
#include <random>

#include "absl/strings/str_cat.h"

namespace kappa::raft {
namespace {

class RandomRun {
 public:
  RandomRun(const ClusterOptions& options, RunCounts* counts)
      : options_(options),
        cluster_(options),
        counts_(*counts),
        random_(options.seed) {
    // Rates differ by run: some are calm, some are wild.
    loss_percent_ = Below(4) == 0 ? 20 : Below(5);
    crash_permille_ = Below(30);
    sync_percent_ = 10 + Below(60);
    drain_percent_ = 30 + Below(70);
    campaign_permille_ = Below(3) == 0 ? Below(60) : 3;
  }

  RunResult Run(size_t steps) {
    ++counts_.runs;
    cluster_.Campaign(0);
    for (size_t i = 0; i < steps && Healthy(); ++i) Step();
    Heal();
    if (Healthy() && !cluster_.Converge(20 * options_.core.election_ticks)) {
      breach_ = "does not converge after healing";
    }
    if (Healthy()) CommitOneMore();
    counts_.commits += cluster_.checker().commits();
    counts_.terms_led += cluster_.checker().terms_led();
    counts_.reads_confirmed += cluster_.reads_confirmed();
    if (breach_.empty()) breach_ = cluster_.checker().breach();
    return RunResult{breach_, cluster_.trace()};
  }

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool Percent(uint64_t percent) { return Below(100) < percent; }
  bool Healthy() {
    return breach_.empty() && cluster_.checker().breach().empty();
  }

  void Heal() {
    for (size_t i = 0; i < cluster_.size(); ++i) {
      if (!cluster_.alive(i)) continue;
      cluster_.core(i).OnDiskHealth(DiskHealth::kHealthy);
      for (size_t node = 1; node <= cluster_.size(); ++node) {
        cluster_.core(i).OnNodeLiveness(NodeId(node), true);
      }
    }
  }

  void Step() {
    const size_t i = Below(cluster_.size());
    if (!cluster_.alive(i)) {
      if (Percent(30)) Restart(i);
      return;
    }
    if (Below(1000) < crash_permille_) {
      Crash(i);
      return;
    }
    if (Below(1000) < campaign_permille_) cluster_.Campaign(i);
    Input(i);
    if (Percent(drain_percent_)) cluster_.Drain(i);
    if (Percent(sync_percent_)) cluster_.Sync(i);
    StepCompletion(i);
    if (cluster_.size() > 1) StepNetwork();
  }

  void Input(size_t i) {
    switch (Below(8)) {
      case 0:
        cluster_.Tick(i);
        break;
      case 1:
        cluster_.Read(i);
        break;
      case 2:
        Propose(i);
        Propose(i);
        break;
      case 3:
        Rare(i);
        break;
      default:
        Propose(i);
    }
  }

  // What an owner does now and then.
  void Rare(size_t i) {
    Core& core = cluster_.core(i);
    switch (Below(20)) {
      case 0:
        core.OnDiskHealth(static_cast<DiskHealth>(Below(4)));
        break;
      case 1:
        core.OnDiskHealth(DiskHealth::kHealthy);
        break;
      case 2:
        counts_.transfers += core.TransferLeadership(std::nullopt).ok() ? 1 : 0;
        break;
      case 3:
        core.OnNodeLiveness(NodeId(1 + Below(cluster_.size())), Percent(50));
        break;
      case 4:
        if (cluster_.size() > 1) Trim(i);
        break;
      case 5:
        if (cluster_.size() > 1) Damage(i);
        break;
      default:
        Propose(i);
    }
    core.CheckInvariants();
  }

  // Any index that is committed and durable on this replica and above the base;
  // 0 if there is none.
  LogIndex AnyReadable(size_t i) {
    const LogIndex base = cluster_.core(i).base().index;
    const LogIndex readable = cluster_.core(i).readable();
    return readable <= base ? LogIndex(0) : base + (1 + Below(readable - base));
  }

  // Nobody gives away what another one still needs for a repair.
  void Trim(size_t i) {
    cluster_.Drain(i);
    const LogIndex index = AnyReadable(i);
    if (index == LogIndex(0)) return;
    for (size_t other = 0; other < cluster_.size(); ++other) {
      if (!cluster_.disk(other).written().damaged.empty() ||
          !cluster_.disk(other).durable().damaged.empty()) {
        return;
      }
    }
    if (!cluster_.Trim(i, index, index.value() * 37 % 500).ok()) {
      breach_ = "a trim of what is readable was refused";
    }
    ++counts_.trims;
  }

  // Of a committed entry that every other replica can still read, also when
  // all its writes are done.
  void Damage(size_t i) {
    cluster_.Drain(i);
    const LogIndex index = AnyReadable(i);
    if (index == LogIndex(0)) return;
    for (size_t other = 0; other < cluster_.size(); ++other) {
      if (!cluster_.disk(other).durable().damaged.empty()) return;
      if (other != i && !Keeps(other, index)) return;
    }
    cluster_.Damage(i, index);
    ++counts_.damaged;
  }

  bool Keeps(size_t i, LogIndex index) {
    return cluster_.disk(i).durable().Find(index) != nullptr &&
           cluster_.disk(i).written().Find(index) != nullptr &&
           (!cluster_.alive(i) || cluster_.core(i).base().index < index);
  }

  void Propose(size_t i) {
    const absl::StatusOr<EntryId> id = cluster_.Propose(i, Below(400));
    if (absl::IsResourceExhausted(id.status())) {
      ++counts_.refused_for_bytes;
      if (cluster_.core(i).uncommitted_bytes() == 0) {
        breach_ = "refused although nothing is uncommitted";
      }
    }
    if (cluster_.core(i).uncommitted_bytes() >
        std::max(options_.core.uncommitted_bytes_max, uint64_t{400})) {
      breach_ = "more uncommitted than allowed";
    }
  }

  void StepCompletion(size_t i) {
    if (cluster_.completions(i) == 0) return;
    const size_t position = Below(cluster_.completions(i));
    if (Percent(10)) {
      cluster_.LoseCompletion(i, position);
      ++counts_.completions_lost;
    } else if (Percent(60)) {
      const bool keep = Percent(20);
      cluster_.Complete(i, position, keep);
      counts_.completions_repeated += keep ? 1 : 0;
    }
  }

  void StepNetwork() {
    if (Percent(1)) {
      const bool cut = Percent(50);
      cluster_.Cut(Below(cluster_.size()), Below(cluster_.size()), cut);
      counts_.cuts += cut ? 1 : 0;
    }
    for (size_t n = Below(4); n > 0 && cluster_.in_flight() > 0; --n) {
      // Mostly in order, sometimes not.
      const size_t position = Percent(80) ? 0 : Below(cluster_.in_flight());
      if (Percent(loss_percent_)) {
        cluster_.Drop(position);
        ++counts_.messages_dropped;
        continue;
      }
      const bool keep = Percent(3);
      cluster_.Deliver(position, keep);
      counts_.messages_repeated += keep ? 1 : 0;
    }
  }

  void Crash(size_t i) {
    const size_t unsynced = cluster_.disk(i).unsynced();
    const size_t synced_first = Below(unsynced + 1);
    cluster_.Crash(i, synced_first);
    ++counts_.crashes;
    counts_.writes_lost += unsynced - synced_first;
  }

  void Restart(size_t i) {
    cluster_.Restart(i);
    if (cluster_.size() > 1) return;
    if (Percent(5)) InstallBase(i);
    if (Percent(80)) cluster_.Campaign(i);
  }

  // As an operator who puts a saved state in place of the log.
  void InstallBase(size_t i) {
    LogBase base;
    base.id = EntryId{cluster_.core(i).term(),
                      cluster_.core(i).last().index + (1 + Below(50))};
    base.configuration = cluster_.core(i).configuration();
    if (!cluster_.InstallBase(i, base).ok()) {
      breach_ = "a base beyond the log was refused";
    }
    ++counts_.bases_installed;
  }

  void CommitOneMore() {
    for (size_t i = 0; i < cluster_.size(); ++i) {
      if (cluster_.core(i).role() != Role::kLeader) continue;
      const absl::StatusOr<EntryId> id = cluster_.Propose(i, 1);
      const uint64_t reads_before = cluster_.reads_confirmed();
      cluster_.Read(i);
      cluster_.Settle();
      if (!id.ok() || cluster_.core(i).committed() != id->index) {
        breach_ = "a healthy group does not commit";
      } else if (cluster_.reads_confirmed() <= reads_before) {
        breach_ = "a healthy leader confirms no read";
      }
      return;
    }
    breach_ = "no leader after healing";
  }

  ClusterOptions options_;
  Cluster cluster_;
  RunCounts& counts_;
  std::mt19937_64 random_;
  uint64_t loss_percent_;
  uint64_t crash_permille_;
  uint64_t sync_percent_;
  uint64_t drain_percent_;
  uint64_t campaign_permille_;
  std::string breach_;
};

}  // namespace

ClusterOptions SmallLimits(size_t voters, uint64_t seed) {
  ClusterOptions options;
  options.voters = voters;
  options.seed = seed;
  options.core.uncommitted_bytes_max = 1000;
  options.core.request_entries_max = 4;
  options.core.request_bytes_max = 600;
  options.core.in_flight_entries_max = 12;
  options.core.in_flight_bytes_max = 2000;
  options.core.unknown_entry_bytes = 100;
  options.core.catch_up_entries = 6;
  options.core.base_chunk_bytes = 100;
  options.core.pre_vote = seed % 4 != 1;
  options.core.check_quorum = seed % 4 != 2;
  options.core.quiesce_ticks = seed % 3 == 0 ? 3 : 0;
  return options;
}

RunResult RunRandomly(const ClusterOptions& options, size_t steps,
                      RunCounts* counts) {
  return RandomRun(options, counts).Run(steps);
}

}  // namespace kappa::raft
