#include "tests/server/replication_history.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/producer_table.h"
#include "tests/server/node_driver.h"

namespace kappa::server {
namespace {

using storage::StoredEntry;

Uuid IdOf(const std::string& id) {
  Uuid uuid{};
  std::copy(id.begin(), id.end(), uuid.begin());
  return uuid;
}

}  // namespace

ReplicationHistory::ReplicationHistory(ReplicaCluster* cluster)
    : cluster_(cluster) {
  for (size_t i = 0; i < kProducers; ++i) {
    producers_.push_back({absl::StrCat("producer-------", i)});
  }
}

std::optional<size_t> ReplicationHistory::Target() {
  const size_t any = cluster_->Below(ReplicaCluster::kNodes);
  const size_t node =
      cluster_->Below(3) > 0 ? cluster_->Leader().value_or(any) : any;
  if (!cluster_->up(node)) return std::nullopt;
  return node;
}

std::string ReplicationHistory::ValueOf(const Producer& producer) {
  return absl::StrCat(producer.id, "/", producer.sequence);
}

void ReplicationHistory::Note(const std::string& value,
                              const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  if (reason == "OUTCOME_UNKNOWN") {
    ++unknown_;
  } else if (reason != "NOT_LEADER" && reason != "OVERLOADED") {
    absl::StrAppend(&unexpected_, value, ": ", status.ToString(), "\n");
  }
}

void ReplicationHistory::Produce(Producer* producer) {
  const std::optional<size_t> node = Target();
  if (producer->waits || !node.has_value()) return;
  producer->waits = true;
  AppendCommand command;
  command.batch = BatchOf({ValueOf(*producer)});
  command.producer = Sequence(producer->id, 1, producer->sequence);
  cluster_->Append(*node, std::move(command),
                   [this, producer](absl::StatusOr<AppendResult> result) {
                     producer->waits = false;
                     if (!result.ok()) {
                       return Note(ValueOf(*producer), result.status());
                     }
                     acknowledged_[ValueOf(*producer)] =
                         result->base_offset.value();
                     ++producer->sequence;
                   });
}

void ReplicationHistory::AppendPlain() {
  const std::optional<size_t> node = Target();
  if (!node.has_value()) return;
  const std::string value =
      absl::StrCat("plain ", ++plain_, std::string(cluster_->Below(300), '.'));
  AppendCommand command;
  command.batch = BatchOf({value});
  cluster_->Append(*node, std::move(command),
                   [this, value](absl::StatusOr<AppendResult> result) {
                     if (result.ok()) {
                       acknowledged_[value] = result->base_offset.value();
                       return;
                     }
                     Note(value, result.status());
                     if (ReasonOf(result.status()) != "OUTCOME_UNKNOWN") {
                       absent_.push_back(value);
                     }
                   });
}

void ReplicationHistory::Request() {
  for (Producer& producer : producers_) {
    if (cluster_->Below(2) == 0) Produce(&producer);
  }
  for (uint64_t i = cluster_->Below(4); i > 0; --i) AppendPlain();
}

// --- what must hold ---

std::string ReplicationHistory::Check() {
  std::string wrong = unexpected_ + CheckSame();
  if (!wrong.empty()) return wrong;
  const std::vector<StoredEntry> log = cluster_->StoredLog(0);
  wrong = CheckValues(log) + CheckProducers(log);
  if (cluster_->counts.refused_untampered > 0) {
    wrong += "entries were refused that nobody altered\n";
  }
  return wrong;
}

std::string ReplicationHistory::CheckSame() {
  const std::vector<StoredEntry> first = cluster_->StoredLog(0);
  for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
    if (cluster_->partition(node).log().committed_tail().chain !=
        cluster_->partition(0).log().committed_tail().chain) {
      return absl::StrCat("replica ", node, " tells another chain digest\n");
    }
    const std::vector<StoredEntry> log = cluster_->StoredLog(node);
    if (log.size() != first.size()) {
      return absl::StrCat("replica ", node, " has ", log.size(),
                          " entries, not ", first.size(), "\n");
    }
    for (size_t i = 0; i < log.size(); ++i) {
      if (log[i].header == first[i].header &&
          log[i].payload.ToString() == first[i].payload.ToString()) {
        continue;
      }
      return absl::StrCat("replica ", node, " differs at index ", i + 1, "\n");
    }
  }
  return "";
}

std::string ReplicationHistory::CheckValues(
    const std::vector<StoredEntry>& log) {
  std::map<std::string, uint64_t> stored;
  std::string wrong;
  for (const StoredEntry& entry : log) {
    if (!raft::UsesOffsets(entry.header.kind)) continue;
    ReadChunk chunk;
    chunk.entries.push_back(entry);
    const std::string value = ValuesOf(chunk).front();
    if (!stored.emplace(value, entry.header.base_offset.value()).second) {
      absl::StrAppend(&wrong, value, " is stored twice\n");
    }
  }
  for (const auto& [value, offset] : acknowledged_) {
    const auto found = stored.find(value);
    if (found == stored.end() || found->second != offset) {
      absl::StrAppend(&wrong, value, " was acknowledged at offset ", offset,
                      " and is not there\n");
    }
  }
  for (const std::string& value : absent_) {
    if (stored.contains(value)) {
      absl::StrAppend(&wrong, value, " was refused and is stored\n");
    }
  }
  return wrong;
}

std::string ReplicationHistory::CheckProducers(
    const std::vector<StoredEntry>& log) {
  std::map<Uuid, uint64_t> last;
  std::string wrong;
  for (const StoredEntry& entry : log) {
    const storage::ProducerStamp& stamp = entry.header.producer;
    if (!stamp.present()) continue;
    if (stamp.sequence != ++last[stamp.id]) {
      absl::StrAppend(&wrong, "sequence ", stamp.sequence, " out of order\n");
    }
  }
  for (const Producer& producer : producers_) {
    const Uuid id = IdOf(producer.id);
    for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
      std::optional<uint64_t> told;
      cluster_->With(node, [&](Partition& partition) {
        partition.LookUpProducer(
            id, 0, [&told](absl::StatusOr<v1::ProducerPosition> position) {
              if (position.ok()) told = position->last_sequence();
            });
      });
      cluster_->RunUntil([&] { return told.has_value(); }, 100);
      if (told != last[id]) {
        absl::StrAppend(&wrong, "replica ", node, " says that ", producer.id,
                        " is at ", told.value_or(0), ", not ", last[id], "\n");
      }
    }
  }
  return wrong;
}

}  // namespace kappa::server
