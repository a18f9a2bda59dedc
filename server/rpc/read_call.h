// ReadCall: one bounded read in one answer.
#ifndef KAPPA_SERVER_RPC_READ_CALL_H_
#define KAPPA_SERVER_RPC_READ_CALL_H_

#include <cstddef>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "kappa/v1/log_service.pb.h"
#include "server/node.h"
#include "server/rpc/delivery.h"
#include "server/rpc/partition_lookup.h"
#include "server/rpc/read_plan.h"
#include "server/rpc/rpc_context.h"
#include "server/rpc/unary_methods.h"
#include "server/rpc/wire_message.h"

namespace kappa::server {

// Reads chunk after chunk until the read is complete, the answer is full, or
// kScannedBytesMax were looked at without filling it (a filter that matches
// little).
//
// Thread safety: its steps follow one another, each on any thread.
class ReadCall : public std::enable_shared_from_this<ReadCall> {
 public:
  static constexpr size_t kScannedBytesMax = 64 << 20;

  // Calls `done` once, with an encoded kappa.v1.ReadResponse.
  static void Run(const RpcContext& context, const v1::ReadRequest& request,
                  UnaryMethod::Done done);

  ReadCall(const RpcContext& context, FoundPartition partition, ReadPlan plan,
           UnaryMethod::Done done);

 private:
  void OnRange(absl::StatusOr<ReadRange> range);
  void ReadChunkFrom();
  // Puts what fits of the chunk into the answer, then reads on or answers.
  void OnChunk(absl::StatusOr<ReadChunk> chunk);
  // False when the answer is full.
  absl::StatusOr<bool> Deliver(const storage::StoredEntry& entry);
  void Answer();

  const RpcContext context_;
  const FoundPartition partition_;
  const std::shared_ptr<const ReadPlan> plan_;
  UnaryMethod::Done done_;
  std::optional<Delivery> delivery_;
  Offset until_;
  Offset end_offset_;
  size_t chunk_bytes_ = 256 << 10;
  size_t scanned_bytes_ = 0;
  size_t message_bytes_ = 0;
  WireMessage message_;
  std::optional<v1::Gap> gap_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_READ_CALL_H_
