#include "tests/storage/log_script.h"

#include <utility>

#include "proto/wire/crc32c.h"
#include "proto/wire/sha256.h"
#include "storage/chain.h"
#include "storage/configuration_rows.h"
#include "storage/fixed_width.h"

namespace kappa::storage {

ReplicaSpec SpecOfGroup(uint64_t group) {
  ReplicaSpec spec;
  spec.group = GroupId(group);
  spec.self = {NodeId(1), Incarnation(1)};
  spec.configuration.voters = {spec.self};
  Uuid topic{};
  for (size_t i = 0; i < 8; ++i) topic[i] = group >> (8 * i);
  spec.chain_start = ChainStart(topic, 0);
  return spec;
}

LogScript::LogScript(ReplicaNumber replica, const ReplicaSpec& spec)
    : replica_(replica) {
  position_.base.configuration = spec.configuration;
  position_.base.chain = spec.chain_start;
  position_.chain = spec.chain_start;
}

EntryWrite LogScript::Records(std::string payload, uint32_t record_count,
                              const ProducerStamp& producer,
                              std::optional<std::string> state) {
  EntryHeader header;
  header.kind = raft::EntryKind::kRecords;
  header.encoding = PayloadEncoding::kRecordSet;
  header.record_count = record_count;
  header.producer = producer;
  header.producer_state = std::move(state);
  return Take(std::move(header), std::move(payload));
}

EntryWrite LogScript::Control(const ProducerStamp& producer) {
  EntryHeader header;
  header.kind = producer.present() ? raft::EntryKind::kProducerFence
                                   : raft::EntryKind::kNoOp;
  header.producer = producer;
  return Take(std::move(header), "");
}

EntryWrite LogScript::Configuration(const raft::Configuration& configuration) {
  EntryHeader header;
  header.kind = raft::EntryKind::kConfiguration;
  header.encoding = PayloadEncoding::kConfiguration;
  return Take(std::move(header), EncodeConfiguration(configuration));
}

EntryWrite LogScript::Take(EntryHeader header, std::string payload) {
  header.term = term_;
  header.index = position_.last.index.Next();
  header.base_offset = position_.end_offset;
  header.append_time_us = position_.last_append_time_us + time_step_us_;
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc32c = Crc32c(payload);
  header.payload_sha256 = Sha256(payload);
  header.chain = ChainNext(position_.chain, header);
  position_.last = {header.term, header.index};
  position_.end_offset = header.next_offset();
  position_.chain = header.chain;
  position_.last_append_time_us = header.append_time_us;
  return {std::move(header), Payload::FromString(std::move(payload))};
}

GroupWrite LogScript::Empty() const {
  GroupWrite write;
  write.replica = replica_;
  return write;
}

GroupWrite LogScript::TruncateFrom(LogIndex from,
                                   const ReplicaPosition& before) {
  GroupWrite write = Empty();
  write.truncate_from = from;
  position_ = before;
  return write;
}

GroupWrite LogScript::InstallBase(const GroupBase& base) {
  GroupWrite write = Empty();
  write.install_base = base;
  position_.base = base;
  position_.last = base.id;
  position_.end_offset = base.offset;
  position_.chain = base.chain;
  position_.last_append_time_us = base.append_time_us;
  return write;
}

}  // namespace kappa::storage
