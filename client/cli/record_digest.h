// RecordDigest: one SHA-256 over everything a replay delivers.
#ifndef KAPPA_CLIENT_CLI_RECORD_DIGEST_H_
#define KAPPA_CLIENT_CLI_RECORD_DIGEST_H_

#include <cstdint>
#include <map>
#include <string>

#include "client/cpp/replay_options.h"
#include "proto/wire/sha256.h"
#include "proto/wire/types.h"

namespace kappa::cli {

// Records of one partition in order, partitions in any interleaving: the result
// is the same. It is SHA-256 over, for each partition ascending, its number and
// the SHA-256 of its records, each encoded as (integers big endian)
//
//   partition    4 bytes       event time   0x00, or 0x01 and 8 bytes (µs)
//   offset       8 bytes       key          0x00, or 0x01, length 4 bytes,
//   bytes append time  8 bytes (µs)  headers      count 4 bytes; of each:
//   length of
//                                           the name 4, name, length 4, value
//                              value        as the key
//
// Thread safety: thread-compatible.
class RecordDigest {
 public:
  void Add(const client::ReplayRecord& record);
  // Begins anew.
  Digest Finish();

 private:
  std::map<uint32_t, Sha256Hasher> partitions_;
  std::string encoded_;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_RECORD_DIGEST_H_
