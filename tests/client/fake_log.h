// FakeLog: topics, partitions and producers of a pretended cluster, in memory.
#ifndef KAPPA_TESTS_CLIENT_FAKE_LOG_H_
#define KAPPA_TESTS_CLIENT_FAKE_LOG_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "grpcpp/support/status.h"
#include "kappa/v1/log_service.pb.h"
#include "kappa/v1/topic_service.pb.h"
#include "proto/wire/mutex.h"

namespace kappa::tests {

// A gRPC status with Kappa's details.
grpc::Status MakeGrpcError(grpc::StatusCode code, v1::ErrorReason reason,
                           const std::string& message,
                           std::map<std::string, std::string> metadata = {});
// The same as it comes inside of a message.
v1::Status MakeWireError(grpc::StatusCode code, v1::ErrorReason reason,
                         const std::string& message,
                         std::map<std::string, std::string> metadata = {});

// A record as stored.
struct FakeRecord {
  uint64_t offset = 0;
  v1::Record record;
};

// Follows the contract of kappa/v1/log_service.proto as far as a client can
// see it. Outlives the servers in front of it, as a disk does.
//
// Thread safety: thread-safe.
class FakeLog {
 public:
  // Creates a topic of default limits.
  void CreateTopic(const std::string& name, uint32_t partitions);
  std::optional<v1::Topic> GetTopic(const std::string& name);
  void DeleteTopic(const std::string& name);
  std::vector<v1::Topic> Topics();

  // An answer is either filled in or an error is returned.
  std::optional<v1::Status> Append(const v1::AppendRequest& request,
                                   v1::AppendResponse* response);
  grpc::Status GetOffsets(const v1::GetOffsetsRequest& request,
                          v1::GetOffsetsResponse* response);
  grpc::Status OpenProducer(const v1::OpenProducerRequest& request,
                            v1::OpenProducerResponse* response);
  grpc::Status GetProducer(const v1::GetProducerRequest& request,
                           v1::GetProducerResponse* response);

  // The next message of a replay that stands at `*next` and has delivered
  // `*records`; advances both. Empty batches: there is nothing more now.
  // `*stopped` is set when the stop is reached.
  grpc::Status ReadMessage(const v1::ReplayRequest& request, uint64_t* next,
                           uint64_t* records, v1::ReplayResponse* message,
                           bool* stopped);
  // Where a replay starts.
  grpc::Status ReplayStart(const v1::ReplayRequest& request, uint64_t* next,
                           v1::ReplayResponse* first);

  // Forgets all sessions, as a bounded table does.
  void EvictSessions();
  // Forgets the results, not the sequences, of all batches.
  void ForgetResults();
  // Trims history before `offset`.
  void Trim(const std::string& topic, uint32_t partition, uint64_t offset);

  // Everything stored, in order.
  std::vector<FakeRecord> Records(const std::string& topic, uint32_t partition);
  // Record counts of the stored batches, in order.
  std::vector<uint32_t> BatchSizes(const std::string& topic,
                                   uint32_t partition);
  // Codecs of the stored batches, in order.
  std::vector<v1::Compression> BatchCodecs(const std::string& topic,
                                           uint32_t partition);

  // Ends the waits of WaitForAppend.
  void Wake();

  // Waits until something was appended after the log had `appended` batches, or
  // `timeout_us`. Returns how many there are.
  uint64_t WaitForAppend(uint64_t appended, int64_t timeout_us);

 private:
  struct StoredBatch {
    uint64_t base_offset = 0;
    uint32_t record_count = 0;
    int64_t append_time_us = 0;
    v1::Compression compression = v1::COMPRESSION_UNSPECIFIED;
    std::string payload;
  };
  struct ProducerState {
    uint64_t epoch = 0;
    uint64_t last_sequence = 0;
    std::optional<std::string> state;
    std::map<uint64_t, v1::AppendResponse> results;
  };
  struct Partition {
    std::vector<StoredBatch> batches;
    uint64_t first_offset = 0;
    uint64_t end_offset = 0;
    std::map<std::string, ProducerState> producers;
  };
  struct NamedProducer {
    std::string id;
    uint64_t epoch = 0;
  };

  Partition* Find(const std::string& topic, uint32_t partition)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The checks of producer, epoch and sequence. True when `response` or `error`
  // is the answer.
  bool CheckProducer(const v1::AppendRequest& request, Partition* partition,
                     v1::AppendResponse* response,
                     std::optional<v1::Status>* error)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FillPosition(Partition* partition, uint32_t number,
                    const std::string& id, v1::ProducerPosition* position)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  CondVar appended_changed_;
  std::map<std::string, v1::Topic> topics_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, uint32_t>, Partition> partitions_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, NamedProducer> producers_ ABSL_GUARDED_BY(mutex_);
  uint64_t appended_ ABSL_GUARDED_BY(mutex_) = 0;
  uint8_t next_uuid_ ABSL_GUARDED_BY(mutex_) = 1;
  // Sessions older than this offset were evicted.
  uint64_t evicted_below_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kappa::tests

#endif  // KAPPA_TESTS_CLIENT_FAKE_LOG_H_
