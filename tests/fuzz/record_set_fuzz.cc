// Fuzzing the scanner against the protobuf parser (libFuzzer):
//   bazel --output_base=DIR run --config=fuzz //tests/proto:record_set_fuzz
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "kappa/v1/record.pb.h"
#include "proto/wire/check.h"
#include "proto/wire/record_set.h"
#include "tests/proto/random_records.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto whole =
      kappa::ScanRecordSet(kappa::Payload::FromString(bytes), {});
  // Cut in a place that the input itself decides.
  const size_t cut = size == 0 ? 0 : data[size / 2] % (size + 1);
  const auto pieces = kappa::ScanRecordSet(kappa::CutAt(bytes, {cut}), {});
  KAPPA_CHECK(whole.status() == pieces.status(), "a cut changes the answer");

  kappa::RecordSetReader reader(bytes);
  kappa::v1::RecordSet parsed;
  const bool parses = parsed.ParseFromString(bytes);
  if (!whole.ok()) {
    while (reader.Next()) continue;
    return 0;
  }
  KAPPA_CHECK(parses, "accepted, but protobuf does not parse it");
  KAPPA_CHECK(static_cast<int>(*whole) == parsed.records_size(),
              "another number of records");
  for (const auto& record : parsed.records()) {
    KAPPA_CHECK(reader.Next(), "the reader stops early");
    KAPPA_CHECK(kappa::ToProtobuf(reader.record()).SerializeAsString() ==
                    record.SerializeAsString(),
                "another record");
  }
  KAPPA_CHECK(!reader.Next() && reader.status().ok(), "one record too many");
  return 0;
}
