#include "tests/simulation/replica_log.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "tests/simulation/random_source.h"

namespace kappa::simulation {
namespace {

uint64_t DigestOf(const std::vector<ReplicaId>& replicas, uint64_t digest) {
  for (ReplicaId id : replicas) {
    digest = Mix(digest, id.node.value() << 32 | id.incarnation.value());
  }
  return Mix(digest, replicas.size());
}

uint64_t DigestOf(const raft::Configuration& configuration) {
  uint64_t digest = DigestOf(configuration.voters, 1);
  digest = DigestOf(configuration.outgoing_voters, digest);
  digest = DigestOf(configuration.learners, digest);
  digest = DigestOf(configuration.learners_next, digest);
  digest = DigestOf(configuration.promoting, digest);
  return Mix(digest, configuration.auto_leave ? 1 : 0);
}

}  // namespace

uint64_t ChainAfter(uint64_t chain, raft::EntryId id,
                    const raft::EntryMeta& entry) {
  uint64_t digest = Mix(chain, id.term.value() << 24 ^ id.index.value());
  digest = Mix(digest, static_cast<uint64_t>(entry.handle) * 8 +
                           static_cast<uint64_t>(entry.kind));
  if (entry.configuration != nullptr) {
    digest = Mix(digest, DigestOf(*entry.configuration));
  }
  return digest;
}

Digest DigestOf(uint64_t chain) {
  Digest digest{};
  std::memcpy(digest.data(), &chain, sizeof(chain));
  return digest;
}

uint64_t ChainOf(const Digest& digest) {
  uint64_t chain;
  std::memcpy(&chain, digest.data(), sizeof(chain));
  return chain;
}

std::string StateOf(const raft::LogBase& base, uint64_t offset,
                    uint64_t bytes) {
  std::string state(bytes, '\0');
  const uint64_t chain = ChainOf(base.chain);
  for (uint64_t i = 0; i < bytes; ++i) {
    state[i] = static_cast<char>(Mix(chain, (offset + i) / 8) >>
                                 ((offset + i) % 8 * 8));
  }
  return state;
}

std::string ReplicaLog::Apply(const raft::Persist& write) {
  std::string misfit = ApplyBase(write);
  if (!misfit.empty()) return misfit;
  if (write.truncate_from) {
    if (*write.truncate_from <= base_.id.index ||
        (*write.truncate_from > last_index() && !lossy_)) {
      return absl::StrCat("truncates from ", write.truncate_from->value(),
                          ", the log is (", base_.id.index.value(), ", ",
                          last_index().value(), "]");
    }
    CutFrom(*write.truncate_from);
  }
  for (const raft::EntryMeta& entry : write.repairs) {
    const LogEntry* stored = Find(entry.id.index);
    if (stored == nullptr || stored->term != entry.id.term ||
        stored->content != static_cast<uint64_t>(entry.handle)) {
      return absl::StrCat("repairs index ", entry.id.index.value(),
                          " by another entry");
    }
    damaged_.erase(entry.id.index);
  }
  for (const raft::EntryMeta& entry : write.entries) {
    misfit = Append(entry);
    if (!misfit.empty()) return misfit;
  }
  if (!lossy_ && last_index() != write.token.index) {
    return absl::StrCat("a write up to ", write.token.index.value(),
                        " leaves the log at ", last_index().value());
  }
  if (write.hard_state.term < hard_state_.term) return "the term falls";
  if (write.hard_state.term == hard_state_.term && hard_state_.vote &&
      write.hard_state.vote != hard_state_.vote) {
    return absl::StrCat("the vote of term ", hard_state_.term.value(),
                        " changes");
  }
  hard_state_ = write.hard_state;
  return "";
}

std::string ReplicaLog::ApplyBase(const raft::Persist& write) {
  if (write.base_chunk != nullptr) {
    const raft::BaseChunk& chunk = *write.base_chunk;
    if (chunk.offset == 0) partial_ = raft::PartialBase{chunk.base, 0};
    if (!partial_ || partial_->base != chunk.base ||
        partial_->bytes != chunk.offset) {
      return absl::StrCat("a chunk at ", chunk.offset,
                          " does not follow what was received");
    }
    partial_->bytes += chunk.bytes;
  }
  if (write.install_base) {
    if (write.install_base->state_bytes > 0 &&
        (!partial_ || partial_->base != *write.install_base ||
         partial_->bytes != write.install_base->state_bytes)) {
      return absl::StrCat("installs base ",
                          write.install_base->id.index.value(),
                          " whose state was not received");
    }
    Install(*write.install_base);
  }
  if (write.trim_to) return Trim(*write.trim_to);
  return "";
}

void ReplicaLog::Install(const raft::LogBase& base) {
  base_ = base;
  entries_.clear();
  configurations_.clear();
  term_starts_.clear();
  damaged_.clear();
  partial_.reset();
}

std::string ReplicaLog::Trim(const raft::LogBase& base) {
  if (base.id.index <= base_.id.index || base.id.index > last_index() ||
      ChainAt(base.id.index) != ChainOf(base.chain)) {
    if (lossy_) return "";
    return absl::StrCat("trims to ", base.id.index.value(),
                        ", which is not in the log");
  }
  const raft::EntryId first{base.id.term, base.id.index.Next()};
  const bool cuts_term =
      base.id.index < last_index() && TermAt(first.index) == base.id.term;
  const auto entries = static_cast<ptrdiff_t>(base.id.index - base_.id.index);
  entries_.erase(entries_.begin(), entries_.begin() + entries);
  base_ = base;
  std::erase_if(configurations_, [&](const StoredConfiguration& stored) {
    return stored.index <= base.id.index;
  });
  std::erase_if(term_starts_, [&](const raft::EntryId& start) {
    return start.index <= base.id.index;
  });
  if (cuts_term) term_starts_.insert(term_starts_.begin(), first);
  damaged_.erase(damaged_.begin(), damaged_.upper_bound(base.id.index));
  return "";
}

void ReplicaLog::CutFrom(LogIndex index) {
  if (index > last_index()) return;
  entries_.resize(index - base_.id.index - 1);
  while (!configurations_.empty() && configurations_.back().index >= index) {
    configurations_.pop_back();
  }
  while (!term_starts_.empty() && term_starts_.back().index >= index) {
    term_starts_.pop_back();
  }
  damaged_.erase(damaged_.lower_bound(index), damaged_.end());
}

std::string ReplicaLog::Append(const raft::EntryMeta& entry) {
  const raft::EntryId before = last();
  if (entry.id.index != before.index.Next() || entry.id.term < before.term) {
    if (lossy_) return "";
    return absl::StrCat("appends (", entry.id.term.value(), ", ",
                        entry.id.index.value(), ") after (",
                        before.term.value(), ", ", before.index.value(), ")");
  }
  const bool configures = entry.kind == raft::EntryKind::kConfiguration;
  if (configures != (entry.configuration != nullptr)) {
    return "a configuration entry has a configuration, no other has";
  }
  if (entry.kind == raft::EntryKind::kRecords &&
      entry.handle == raft::EntryHandle(0)) {
    return absl::StrCat("index ", entry.id.index.value(),
                        " is to be written without its content");
  }
  LogEntry stored;
  stored.chain = ChainAfter(ChainAt(before.index), entry.id, entry);
  stored.term = entry.id.term;
  stored.content = static_cast<uint64_t>(entry.handle);
  stored.payload_bytes = entry.payload_bytes;
  stored.record_count = entry.record_count;
  stored.kind = entry.kind;
  stored.configuration = entry.configuration;
  if (configures) {
    configurations_.push_back({entry.id.index, entry.configuration});
  }
  if (entry.id.term != before.term || entries_.empty()) {
    term_starts_.push_back(entry.id);
  }
  entries_.push_back(std::move(stored));
  return "";
}

raft::RestoredState ReplicaLog::Restore() const {
  raft::RestoredState restored;
  restored.hard_state = hard_state_;
  restored.base = base_;
  restored.last = last();
  restored.term_starts = term_starts_;
  for (const StoredConfiguration& stored : configurations_) {
    restored.configurations.push_back(
        raft::ConfigurationAt{stored.index, *stored.configuration});
  }
  restored.partial_base = partial_;
  return restored;
}

const raft::Configuration& ReplicaLog::ConfigurationAt(LogIndex index) const {
  for (auto it = configurations_.rbegin(); it != configurations_.rend(); ++it) {
    if (it->index <= index) return *it->configuration;
  }
  return base_.configuration;
}

LogIndex ReplicaLog::ConfigurationIndexAt(LogIndex index) const {
  for (auto it = configurations_.rbegin(); it != configurations_.rend(); ++it) {
    if (it->index <= index) return it->index;
  }
  return base_.id.index;
}

}  // namespace kappa::simulation
