// The chain digest: one SHA-256 that stands for a partition's whole history.
//
// chain(0) = SHA-256(topic UUID, partition); each entry with records covers the
// previous digest and what users see of it; control entries repeat the digest.
// So it survives backup and restore, makes replicas comparable in one
// comparison, and shows tampering and holes.
#ifndef KAPPA_STORAGE_CHAIN_H_
#define KAPPA_STORAGE_CHAIN_H_

#include <cstdint>

#include "proto/wire/types.h"
#include "storage/entry_header.h"

namespace kappa::storage {

// Digest of the empty log of a partition (partition as 4 bytes, big endian).
Digest ChainStart(const Uuid& topic_uuid, uint32_t partition);

// Digest after the entry with `header` (whose `chain` is ignored) follows
// `previous`. Covered, in a canonical encoding: base offset, count, append
// time, producer id, epoch, sequence, state, payload encoding, codec, payload
// SHA-256.
Digest ChainNext(const Digest& previous, const EntryHeader& header);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_CHAIN_H_
