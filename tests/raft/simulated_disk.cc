#include "tests/raft/simulated_disk.h"

#include <cstdint>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::raft {
namespace {

// FNV-1a over one number; the digest's first eight bytes carry the state.
void Fold(uint64_t value, Digest& digest) {
  uint64_t state = 0xcbf29ce484222325;
  for (size_t i = 0; i < 8; ++i) state ^= uint64_t{digest[i]} << (8 * i);
  for (size_t i = 0; i < 8; ++i) {
    state = (state ^ ((value >> (8 * i)) & 0xff)) * 0x100000001b3;
  }
  for (size_t i = 0; i < 8; ++i) {
    digest[i] = static_cast<uint8_t>(state >> (8 * i));
  }
}

}  // namespace

const Configuration& LogImage::ConfigurationAt(LogIndex index) const {
  for (auto entry = entries.upper_bound(index); entry != entries.begin();) {
    --entry;
    if (entry->second.configuration) return *entry->second.configuration;
  }
  return base.configuration;
}

Digest LogImage::ChainAt(LogIndex index) const {
  Digest chain = base.chain;
  for (const auto& [at, entry] : entries) {
    if (at > index) break;
    Fold(entry.id.term.value(), chain);
    Fold(static_cast<uint64_t>(entry.handle), chain);
  }
  return chain;
}

LogBase LogImage::BaseAt(LogIndex index) const {
  LogBase result = base;
  if (const EntryMeta* entry = Find(index)) result.id = entry->id;
  result.configuration = ConfigurationAt(index);
  result.chain = ChainAt(index);
  result.state_bytes = 0;
  return result;
}

void LogImage::Apply(const Persist& persist) {
  if (persist.base_chunk) ApplyChunk(*persist.base_chunk);
  if (persist.install_base) {
    base = *persist.install_base;
    entries.clear();
    damaged.clear();
    partial_base.reset();
  }
  if (persist.trim_to) DropUpTo(*persist.trim_to);
  if (persist.truncate_from) {
    KAPPA_CHECK(*persist.truncate_from <= last().index, "truncates something");
    KAPPA_CHECK(*persist.truncate_from > base.id.index, "above the base");
    entries.erase(entries.lower_bound(*persist.truncate_from), entries.end());
    damaged.erase(damaged.lower_bound(*persist.truncate_from), damaged.end());
  }
  for (const EntryMeta& entry : persist.repairs) {
    const EntryMeta* own = Find(entry.id.index);
    KAPPA_CHECK(own != nullptr && own->id == entry.id, "repairs what is there");
    KAPPA_CHECK(own->handle == entry.handle, "repairs by an equal entry");
    damaged.erase(entry.id.index);
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

void LogImage::ApplyChunk(const BaseChunk& chunk) {
  if (chunk.offset == 0) partial_base = PartialBase{chunk.base, 0};
  KAPPA_CHECK(partial_base && partial_base->base == chunk.base,
              "a chunk of the base that is being received");
  KAPPA_CHECK(partial_base->bytes == chunk.offset, "chunks without a gap");
  partial_base->bytes += chunk.bytes;
}

void LogImage::DropUpTo(const LogBase& new_base) {
  KAPPA_CHECK(new_base.id.index > base.id.index, "trims something");
  const EntryMeta* entry = Find(new_base.id.index);
  KAPPA_CHECK(entry != nullptr && entry->id == new_base.id,
              "trims up to an entry of the log");
  entries.erase(entries.begin(), entries.upper_bound(new_base.id.index));
  damaged.erase(damaged.begin(), damaged.upper_bound(new_base.id.index));
  base = new_base;
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

void SimulatedDisk::Load(const LogImage& image) {
  unsynced_.clear();
  written_ = image;
  durable_ = image;
}

void SimulatedDisk::Damage(LogIndex index) {
  if (written_.Find(index) != nullptr) written_.damaged.insert(index);
  if (durable_.Find(index) != nullptr) durable_.damaged.insert(index);
}

RestoredState SimulatedDisk::Restore() const {
  RestoredState restored;
  restored.hard_state = durable_.hard_state;
  restored.base = durable_.base;
  restored.last = durable_.last();
  restored.partial_base = durable_.partial_base;
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
