// LegalHistory: a random history of a log that does what it promises.
#ifndef KAPPA_TESTS_CHECKER_LEGAL_HISTORY_H_
#define KAPPA_TESTS_CHECKER_LEGAL_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

#include "tests/checker/event.h"
#include "tests/checker/model_log.h"
#include "tests/checker/random_source.h"

namespace kappa::checker {

struct LegalHistoryOptions {
  uint64_t seed = 1;
  size_t operations = 220;
  size_t clients = 6;
  size_t partitions = 2;
  size_t nodes = 3;
};

// Clients whose operations overlap, each operation takes effect at one moment
// between its invocation and its return, or, when its outcome is unknown, at
// any moment, or never. Some clients are named producers with several batches
// under way that repeat what is unknown; some die and come back as new
// processes. A fault makes more outcomes unknown until it is healed.
//
// Thread safety: thread-compatible.
class LegalHistory {
 public:
  explicit LegalHistory(const LegalHistoryOptions& options);

  // Runs to the end, once.
  std::vector<Event> Run();

 private:
  // A batch of a producer that is not settled.
  struct Unsettled {
    Event invoke;
    bool under_way = false;
  };
  struct Client {
    uint64_t process = 0;
    std::string producer;  // empty: none
    uint64_t epoch = 0;
    std::vector<uint64_t> last_sequence;                   // by partition
    std::vector<std::map<uint64_t, Unsettled>> unsettled;  // by sequence
    std::map<size_t, uint64_t> positions;  // of reads, by partition
  };
  enum class Plan : uint8_t { kOk, kFail, kNever, kUnknown, kLate, kDies };
  struct Pending {
    size_t client = 0;
    size_t partition = 0;
    Event invoke;
    Plan plan = Plan::kOk;
    bool awaited = true;  // the client goes on when it returns
    uint64_t read_from = 0;
    std::optional<Event> answer;
  };
  enum class Step : uint8_t { kStart, kEffect, kPart, kReturn };
  // Time, number (for a total order), step, client or operation.
  using Due = std::tuple<int64_t, uint64_t, Step, size_t>;

  void Schedule(int64_t time_us, Step step, size_t which);
  void Start(size_t client);
  void StartAppends(size_t client);
  void StartProduced(size_t client, size_t partition);
  void StartRead(size_t client, bool replay);
  void StartOpening(size_t client);
  // Begins an operation now; draws what becomes of it.
  void Begin(size_t client, size_t partition, Event invoke, bool awaited);
  Plan DrawPlan(OperationKind kind);
  void ScheduleOperation(size_t op);

  void TakeEffect(size_t op);
  Event Apply(Pending* pending);
  Event ApplyRead(Pending* pending);
  void DeliverPart(size_t op);
  void Return(size_t op);
  void Settle(const Pending& pending, const Event& answer);
  void MovePosition(const Pending& pending, const Event& answer);
  void Die(size_t client);

  std::vector<std::string> NewValues();
  void Mark(EventType type);
  void AddFinals();
  // Makes the heal event demand no more than there was.
  void SetProgress();

  const LegalHistoryOptions options_;
  RandomSource random_;
  const bool with_digests_;
  int64_t now_us_ = 1000;
  uint64_t numbers_ = 0;
  uint64_t values_ = 0;
  uint64_t processes_ = 0;
  bool faulty_ = false;
  std::vector<ModelLog> logs_;
  std::map<std::string, uint64_t> epochs_;  // given, by producer
  std::vector<Client> clients_;
  std::vector<Pending> pending_;  // by op
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::vector<Event> events_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_LEGAL_HISTORY_H_
