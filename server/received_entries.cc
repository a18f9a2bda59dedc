#include "server/received_entries.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/crc32c.h"
#include "storage/chain.h"
#include "storage/configuration_rows.h"
#include "storage/entry_header.h"

namespace kappa::server {
namespace {

using storage::EntryHeader;
using storage::StoredEntry;

// More than any header has.
constexpr size_t kHeaderBytesMax = 2048;

absl::Status Damaged(LogIndex index, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("received entry at index ", index.value(), ": ", what));
}

// The first bytes of `content` in one piece; `copy` holds them if they are not.
std::string_view Beginning(const Payload& content, std::string* copy) {
  if (content.pieces().empty()) return {};
  const std::string_view first = content.pieces().front();
  if (content.pieces().size() == 1 || first.size() >= kHeaderBytesMax) {
    return first;
  }
  for (std::string_view piece : content.pieces()) {
    copy->append(piece.substr(0, kHeaderBytesMax - copy->size()));
    if (copy->size() == kHeaderBytesMax) break;
  }
  return *copy;
}

Payload Behind(const Payload& content, size_t bytes) {
  Payload::Pieces pieces;
  for (std::string_view piece : content.pieces()) {
    const size_t skipped = std::min(bytes, piece.size());
    bytes -= skipped;
    if (skipped < piece.size()) pieces.push_back(piece.substr(skipped));
  }
  return Payload(std::move(pieces), content.owner());
}

absl::StatusOr<StoredEntry> DecodeEntry(const raft::EntryMeta& told,
                                        const Payload& content) {
  std::string copy;
  absl::StatusOr<storage::DecodedEntryHeader> decoded =
      storage::DecodeEntryHeader(Beginning(content, &copy));
  if (!decoded.ok()) return Damaged(told.id.index, decoded.status().message());
  StoredEntry entry{std::move(decoded->header),
                    Behind(content, decoded->header_bytes)};
  const EntryHeader& header = entry.header;
  if (entry.payload.bytes() != header.payload_bytes) {
    return Damaged(
        told.id.index,
        absl::StrCat("the payload has ", entry.payload.bytes(),
                     " bytes, the header says ", header.payload_bytes));
  }
  if (Crc32c(entry.payload) != header.payload_crc32c) {
    return Damaged(told.id.index, "the payload does not fit its checksum");
  }
  absl::StatusOr<raft::EntryMeta> meta = MetaOf(entry);
  if (!meta.ok()) return Damaged(told.id.index, meta.status().message());
  const bool same_configuration =
      (meta->configuration == nullptr) == (told.configuration == nullptr) &&
      (meta->configuration == nullptr ||
       *meta->configuration == *told.configuration);
  if (meta->id != told.id || meta->kind != told.kind ||
      meta->record_count != told.record_count ||
      meta->payload_bytes != told.payload_bytes || !same_configuration) {
    return Damaged(told.id.index, "the header is not what the message says");
  }
  return entry;
}

}  // namespace

Payload ContentOf(const StoredEntry& entry) {
  struct Content {
    std::string header;
    Payload payload;
  };
  auto content = std::make_shared<Content>();
  storage::EncodeEntryHeader(entry.header, &content->header);
  content->payload = entry.payload;
  Payload::Pieces pieces{std::string_view(content->header)};
  for (std::string_view piece : content->payload.pieces()) {
    pieces.push_back(piece);
  }
  return Payload(std::move(pieces), std::move(content));
}

absl::StatusOr<raft::EntryMeta> MetaOf(const StoredEntry& entry) {
  raft::EntryMeta meta;
  meta.id = {entry.header.term, entry.header.index};
  meta.kind = entry.header.kind;
  meta.record_count = entry.header.record_count;
  meta.payload_bytes = entry.header.payload_bytes;
  if (meta.kind == raft::EntryKind::kConfiguration) {
    absl::StatusOr<raft::Configuration> configuration =
        storage::DecodeConfiguration(entry.payload.ToString());
    if (!configuration.ok()) return configuration.status();
    meta.configuration =
        std::make_shared<const raft::Configuration>(*std::move(configuration));
  }
  return meta;
}

absl::StatusOr<std::vector<StoredEntry>> DecodeEntries(
    const raft::Message& message, const std::vector<Payload>& contents) {
  if (contents.size() != message.entries.size()) {
    return absl::DataLossError(absl::StrCat("received ", message.entries.size(),
                                            " entries with ", contents.size(),
                                            " contents"));
  }
  std::vector<StoredEntry> entries;
  entries.reserve(contents.size());
  for (size_t i = 0; i < contents.size(); ++i) {
    absl::StatusOr<StoredEntry> entry =
        DecodeEntry(message.entries[i], contents[i]);
    if (!entry.ok()) return entry.status();
    entries.push_back(*std::move(entry));
  }
  return entries;
}

absl::Status CheckFollows(const LogTail& tail, const EntryHeader& header) {
  if (header.index != tail.last.index.Next() || header.term < tail.last.term) {
    return Damaged(header.index,
                   absl::StrCat("of term ", header.term.value(), " after (",
                                tail.last.term.value(), ", ",
                                tail.last.index.value(), ")"));
  }
  if (header.base_offset != tail.end_offset) {
    return Damaged(
        header.index,
        absl::StrCat("at offset ", header.base_offset.value(),
                     " of a log that ends at ", tail.end_offset.value()));
  }
  if (header.append_time_us < tail.last_append_time_us) {
    return Damaged(header.index, "the append time falls");
  }
  if (header.chain != storage::ChainNext(tail.chain, header)) {
    return Damaged(header.index, "the chain digest does not follow");
  }
  return absl::OkStatus();
}

}  // namespace kappa::server
