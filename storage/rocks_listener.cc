#include "storage/rocks_listener.h"

#include <string_view>
#include <utility>

#include "storage/rocks_options.h"
#include "storage/rocks_status.h"

namespace kappa::storage {
namespace {

std::string_view NameOf(rocksdb::BackgroundErrorReason reason) {
  switch (reason) {
    case rocksdb::BackgroundErrorReason::kFlush:
      return "flush";
    case rocksdb::BackgroundErrorReason::kCompaction:
      return "compaction";
    case rocksdb::BackgroundErrorReason::kWriteCallback:
      return "write";
    case rocksdb::BackgroundErrorReason::kMemTable:
      return "insert into memtable";
    case rocksdb::BackgroundErrorReason::kManifestWrite:
      return "write of the manifest";
    default:
      return "background work";
  }
}

}  // namespace

RocksListener::RocksListener(std::function<void(const absl::Status&)> on_fatal,
                             std::function<void()> on_flushed)
    : on_fatal_(std::move(on_fatal)), on_flushed_(std::move(on_flushed)) {}

void RocksListener::OnFlushCompleted(rocksdb::DB* /*database*/,
                                     const rocksdb::FlushJobInfo& info) {
  // Flushes are atomic over all families, and each cycle ends with a row in
  // `meta`: its flush says how far all of them are.
  if (info.cf_name != kMetaFamily) return;
  if (info.largest_seqno > flushed_sequence_) {
    flushed_sequence_ = info.largest_seqno;
  }
  if (on_flushed_) on_flushed_();
}

void RocksListener::OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                                      rocksdb::Status* error) {
  // A flush that closing cuts short has lost nothing: the log still has it.
  if (error->IsShutdownInProgress()) return;
  if (on_fatal_) on_fatal_(FromRocks(*error, NameOf(reason)));
}

void RocksListener::OnStallConditionsChanged(
    const rocksdb::WriteStallInfo& info) {
  if (info.condition.cur != rocksdb::WriteStallCondition::kNormal) ++stalls_;
}

}  // namespace kappa::storage
