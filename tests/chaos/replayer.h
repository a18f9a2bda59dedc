// Replayer: follows the tail of one partition through the SDK.
#ifndef KAPPA_TESTS_CHAOS_REPLAYER_H_
#define KAPPA_TESTS_CHAOS_REPLAYER_H_

#include <cstdint>

#include "client/cpp/replay.h"
#include "client/cpp/replay_options.h"
#include "tests/chaos/role.h"
#include "tests/checker/event.h"

namespace kappa::chaos {

// One replay from offset 0 until the run is over; what it delivered is written
// in pieces. The SDK connects again after faults: not one record may be missing
// or come twice.
class Replayer : public Role {
 public:
  // `recorder` and `stop` outlive the role.
  Replayer(RoleOptions options, uint32_t partition, Recorder& recorder,
           StopSignal& stop);
  void Run() override;

 private:
  static constexpr uint64_t kPieceRecords = 64;

  void Take(const client::ReplayRecord& record);
  // Writes what was taken since the last piece.
  void WritePiece();

  const RoleOptions options_;
  const uint32_t partition_;
  Recorder& recorder_;
  StopSignal& stop_;
  checker::Event piece_;
  uint64_t piece_records_ = 0;
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_REPLAYER_H_
