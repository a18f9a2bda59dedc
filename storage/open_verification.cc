#include "storage/open_verification.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/chain.h"
#include "storage/damaged_index.h"
#include "storage/keys.h"
#include "storage/rocks_status.h"

namespace kappa::storage {
namespace {

constexpr size_t kVerifyThreads = 4;

absl::Status Lost(ReplicaNumber replica, const std::string& what) {
  return absl::DataLossError(
      absl::StrCat("replica ", replica.value(), ": ", what));
}

// Which open wrote the cycle; 0 if none is known.
uint64_t OpenIdOf(const RecoveredState& state, uint64_t cycle) {
  uint64_t open_id = 0;
  for (const OpenRow& open : state.opens) {
    if (open.first_cycle <= cycle) open_id = open.open_id;
  }
  return open_id;
}

std::string WhyUnequal(const ReplicaPosition& position,
                       const EntryHeader& header) {
  if (header.term != position.last.term) return "its term";
  if (header.next_offset() != position.end_offset) return "its end offset";
  if (header.chain != position.chain) return "its chain digest";
  return "";
}

absl::Status VerifyLast(ReplicaNumber replica, const ReplicaPosition& position,
                        const EntryReader& entries) {
  if (position.last == position.base.id) return absl::OkStatus();  // empty
  absl::StatusOr<EntryHeader> header =
      entries.ReadHeader(replica, position.last.index);
  if (!header.ok() && !absl::IsDataLoss(header.status())) {
    return header.status();
  }
  // It is there: the log is as long as the row says, and has a damaged entry.
  if (TellsUnreadableEntry(header.status())) return absl::OkStatus();
  if (!header.ok()) {
    return Lost(replica, std::string(header.status().message()));
  }
  const std::string unequal = WhyUnequal(position, *header);
  if (unequal.empty()) return absl::OkStatus();
  return Lost(replica,
              absl::StrCat("entry ", position.last.index.value(),
                           " differs from the group row in ", unequal));
}

// The first visible entry of each replica that stands in the memtable of
// `family`, added to `firsts`.
absl::Status FindUnflushed(const RecoveredState& state,
                           const SegmentDirectory& directory,
                           SegmentNumber segment, const Family& family,
                           rocksdb::DB* db,
                           std::map<ReplicaNumber, LogIndex>* firsts) {
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kMemtableTier;
  const std::unique_ptr<rocksdb::Iterator> at(
      db->NewIterator(options, family.get()));
  at->SeekToFirst();
  while (at->Valid()) {
    const std::string_view key(at->key().data(), at->key().size());
    if (key.size() != kEntryKeyBytes) {
      return absl::DataLossError(absl::StrCat(
          family->GetName(), " has a key of ", key.size(), " bytes"));
    }
    const ReplicaNumber replica = ReplicaOfKey(key);
    const LogIndex index = IndexOfKey(key);
    const auto position = state.positions.find(replica);
    const bool above_log = position == state.positions.end() ||
                           index > position->second.last.index;
    if (!above_log) {
      // Below the base, or of a suffix that was cut: the segment of that index
      // is unknown or another one.
      const std::optional<SegmentRange> range =
          directory.Locate(replica, index);
      if (!range.has_value() || range->segment != segment) {
        at->Next();
        continue;
      }
      const auto [found, added] = firsts->emplace(replica, index);
      if (!added) found->second = std::min(found->second, index);
    }
    const EntryKey next_replica(replica.Next(), LogIndex(0));
    at->Seek(rocksdb::Slice(next_replica.view().data(), kEntryKeyBytes));
  }
  return FromRocksRead(at->status(), absl::StrCat("read ", family->GetName()));
}

// What the log must continue: the base, or the entry before `first`.
struct Predecessor {
  bool known = true;
  Term term;
  Offset next_offset;
  Digest chain{};
};

// Not known where that entry is damaged: then the others say, by the group row
// at their end, whose chain leads back to `first`, that none of them is lost.
absl::StatusOr<Predecessor> PredecessorOf(ReplicaNumber replica, LogIndex first,
                                          const ReplicaPosition& position,
                                          const EntryReader& entries) {
  Predecessor before;
  if (first == position.base.id.index.Next()) {
    before.term = position.base.id.term;
    before.next_offset = position.base.offset;
    before.chain = position.base.chain;
    return before;
  }
  absl::StatusOr<EntryHeader> header =
      entries.ReadHeader(replica, first.Previous());
  if (TellsUnreadableEntry(header.status())) {
    before.known = false;
    return before;
  }
  if (!header.ok()) return header.status();
  before.term = header->term;
  before.next_offset = header->next_offset();
  before.chain = header->chain;
  return before;
}

absl::Status WalkReplica(ReplicaNumber replica, LogIndex first,
                         const ReplicaPosition& position,
                         const EntryReader& entries) {
  absl::StatusOr<Predecessor> before =
      PredecessorOf(replica, first, position, entries);
  if (!before.ok()) return before.status();
  return entries.WalkHeaders(
      replica, first, position.last.index,
      [&](const EntryHeader& header) -> absl::Status {
        const std::string entry = absl::StrCat("entry ", header.index.value());
        const bool known = std::exchange(before->known, true);
        if (header.term < before->term) {
          return Lost(replica, absl::StrCat(entry, " has a lower term (",
                                            header.term.value(),
                                            ") than the one before it"));
        }
        if (known && header.base_offset != before->next_offset) {
          return Lost(replica,
                      absl::StrCat(entry, " begins at offset ",
                                   header.base_offset.value(), ", not ",
                                   before->next_offset.value()));
        }
        if (known && header.chain != ChainNext(before->chain, header)) {
          return Lost(replica,
                      absl::StrCat(entry, " breaks the chain of digests"));
        }
        before->term = header.term;
        before->next_offset = header.next_offset();
        before->chain = header.chain;
        return absl::OkStatus();
      });
}

}  // namespace

void FillSegmentDirectory(const RecoveredState& state,
                          SegmentDirectory* directory) {
  for (const auto& [replica, position] : state.positions) {
    directory->AddReplica(replica, position.base.id.index);
  }
  for (const SealedRow& row : state.sealed) directory->PutSealed(row);
  for (const auto& [key, row] : state.directory) {
    directory->PutRow(key.first, key.second, row);
  }
}

absl::Status VerifyCycleRows(const RecoveredState& state) {
  uint64_t expected = state.floor.value_or(1);
  std::optional<Digest> previous;
  if (expected == 1) previous = Digest{};
  for (const CycleRow& row : state.cycles) {
    if (row.number != expected) {
      return absl::DataLossError(
          absl::StrCat("cycles ", expected, " to ", row.number - 1,
                       " are lost, cycle ", row.number, " is there"));
    }
    if (previous.has_value() && row.previous != *previous) {
      return absl::DataLossError(
          absl::StrCat("cycle ", row.number,
                       " does not follow the cycle before it: its digest of "
                       "that one differs"));
    }
    previous = row.digest;
    ++expected;
  }
  if (state.floor.has_value() && state.cycles.empty()) {
    return absl::DataLossError(
        absl::StrCat("every cycle from ", *state.floor, " on is lost"));
  }
  return absl::OkStatus();
}

bool IsContinuedBy(const RecoveredState& state, const WatermarkValue& watermark,
                   const CycleCopy* copy) {
  const CycleRow last = state.last_cycle();
  return copy != nullptr && last.number + 1 == watermark.cycle &&
         last.digest == copy->previous;
}

absl::Status VerifyCycles(const RecoveredState& state,
                          const WatermarkValue& watermark,
                          const CycleCopy* copy) {
  const absl::Status rows = VerifyCycleRows(state);
  if (!rows.ok()) return rows;
  if (IsContinuedBy(state, watermark, copy)) return absl::OkStatus();
  const uint64_t recovered = state.last_cycle().number;
  if (recovered < watermark.cycle) {
    return absl::DataLossError(absl::StrCat("cycles ", recovered + 1, " to ",
                                            watermark.cycle, " are lost"));
  }
  if (watermark.cycle == 0) return absl::OkStatus();
  const uint64_t oldest = state.cycles.front().number;
  if (watermark.cycle < oldest) {
    return absl::DataLossError(absl::StrCat(
        "the watermark is older than the oldest cycle that is kept, ", oldest));
  }
  const CycleRow& row = state.cycles[watermark.cycle - oldest];
  if (row.digest != watermark.digest) {
    return absl::DataLossError(
        absl::StrCat("cycle ", watermark.cycle,
                     " is another one than the watermark's: digests differ"));
  }
  if (OpenIdOf(state, watermark.cycle) != watermark.open_id) {
    return absl::DataLossError(absl::StrCat(
        "cycle ", watermark.cycle, " is of another open than the watermark's"));
  }
  return absl::OkStatus();
}

absl::Status VerifySegments(const RecoveredState& state,
                            const EntryReader& entries) {
  for (const auto& [key, row] : state.directory) {
    if (entries.Live(key.first) == nullptr) {
      return absl::DataLossError(
          absl::StrCat("family segment-", key.first.value(),
                       ", which holds entries, is missing"));
    }
  }
  return absl::OkStatus();
}

absl::Status VerifyGroupRows(const RecoveredState& state,
                             const EntryReader& entries) {
  std::vector<std::pair<ReplicaNumber, const ReplicaPosition*>> logs;
  for (const auto& [replica, row] : state.replicas) {
    if (row.dropped) continue;
    const auto found = state.positions.find(replica);
    if (found == state.positions.end()) {
      return Lost(replica, "its group row is missing");
    }
    logs.emplace_back(replica, &found->second);
  }
  // One read each, at places far apart: the disk wants several at once.
  const size_t threads = std::min(kVerifyThreads, logs.size() / 64 + 1);
  std::vector<absl::Status> statuses(threads);
  std::vector<std::thread> running;
  for (size_t i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      for (size_t at = i; at < logs.size() && statuses[i].ok(); at += threads) {
        statuses[i] = VerifyLast(logs[at].first, *logs[at].second, entries);
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> VerifyUnflushedEntries(
    const RecoveredState& state, const SegmentDirectory& directory,
    const EntryReader& entries, rocksdb::DB* db) {
  std::map<ReplicaNumber, LogIndex> firsts;
  for (const SegmentNumber segment : entries.LiveSegments()) {
    const absl::Status status = FindUnflushed(
        state, directory, segment, entries.Live(segment), db, &firsts);
    if (!status.ok()) return status;
  }
  uint64_t walked = 0;
  for (const auto& [replica, first] : firsts) {
    const ReplicaPosition& position = state.positions.at(replica);
    const absl::Status status = WalkReplica(replica, first, position, entries);
    if (!status.ok()) return status;
    walked += position.last.index - first + 1;
  }
  return walked;
}

}  // namespace kappa::storage
