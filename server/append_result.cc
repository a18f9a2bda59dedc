#include "server/append_result.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/errors.h"
#include "storage/node_mutant.h"

namespace kappa::server {

using storage::EntryHeader;
using storage::ProducerDecision;

storage::ProducerStamp StampOf(const v1::ProducerSequence& producer) {
  storage::ProducerStamp stamp;
  KAPPA_CHECK(producer.id().size() == stamp.id.size(),
              "a producer id has 16 bytes");
  std::memcpy(stamp.id.data(), producer.id().data(), stamp.id.size());
  stamp.epoch = producer.epoch();
  stamp.sequence = producer.sequence();
  return stamp;
}

EntryHeader HeaderOf(const AppendCommand& command) {
  EntryHeader header;
  header.kind = raft::EntryKind::kRecords;
  header.encoding = storage::PayloadEncoding::kRecordSet;
  header.codec = command.batch.codec;
  header.record_count = command.batch.record_count;
  header.payload_bytes = static_cast<uint32_t>(command.batch.payload.bytes());
  header.payload_crc32c = command.batch.payload_crc32c;
  header.payload_sha256 = command.batch.payload_sha256;
  if (command.producer.has_value()) {
    header.producer = StampOf(*command.producer);
    if (command.producer->has_state()) {
      header.producer_state = command.producer->state();
    }
  }
  return header;
}

AppendResult ResultOf(const EntryHeader& header) {
  const bool mutant =
      storage::active_node_mutant == storage::NodeMutant::kOffsetFromIndex;
  return {.base_offset =
              mutant ? Offset(header.index.value() - 1) : header.base_offset,
          .next_offset = header.next_offset(),
          .append_time_us = header.append_time_us,
          .chain = header.chain};
}

absl::Status ResultUnreadable(const absl::Status& cause) {
  return MakeError(
      v1::ERROR_REASON_OUTCOME_UNKNOWN,
      absl::StrCat("the batch is stored, but its result cannot be read now: ",
                   cause.message()));
}

absl::StatusOr<AppendResult> DuplicateResult(const EntryHeader& stored,
                                             const Digest& payload_sha256) {
  if (stored.payload_sha256 != payload_sha256) {
    return MakeError(
        v1::ERROR_REASON_SEQUENCE_REUSED,
        absl::StrCat("sequence ", stored.producer.sequence,
                     " was stored with other bytes at offset ",
                     stored.base_offset.value()),
        {{"base_offset", absl::StrCat(stored.base_offset.value())}});
  }
  AppendResult result = ResultOf(stored);
  result.duplicate = true;
  return result;
}

absl::Status FencedError(uint64_t current_epoch, uint64_t epoch) {
  return MakeError(
      v1::ERROR_REASON_PRODUCER_FENCED,
      absl::StrCat("epoch ", epoch, " is fenced: the producer's epoch is ",
                   current_epoch),
      {{"epoch", absl::StrCat(current_epoch)}});
}

absl::Status ProducerRefusal(const storage::ProducerVerdict& verdict,
                             const v1::ProducerSequence& producer) {
  switch (verdict.decision) {
    case ProducerDecision::kFenced:
      return FencedError(verdict.epoch, producer.epoch());
    case ProducerDecision::kSequenceGap:
      return MakeError(
          v1::ERROR_REASON_SEQUENCE_GAP,
          absl::StrCat("sequence ", producer.sequence(), " after ",
                       producer.has_previous_sequence()
                           ? producer.previous_sequence()
                           : producer.sequence() - 1,
                       ": the last one accepted is ", verdict.last_sequence),
          {{"last_sequence", absl::StrCat(verdict.last_sequence)}});
    case ProducerDecision::kSequenceStored:
      return MakeError(v1::ERROR_REASON_SEQUENCE_STORED,
                       absl::StrCat("sequence ", producer.sequence(),
                                    " is stored; its result is no longer "
                                    "kept"));
    case ProducerDecision::kUnknown:
      return MakeError(v1::ERROR_REASON_PRODUCER_UNKNOWN,
                       absl::StrCat("sequence ", producer.sequence(),
                                    ": whether an earlier request stored it "
                                    "is not known any more"));
    case ProducerDecision::kAccept:
    case ProducerDecision::kDuplicate:
      break;
  }
  KAPPA_CHECK(false, "not a refusal");
  return absl::OkStatus();
}

}  // namespace kappa::server
