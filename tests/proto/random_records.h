// Random records for tests of the wire format.
#ifndef KAPPA_TESTS_PROTO_RANDOM_RECORDS_H_
#define KAPPA_TESTS_PROTO_RANDOM_RECORDS_H_

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "kappa/v1/record.pb.h"
#include "proto/wire/payload.h"
#include "proto/wire/record_set.h"

namespace kappa {

using Random = std::mt19937_64;

// `bytes` random bytes.
std::string RandomBytes(Random& random, size_t bytes);

// Valid UTF-8, 1 to about `characters_max` characters of 1 to 4 bytes.
std::string RandomUtf8(Random& random, size_t characters_max);

// A record within all limits, every field sometimes absent or empty.
kappa::v1::Record RandomRecord(Random& random);

// 1 to `records_max` of them.
kappa::v1::RecordSet RandomRecordSet(Random& random, int records_max);

// Adds the protobuf record to `encoder`.
void AddRecord(const kappa::v1::Record& record, RecordSetEncoder* encoder);

// The record as protobuf would hold it.
kappa::v1::Record ToProtobuf(const RecordView& view);

// `bytes` (copied) cut at the given ascending places.
Payload CutAt(std::string_view bytes, const std::vector<size_t>& places);

// `bytes` cut at random into up to 6 pieces, some of them empty.
Payload CutAtRandom(Random& random, std::string_view bytes);

}  // namespace kappa

#endif  // KAPPA_TESTS_PROTO_RANDOM_RECORDS_H_
