// SdkAppender: a client that appends through the SDK, pipelined.
#ifndef KAPPA_TESTS_CHAOS_SDK_APPENDER_H_
#define KAPPA_TESTS_CHAOS_SDK_APPENDER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "client/cpp/producer.h"
#include "client/cpp/producer_options.h"
#include "proto/wire/mutex.h"
#include "tests/chaos/role.h"
#include "tests/chaos/value_maker.h"

namespace kappa::chaos {

// Batches go to all shared partitions, up to kWindow unanswered. One operation
// of the history is one batch, whatever the SDK repeats for it.
class SdkAppender : public Role {
 public:
  // `producer`: its name; empty: an unnamed session. `recorder` and `stop`
  // outlive the role.
  SdkAppender(RoleOptions options, std::string producer, Recorder& recorder,
              StopSignal& stop);
  void Run() override;

 private:
  static constexpr uint32_t kWindow = 48;

  // Until a node lets it begin; nullptr when the run ends before.
  std::unique_ptr<client::Producer> Create();
  void AppendOne(client::Producer& producer);
  void Answered(uint64_t op, uint32_t partition, uint16_t records,
                const absl::StatusOr<client::AppendResult>& result);
  bool WaitForWindow();

  const RoleOptions options_;
  const std::string producer_;
  Recorder& recorder_;
  StopSignal& stop_;
  ValueMaker values_;
  Mutex mutex_;
  CondVar answered_;
  uint32_t under_way_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_SDK_APPENDER_H_
