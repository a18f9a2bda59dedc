#include "server/node_scrub.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/errors.h"
#include "server/log_reader.h"
#include "server/logging.h"

namespace kappa::server {
namespace {

namespace fs = std::filesystem;
using storage::ScrubRange;
using storage::ScrubState;

// Of the files that hold entries.
uint64_t StoredBytes(const std::string& data_dir) {
  uint64_t bytes = 0;
  for (const char* part : {"/db", "/sealed"}) {
    std::error_code error;
    for (fs::recursive_directory_iterator at(data_dir + part, error), end;
         !error && at != end; at.increment(error)) {
      std::error_code gone;
      const uint64_t size = at->file_size(gone);
      if (!gone) bytes += size;
    }
  }
  return bytes;
}

void LogDamage(const ScrubRange& range) {
  LogError("scrub: stored entries are damaged",
           {{"group", absl::StrCat(range.group.value())},
            {"first_index", absl::StrCat(range.first.value())},
            {"last_index", absl::StrCat(range.last.value())},
            {"error", range.what}});
}

void LogPass(const ScrubState& state) {
  LogInfo("scrub: a pass ended",
          {{"pass", absl::StrCat(state.pass)},
           {"entries", absl::StrCat(state.entries)},
           {"payload_bytes", absl::StrCat(state.payload_bytes)},
           {"damaged_entries", absl::StrCat(state.damaged_entries)}});
}

// A partition that sleeps, or cannot be woken now, is stopped when it wakes:
// what is known to be damaged is asked for then.
void StopPartition(const PartitionRouter& router, const ScrubRange& range) {
  if (range.group == GroupId(0)) return;  // metadata: read whole at start
  // Not to be refused, however full the queue is; bounded by what is known at
  // the start, then by what one piece of the scrub can find.
  router.ShardOf(range.group)->Post([group = range.group](Shard& shard) {
    const absl::StatusOr<Partition*> partition = shard.WakePartition(group);
    if (partition.ok()) shard.FollowKnownDamage(*partition);
  });
}

void RestartPartition(const PartitionRouter& router, const ScrubRange& range) {
  LogInfo("scrub: entries that had been damaged are whole",
          {{"group", absl::StrCat(range.group.value())},
           {"first_index", absl::StrCat(range.first.value())},
           {"last_index", absl::StrCat(range.last.value())}});
  if (range.group == GroupId(0)) return;
  router.ShardOf(range.group)->Post([group = range.group](Shard& shard) {
    Partition* const partition = shard.FindAwake(group);
    if (partition != nullptr) shard.FollowKnownDamage(partition);
  });
}

storage::ScrubberOptions ScrubberOptionsOf(const NodeScrubOptions& options,
                                           const PartitionRouter* router) {
  storage::ScrubberOptions scrub;
  scrub.period_us = options.settings.period_us;
  scrub.bytes_per_second_max = options.settings.bytes_per_second_max;
  scrub.bytes_per_second_min =
      std::min(scrub.bytes_per_second_min, scrub.bytes_per_second_max);
  scrub.clock = options.clock;
  scrub.known_damage = options.known_damage;
  if (!options.data_dir.empty()) {
    scrub.state_path = options.data_dir + "/scrub";
    scrub.stored_bytes = [dir = options.data_dir] { return StoredBytes(dir); };
  }
  scrub.on_damage = [router](const ScrubRange& range) {
    LogDamage(range);
    StopPartition(*router, range);
  };
  scrub.on_confirmed = [router](const ScrubRange& range) {
    router->ShardOf(range.group)->Post([range](Shard& shard) {
      shard.OnEntriesDamaged(range.group, range.first, range.last);
    });
  };
  scrub.on_whole = [router](const ScrubRange& range) {
    RestartPartition(*router, range);
  };
  scrub.on_fatal = options.on_fatal;
  scrub.on_trouble = [](const absl::Status& why) {
    LogWarning("scrub: cannot go on now, tries again",
               {{"error", std::string(why.message())}});
  };
  scrub.on_pass = LogPass;
  return scrub;
}

// Of all partitions: asked for by people, and only when something is damaged.
absl::flat_hash_map<GroupId, std::pair<std::string, uint32_t>> NamesOf(
    const TopicMap& topics) {
  absl::flat_hash_map<GroupId, std::pair<std::string, uint32_t>> names;
  for (const auto& topic :
       topics.List("", "", std::numeric_limits<size_t>::max())) {
    for (size_t i = 0; i < topic->groups.size(); ++i) {
      names[topic->groups[i]] = {topic->topic.name(), static_cast<uint32_t>(i)};
    }
  }
  return names;
}

}  // namespace

NodeScrub::NodeScrub(const NodeScrubOptions& options,
                     const storage::LogStore* store, const TopicMap* topics,
                     const PartitionRouter* router)
    : topics_(topics),
      known_damage_(options.known_damage),
      scrubber_(ScrubberOptionsOf(options, router), store) {}

uint64_t NodeScrub::Start() { return scrubber_.StartNow(); }

v1::ScrubStatus NodeScrub::Status() const {
  const ScrubState state = scrubber_.state();
  v1::ScrubStatus status;
  status.set_running(state.running);
  status.set_pass(state.pass);
  status.set_begin_time_us(state.begin_time_us);
  status.set_end_time_us(state.end_time_us);
  status.set_entries(state.entries);
  status.set_payload_bytes(state.payload_bytes);
  status.set_damaged_entries(state.damaged_entries);
  status.set_bytes_per_second(scrubber_.bytes_per_second());
  // What reads found is there, too; what was repaired is not any more.
  const std::vector<ScrubRange> damage = known_damage_->All();
  if (damage.empty()) return status;
  const auto names = NamesOf(*topics_);
  for (const ScrubRange& range : damage) {
    v1::DamagedEntries* const damaged = status.add_damage();
    const auto name = names.find(range.group);
    if (name != names.end()) {
      damaged->set_topic(name->second.first);
      damaged->set_partition(name->second.second);
    }
    damaged->set_group_id(range.group.value());
    damaged->set_first_index(range.first.value());
    damaged->set_last_index(range.last.value());
    damaged->set_message(range.what);
  }
  return status;
}

}  // namespace kappa::server
