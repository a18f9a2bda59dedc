#include "tests/raft/simulated_disk.h"

#include <utility>

#include "proto/wire/check.h"

namespace kappa::raft {

void LogImage::Apply(const Persist& persist) {
  if (persist.install_base) {
    base = *persist.install_base;
    entries.clear();
  }
  if (persist.truncate_from) {
    KAPPA_CHECK(*persist.truncate_from <= last().index, "truncates something");
    KAPPA_CHECK(*persist.truncate_from > base.id.index, "above the base");
    entries.erase(entries.lower_bound(*persist.truncate_from), entries.end());
  }
  for (const EntryMeta& entry : persist.entries) {
    KAPPA_CHECK(entry.id.index == last().index.Next(), "contiguous");
    KAPPA_CHECK(entry.id.term >= last().term, "terms never fall");
    entries.emplace(entry.id.index, entry);
  }
  KAPPA_CHECK(last().index == persist.token.index, "the token's index");
  KAPPA_CHECK(persist.hard_state.term >= hard_state.term, "terms only grow");
  hard_state = persist.hard_state;
}

SimulatedDisk::SimulatedDisk(const Configuration& configuration) {
  written_.base.configuration = configuration;
  durable_ = written_;
}

void SimulatedDisk::Write(Persist persist) {
  written_.Apply(persist);
  unsynced_.push_back(std::move(persist));
}

Persist SimulatedDisk::SyncNext() {
  KAPPA_CHECK(!unsynced_.empty(), "something to sync");
  Persist persist = std::move(unsynced_.front());
  unsynced_.pop_front();
  durable_.Apply(persist);
  return persist;
}

void SimulatedDisk::Crash() {
  unsynced_.clear();
  written_ = durable_;
}

RestoredState SimulatedDisk::Restore() const {
  RestoredState restored;
  restored.hard_state = durable_.hard_state;
  restored.base = durable_.base;
  restored.last = durable_.last();
  for (const auto& [index, entry] : durable_.entries) {
    if (restored.term_starts.empty() ||
        restored.term_starts.back().term != entry.id.term) {
      restored.term_starts.push_back(entry.id);
    }
    if (entry.kind == EntryKind::kConfiguration) {
      restored.configurations.push_back(
          ConfigurationAt{index, *entry.configuration});
    }
  }
  return restored;
}

}  // namespace kappa::raft
