// Fuzzing the decoders of the rows that every cycle and every open writes:
// cycle, open, floor, group and replica rows. The first byte chooses one.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/cycle_row.h"
#include "storage/group_row.h"
#include "storage/replica_row.h"
#include "tests/fuzz/sealed_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kappa::storage;  // one function
  if (size == 0) return 0;
  const std::string_view row = kappa::InputBytes(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      kappa::CheckRowDecoder(row, DecodeCycleRow, EncodeCycleRow);
      break;
    case 1:
      kappa::CheckRowDecoder(row, DecodeOpenRow, EncodeOpenRow);
      break;
    case 2:
      kappa::CheckRowDecoder(row, DecodeFloorRow, EncodeFloorRow);
      break;
    case 3:
      kappa::CheckRowDecoder(row, DecodeGroupRow, EncodeGroupRow);
      break;
    case 4:
      kappa::CheckRowDecoder(row, DecodeReplicaRow, EncodeReplicaRow);
      break;
  }
  return 0;
}
