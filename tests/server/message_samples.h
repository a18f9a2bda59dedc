// Parts of raft::Message with no field left at its default, for tests of what
// carries messages.
#ifndef KAPPA_TESTS_SERVER_MESSAGE_SAMPLES_H_
#define KAPPA_TESTS_SERVER_MESSAGE_SAMPLES_H_

#include <cstdint>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/entry.h"
#include "raft/message.h"

namespace kappa {

ReplicaId SampleReplica(uint64_t node, uint64_t incarnation = 1);
raft::Configuration SampleJointConfiguration();
// Records have a count and a size, a configuration is the one above.
raft::EntryMeta SampleEntry(uint64_t term, uint64_t index,
                            raft::EntryKind kind);
// All fields of any type but the entries, the base and the place in a chunk.
void SetSampleScalars(raft::Message* message);

}  // namespace kappa

#endif  // KAPPA_TESTS_SERVER_MESSAGE_SAMPLES_H_
