#include "storage/sealed_folder_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "storage/keys.h"

namespace kappa::storage {
namespace {

absl::Status Missing(const SegmentRange& range, LogIndex index) {
  return absl::DataLossError(absl::StrCat(
      "copy segment ", range.segment.value(), ": replica ",
      range.replica.value(), " index ", index.value(), " is missing"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SealedFolderWriter>> SealedFolderWriter::Create(
    const SealerOptions& options, SegmentNumber segment, uint32_t generation) {
  auto folder = SealedFolder::Make(options.sealed_root, segment, generation);
  if (!folder.ok()) return folder.status();
  std::unique_ptr<SealedFolderWriter> writer(
      new SealedFolderWriter(options, *std::move(folder)));
  writer->row_.segment = segment;
  writer->row_.generation = generation;
  return writer;
}

SealedFolderWriter::SealedFolderWriter(const SealerOptions& options,
                                       SealedFolder folder)
    : options_(options), folder_(std::move(folder)) {}

absl::Status SealedFolderWriter::EndRange() {
  if (!range_.has_value()) return absl::OkStatus();
  if (next_ != range_->end) return Missing(*range_, next_);
  range_.reset();
  return absl::OkStatus();
}

absl::Status SealedFolderWriter::BeginRange(const SegmentRange& range) {
  absl::Status status = EndRange();
  if (!status.ok()) return status;
  KAPPA_CHECK(range.end != kOpenEnd, "a copied range has an end");
  KAPPA_CHECK(row_.replicas.empty() ||
                  row_.replicas.back().key_replica < range.key_replica,
              "ranges come in the order of their keys");
  range_ = range;
  next_ = range.first;
  row_.replicas.push_back({range.replica, range.key_replica, range.row, 0, 0});
  return absl::OkStatus();
}

absl::Status SealedFolderWriter::Add(LogIndex index, std::string_view value) {
  KAPPA_CHECK(range_.has_value() && index < range_->end,
              "an entry belongs to the range that was begun");
  if (index != next_) return Missing(*range_, next_);
  next_ = index.Next();
  if (file_ == nullptr) {
    absl::StatusOr<std::unique_ptr<SealedFileWriter>> file =
        SealedFileWriter::Create(options_, folder_.path(), row_.files.size());
    if (!file.ok()) return file.status();
    file_ = *std::move(file);
  }
  const absl::Status added =
      file_->Add(EntryKey(range_->key_replica, index), value);
  if (!added.ok()) return added;
  SealedReplica& replica = row_.replicas.back();
  ++replica.entries;
  replica.bytes += kEntryKeyBytes + value.size();
  return file_->bytes() >= options_.file_bytes_max ? CloseFile()
                                                   : absl::OkStatus();
}

absl::Status SealedFolderWriter::CloseFile() {
  if (file_ == nullptr) return absl::OkStatus();
  absl::StatusOr<SealedFile> file = file_->Finish();
  file_.reset();
  if (!file.ok()) return file.status();
  row_.files.push_back(*std::move(file));
  return absl::OkStatus();
}

absl::StatusOr<SealedRow> SealedFolderWriter::Finish() {
  absl::Status status = EndRange();
  if (status.ok()) status = CloseFile();
  if (!status.ok()) return status;
  std::sort(row_.replicas.begin(), row_.replicas.end(),
            [](const SealedReplica& a, const SealedReplica& b) {
              return a.replica < b.replica;
            });
  if (row_.files.empty()) return std::move(row_);  // the destructor cleans up
  status = folder_.Keep();
  if (!status.ok()) return status;
  return std::move(row_);
}

}  // namespace kappa::storage
