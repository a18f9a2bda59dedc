#include "tests/server/message_samples.h"

#include <memory>

namespace kappa {

ReplicaId SampleReplica(uint64_t node, uint64_t incarnation) {
  return ReplicaId{NodeId(node), Incarnation(incarnation)};
}

raft::Configuration SampleJointConfiguration() {
  raft::Configuration configuration;
  configuration.voters = {SampleReplica(1), SampleReplica(2, 7)};
  configuration.outgoing_voters = {SampleReplica(1), SampleReplica(3),
                                   SampleReplica(4)};
  configuration.learners = {SampleReplica(5), SampleReplica(6)};
  configuration.learners_next = {SampleReplica(4)};
  configuration.promoting = {SampleReplica(6)};
  configuration.auto_leave = true;
  return configuration;
}

raft::EntryMeta SampleEntry(uint64_t term, uint64_t index,
                            raft::EntryKind kind) {
  raft::EntryMeta entry;
  entry.id = raft::EntryId{Term(term), LogIndex(index)};
  entry.kind = kind;
  if (kind == raft::EntryKind::kRecords) {
    entry.record_count = 70'000;
    entry.payload_bytes = 3 << 20;
  }
  if (kind == raft::EntryKind::kConfiguration) {
    entry.configuration =
        std::make_shared<raft::Configuration>(SampleJointConfiguration());
  }
  return entry;
}

void SetSampleScalars(raft::Message* message) {
  message->generation = raft::Generation{0xfedcba9876543210, 17};
  message->previous = raft::EntryId{Term(38), LogIndex(99)};
  message->committed = LogIndex(98);
  message->last = raft::EntryId{Term(39), LogIndex(120)};
  message->granted = true;
  message->match = LogIndex(97);
  message->term_starts = {{Term(2), LogIndex(3)}, {Term(38), LogIndex(80)}};
  message->read_round = 5;
  message->beat = 6;
  message->quiesce = true;
  message->full = true;
  message->unfit = true;
  message->priority = 3;
  message->donor = SampleReplica(7, 8);
  message->transfer = true;
  message->doubted = raft::EntryId{Term(37), LogIndex(77)};
  message->holding = raft::Holding::kLacks;
  message->read_id = 10;
  message->read_instance = 11;
  message->read_index = LogIndex(96);
  message->chain.emplace().fill(0xab);
  message->chunk_end = 1234;
}

}  // namespace kappa
