// Appender: clients that append.
#ifndef KAPPA_TESTS_SIMULATION_NODES_APPENDER_H_
#define KAPPA_TESTS_SIMULATION_NODES_APPENDER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kappa/v1/log_service.pb.h"
#include "server/node.h"
#include "tests/simulation/nodes/client.h"

namespace kappa::node_simulation {

enum class AppenderKind {
  kNamed,        // a named producer, which another client may open too
  kSession,      // unnamed sessions
  kConditional,  // at an expected offset, without a producer
  kPlain,        // neither; nothing is repeated
};

// Appends one batch after the other. One with a producer sends the same batch
// with the same sequence until it knows that it is stored.
//
// Thread safety: thread-compatible.
class Appender final : public Client {
 public:
  // Called when a node acknowledges, in that moment.
  using OnAcknowledged = std::function<void(
      SimulatedNode& node, GroupId group, const server::AppendResult& result)>;

  Appender(Surroundings* around, uint64_t process, AppenderKind kind,
           std::string producer, OnAcknowledged on_acknowledged)
      : Client(around, process),
        kind_(kind),
        producer_(std::move(producer)),
        on_acknowledged_(std::move(on_acknowledged)) {}

  void Step() override;
  bool idle() const override {
    return !append_.under_way() && !open_.under_way() && !end_.under_way() &&
           batch_.values.empty();
  }

 private:
  struct Batch {
    std::vector<std::string> values;  // none: there is no batch
    Place place;
    uint64_t sequence = 0;
    std::optional<uint64_t> expected;
    bool repeated = false;
  };

  bool exact() const {
    return kind_ == AppenderKind::kNamed || kind_ == AppenderKind::kSession;
  }
  void BeginOpening();
  void TakeOpening();
  // Asks where the partition ends.
  void BeginEnd();
  void TakeEnd();
  void MakeBatch();
  void BeginAppend();
  void TakeAppend();
  void OnStored(const absl::StatusOr<server::AppendResult>& answer);
  void OnRefused(const absl::Status& status);
  void LeaveSession();
  v1::ProducerSequence SequenceOf(const Batch& batch) const;
  void Send(SimulatedNode* node, GroupId group,
            server::Node::Callback<server::AppendResult> done);

  const AppenderKind kind_;
  std::string producer_;
  const OnAcknowledged on_acknowledged_;

  // A producer, or a session in one partition.
  std::string producer_id_;
  uint64_t epoch_ = 0;
  std::map<std::string, uint64_t> last_sequences_;  // by the place's name
  std::vector<Place> opened_;
  uint64_t session_ = 0;
  uint64_t session_batches_ = 0;
  uint64_t session_start_ = 0;

  std::map<std::string, size_t> leaders_;  // as known, by the place's name
  Place end_place_;
  std::map<std::string, uint64_t> ends_;  // as known, by the place's name

  Batch batch_;
  uint64_t op_ = 0;
  SimulatedNode* asked_ = nullptr;
  Ask<server::AppendResult> append_;
  Ask<v1::OpenProducerResponse> open_;
  Ask<server::PartitionEnd> end_;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_APPENDER_H_
