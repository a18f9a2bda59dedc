#include "storage/rocks_log_store.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/file_system.h"
#include "rocksdb/rate_limiter.h"
#include "storage/active_segment.h"
#include "storage/background_pace.h"
#include "storage/commit_mutant.h"
#include "storage/cycle_committer.h"
#include "storage/cycle_plan.h"
#include "storage/data_directory.h"
#include "storage/entry_reader.h"
#include "storage/fail_stop_file_system.h"
#include "storage/generation_ledger.h"
#include "storage/group_row.h"
#include "storage/keys.h"
#include "storage/open_verification.h"
#include "storage/prepared_log_file_system.h"
#include "storage/producer_record.h"
#include "storage/read_ahead_file_system.h"
#include "storage/repaired_entries.h"
#include "storage/replica_row.h"
#include "storage/rocks_database.h"
#include "storage/rocks_listener.h"
#include "storage/rocks_log_store_state.h"
#include "storage/rocks_options.h"
#include "storage/sealer.h"
#include "storage/segment_lifecycle.h"
#include "storage/sst_reader_cache.h"
#include "storage/verified_open.h"
#include "storage/watermark.h"

namespace kappa::storage {
namespace {

// Of the rate limiter: short, so that a flush never holds up a sync for long.
constexpr int64_t kRefillPeriodUs = 10'000;
constexpr int32_t kRateFairness = 10;

}  // namespace

absl::Status RocksLogStore::State::Create(const RocksSettings& settings) {
  absl::Status status =
      RocksDatabase::Create(directory->database_path(), settings);
  if (status.ok()) {
    status = Watermark::Create(directory->watermark_path(), WatermarkValue());
  }
  if (status.ok()) status = directory->FinishCreation();
  report.created = true;
  return status;
}

absl::Status RocksLogStore::State::Open() {
  if (options.segment_bytes < kSegmentBytesMin) {
    return absl::FailedPreconditionError(
        absl::StrCat("segment_bytes is ", options.segment_bytes,
                     "; the least is ", kSegmentBytesMin));
  }
  absl::StatusOr<std::unique_ptr<DataDirectory>> locked =
      DataDirectory::Open(options.directory);
  if (!locked.ok()) return locked.status();
  directory = *std::move(locked);
  if (options.on_locked) options.on_locked();

  direct_io = options.direct_io && SupportsDirectIo(directory->path());
  block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  rate_limiter.reset(rocksdb::NewGenericRateLimiter(
      static_cast<int64_t>(options.background_bytes_per_second),
      kRefillPeriodUs, kRateFairness));
  pace = std::make_unique<BackgroundPace>(rate_limiter.get(),
                                          options.background_bytes_per_second);
  listener = std::make_shared<RocksListener>(options.on_fatal,
                                             [this] { scans.DropAll(); });
  const std::shared_ptr<rocksdb::FileSystem> files =
      options.file_system ? options.file_system
                          : rocksdb::FileSystem::Default();
  std::shared_ptr<rocksdb::FileSystem> log_files = files;
  if (direct_io && !acknowledge_before_sync) {
    log_files = NewPreparedLogFileSystem(files, options.on_fatal);
  }
  env = NewFailStopEnv(
      NewReadAheadFileSystem(log_files, options.read_ahead_bytes),
      options.on_fatal);
  sealing_env = NewFailStopEnv(files, [this](const absl::Status& status) {
    // What finds no space is removed, and sealed again later.
    if (options.on_fatal && !absl::IsResourceExhausted(status)) {
      options.on_fatal(status);
    }
  });
  SstReaderCacheOptions reader_options;
  reader_options.block_cache = block_cache;
  reader_options.direct_io = direct_io;
  reader_options.env = env.get();
  readers = std::make_unique<SstReaderCache>(reader_options);

  RocksSettings settings;
  settings.memtable_bytes = options.memtable_bytes;
  settings.wal_bytes_max = options.wal_bytes_max;
  settings.direct_io = direct_io;
  settings.block_cache = block_cache;
  settings.rate_limiter = rate_limiter;
  settings.listener = listener;
  settings.env = env.get();
  if (directory->fresh()) {
    const absl::Status status = Create(settings);
    if (!status.ok()) return status;
  }
  absl::StatusOr<VerifiedDatabase> verified =
      OpenVerified(*directory, settings, readers.get());
  if (!verified.ok()) return verified.status();
  opened = *std::move(verified);
  database = opened.database.get();

  std::map<SegmentNumber, Family> families = database->TakeSegments();
  absl::Status status = DropSealedFamilies(&families);
  if (status.ok()) status = LoadSegments(std::move(families));
  if (!status.ok()) return status;
  LoadReplicas();
  status = BeginCycles();
  if (!status.ok()) return status;
  StartLifecycle();
  opened.state = RecoveredState();
  // Two recoveries have left whole memtables with the allocator.
  malloc_trim(0);
  return absl::OkStatus();
}

// A crash after a seal's row was durable leaves a family that nothing names.
absl::Status RocksLogStore::State::DropSealedFamilies(
    std::map<SegmentNumber, Family>* families) const {
  for (const SealedRow& row : opened.state.sealed) {
    const auto found = families->find(row.segment);
    if (found == families->end()) continue;
    const absl::Status status = database->DropSegment(found->second);
    if (!status.ok()) return status;
    families->erase(found);
  }
  return absl::OkStatus();
}

absl::Status RocksLogStore::State::LoadSegments(
    std::map<SegmentNumber, Family> families) {
  FillSegmentDirectory(opened.state, &segments);
  for (const RepairedEntry& entry : opened.state.repaired) repaired.Add(entry);
  entries = std::make_unique<EntryReader>(database->db(), &segments, &scans);
  entries->UseRepaired(&repaired, database->meta());
  SegmentNumber highest(0);
  for (const SealedRow& row : opened.state.sealed) {
    entries->PutSealed(
        SealedSegment::Create(directory->sealed_path(), row, readers.get()));
    highest = std::max(highest, row.segment);
  }
  for (auto& [number, family] : families) {
    entries->AddLive(number, family);
    highest = std::max(highest, number);
  }
  if (families.empty()) {
    absl::StatusOr<Family> family = database->CreateSegment(highest.Next());
    if (!family.ok()) return family.status();
    entries->AddLive(highest.Next(), *std::move(family));
  }
  report.sealed_segments = opened.state.sealed.size();
  return RemoveLeftoverFolders(directory->sealed_path(), opened.state.sealed);
}

void RocksLogStore::State::LoadReplicas() {
  for (const auto& [number, row] : opened.state.replicas) {
    next_replica = std::max(next_replica, number.Next());
    if (row.dropped) continue;
    replicas.Add(number, row.spec, opened.state.positions.at(number));
  }
}

absl::Status RocksLogStore::State::BeginCycles() {
  report.torn_tail = opened.torn_tail;
  report.watermark_slot_damaged = opened.watermark.damaged();
  report.continued = opened.continued;
  report.recovered_cycle = opened.state.last_cycle().number;
  report.watermark_cycle = opened.watermark.newest()->cycle;
  report.replicas = replicas.size();
  report.entries_walked = opened.entries_walked;

  absl::StatusOr<std::unique_ptr<Watermark>> watermark =
      Watermark::Open(directory->watermark_path(), opened.watermark);
  if (!watermark.ok()) return watermark.status();
  CycleStart start;
  start.open_id = RandomOpenId();
  start.last = opened.state.last_cycle();
  start.floor = opened.state.floor.value_or(1);
  committer = std::make_unique<CycleCommitter>(
      database, listener.get(), *std::move(watermark), start, options.on_fatal);
  plan = std::make_unique<CyclePlan>(database, &replicas, &segments,
                                     entries.get(), &repaired);
  OpenRow open;
  open.open_id = start.open_id;
  open.first_cycle = start.last.number + 1;
  CycleBatch* const batch = committer->Begin(0);
  batch->Put(database->meta(), MetaKey(MetaRow::kOpen, open.first_cycle),
             EncodeOpenRow(open));
  generations.Begin(opened.state.opens, open, opened.state.evidence);
  return committer->Commit();
}

void RocksLogStore::State::StartLifecycle() {
  const SegmentNumber active =
      FindActiveSegment(opened.state, entries->LiveSegments());
  uint64_t bytes = 0;
  database->db()->GetIntProperty(entries->Live(active).get(),
                                 rocksdb::DB::Properties::kLiveSstFilesSize,
                                 &bytes);
  SegmentLifecycleOptions lifecycle_options;
  lifecycle_options.segment_bytes = options.segment_bytes;
  lifecycle_options.repair_settle_us = options.repair_settle_us;
  lifecycle_options.sealed_root = directory->sealed_path();
  lifecycle_options.sealer.sealed_root = directory->sealed_path();
  lifecycle_options.sealer.file_bytes_max = options.sealed_file_bytes_max;
  lifecycle_options.sealer.env = sealing_env.get();
  lifecycle_options.sealer.rate_limiter = rate_limiter;
  lifecycle_options.sealer.direct_io = direct_io;
  lifecycle_options.sealer.paused = options.sealing_paused.get();
  lifecycle_options.paused = options.sealing_paused;
  lifecycle_options.on_fatal = options.on_fatal;
  lifecycle_options.on_rows_ready = options.on_commit_wanted;
  SegmentLifecycleParts parts;
  parts.database = database;
  parts.directory = &segments;
  parts.entries = entries.get();
  parts.replicas = &replicas;
  parts.repaired = &repaired;
  parts.readers = readers.get();
  parts.scans = &scans;
  lifecycle = std::make_unique<SegmentLifecycle>(std::move(lifecycle_options),
                                                 parts, active, bytes);
}

absl::Status RocksLogStore::State::CommitCycle(
    absl::Span<const GroupWrite> writes, bool promises, CycleBatch* batch) {
  lifecycle->PutEnds(batch);
  const absl::Status planned = plan->Make(writes, lifecycle->active(),
                                          lifecycle->active_family(), batch);
  if (!planned.ok()) return planned;
  lifecycle->PutRows(batch);
  for (const GenerationLedger::Change& change : generations.TakeRows()) {
    const std::string key =
        MetaKey(MetaRow::kEvidence, change.disk, change.open_id);
    if (change.row.has_value()) {
      batch->Put(database->meta(), key, EncodeEvidenceRow(*change.row));
    } else {
      batch->Delete(database->meta(), key);
    }
  }
  plan->HideReplaced();
  const absl::Status status = committer->Commit();
  if (!status.ok()) return status;
  plan->Publish();
  lifecycle->Publish();
  lifecycle->NoteRepairs();
  lifecycle->AddBytes(batch->entry_bytes());
  pace->Note(batch->entry_bytes(), std::chrono::steady_clock::now());
  lifecycle->SwitchIfFull();
  generations.OnDurable(committer->cycle(), promises);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RocksLogStore>> RocksLogStore::Open(
    RocksLogStoreOptions options) {
  auto state = std::make_unique<State>(std::move(options));
  const absl::Status status = state->Open();
  if (!status.ok()) return status;
  return std::unique_ptr<RocksLogStore>(new RocksLogStore(std::move(state)));
}

RocksLogStore::RocksLogStore(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

RocksLogStore::~RocksLogStore() = default;

absl::StatusOr<std::vector<ReplicaNumber>> RocksLogStore::CreateReplicas(
    absl::Span<const ReplicaSpec> specs) {
  std::vector<ReplicaNumber> numbers;
  if (specs.empty()) return numbers;
  rocksdb::ColumnFamilyHandle* const meta = state_->database->meta();
  CycleBatch* const batch = state_->committer->Begin(0);
  for (const ReplicaSpec& spec : specs) {
    const ReplicaNumber number = state_->next_replica + numbers.size();
    numbers.push_back(number);
    batch->Put(meta, MetaKey(MetaRow::kReplica, number.value()),
               EncodeReplicaRow({spec, /*dropped=*/false}));
    batch->Put(meta, MetaKey(MetaRow::kGroup, number.value()),
               EncodeGroupRow(EmptyPosition(spec)));
  }
  const absl::Status status = state_->CommitCycle({}, true, batch);
  if (!status.ok()) return status;
  for (size_t i = 0; i < specs.size(); ++i) {
    state_->segments.AddReplica(numbers[i], LogIndex(0));
    state_->replicas.Add(numbers[i], specs[i], EmptyPosition(specs[i]));
  }
  state_->next_replica = numbers.back().Next();
  return numbers;
}

absl::Status RocksLogStore::DropReplicas(
    absl::Span<const ReplicaNumber> numbers) {
  rocksdb::ColumnFamilyHandle* const meta = state_->database->meta();
  std::vector<ReplicaNumber> dropped;
  CycleBatch* batch = nullptr;
  for (const ReplicaNumber number : numbers) {
    std::optional<ReplicaSpec> spec = state_->replicas.Spec(number);
    if (!spec.has_value()) continue;
    if (batch == nullptr) batch = state_->committer->Begin(0);
    batch->Put(meta, MetaKey(MetaRow::kReplica, number.value()),
               EncodeReplicaRow({*std::move(spec), /*dropped=*/true}));
    batch->Delete(meta, MetaKey(MetaRow::kGroup, number.value()));
    batch->DeleteRange(state_->database->side(SideTable::kProducers),
                       ProducerRowsPrefix(number),
                       ProducerRowsPrefix(number.Next()));
    batch->DeleteRange(meta, MetaKey(MetaRow::kRepaired, number.value(), 0),
                       MetaKey(MetaRow::kRepaired, number.Next().value(), 0));
    dropped.push_back(number);
  }
  if (batch == nullptr) return absl::OkStatus();
  const absl::Status status = state_->CommitCycle({}, true, batch);
  if (!status.ok()) return status;
  for (const ReplicaNumber number : dropped) {
    state_->replicas.Remove(number);
    state_->segments.DropReplica(number);
    state_->repaired.Cut(number, LogIndex(0));
  }
  state_->lifecycle->Nudge();
  return absl::OkStatus();
}

absl::Status RocksLogStore::Commit(absl::Span<const GroupWrite> writes) {
  if (writes.empty() && !state_->lifecycle->rows_ready() &&
      !state_->generations.has_news()) {
    return absl::OkStatus();
  }
  return state_->CommitCycle(writes, !writes.empty(),
                             state_->committer->Begin(PayloadBytes(writes)));
}

const OpenReport& RocksLogStore::open_report() const { return state_->report; }
Generation RocksLogStore::generation() const {
  Generation generation;
  generation.open_id = state_->committer->open_id();
  generation.cycle = state_->committer->cycle();
  return generation;
}

GenerationLedger* RocksLogStore::generations() { return &state_->generations; }

StoreCondition RocksLogStore::Condition() const {
  StoreCondition condition;
  condition.write_stalls = state_->listener->stalls();
  condition.writes_stalled = state_->database->WritesStalled();
  condition.live_segments = state_->entries->LiveSegments().size();
  condition.sealed_segments = state_->entries->sealed_count();
  return condition;
}

RocksLogStoreStats RocksLogStore::stats() const {
  RocksLogStoreStats stats;
  stats.cycles = state_->committer->cycle() - state_->report.recovered_cycle;
  stats.wal_sync_us_total = state_->committer->wal_sync_us_total();
  stats.watermark_sync_us_total = state_->committer->watermark_sync_us_total();
  stats.active_segment_bytes = state_->lifecycle->active_bytes();
  stats.sealed_segments = state_->entries->sealed_count();
  stats.unsealed_segments = state_->entries->LiveSegments().size();
  stats.write_stalls = state_->listener->stalls();
  return stats;
}

}  // namespace kappa::storage
