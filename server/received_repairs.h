// ReceivedRepairs: entries that other replicas sent for damaged ones, until
// they are known to be equal.
#ifndef KAPPA_SERVER_RECEIVED_REPAIRS_H_
#define KAPPA_SERVER_RECEIVED_REPAIRS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "proto/wire/types.h"
#include "raft/message.h"
#include "server/repair_budget.h"
#include "storage/log_store.h"

namespace kappa::server {

// What storage::FindProven is to look at.
struct RepairCheck {
  uint64_t id = 0;                            // of this check; ascending
  std::vector<storage::StoredEntry> entries;  // ascending by index
};

// One check runs at a time, of all that wait. What is not proven goes on
// waiting: an entry that comes later may prove it. It makes room for what comes
// when that is scarce, also for what another group takes in, and for another
// copy of it. What finds no room is dropped: the core asks again, and several
// replicas may answer.
//
// Thread safety: thread-compatible.
class ReceivedRepairs {
 public:
  static constexpr size_t kEntriesMax = 64;
  static constexpr size_t kBytesMax = size_t{16} << 20;

  struct Repair {
    raft::Message message;  // with one entry
    storage::StoredEntry entry;
  };

  // `budget` may be shared with other groups.
  explicit ReceivedRepairs(std::shared_ptr<RepairBudget> budget)
      : budget_(std::move(budget)) {}
  ~ReceivedRepairs();
  ReceivedRepairs(const ReceivedRepairs&) = delete;
  ReceivedRepairs& operator=(const ReceivedRepairs&) = delete;

  // Copies the payload: it may be a part of something larger.
  void Add(Repair repair);
  // What was proven is durable: it may prove what waits.
  void Retry() { due_ = !waiting_.empty(); }
  // What is to be checked now; nullopt: nothing, or a check runs.
  std::optional<RepairCheck> TakeCheck();
  // Check `id` has ended: which of its entries, in order, are equal. Returns
  // these. Nothing when it is not the check that runs.
  std::vector<Repair> EndCheck(uint64_t id, const std::vector<bool>& proven);
  // Whether a check runs.
  bool checking() const { return !checking_.empty(); }
  // Of all payloads here.
  size_t bytes() const { return bytes_; }

 private:
  struct Waiting {
    Repair repair;
    bool checked = false;  // and not proven
  };

  // False: there is no room.
  bool Take(size_t bytes);
  void DropChecked();
  void Give(const Repair& repair);
  bool IsChecking(LogIndex index) const;

  const std::shared_ptr<RepairBudget> budget_;
  std::map<LogIndex, Waiting> waiting_;
  std::vector<Repair> checking_;  // ascending
  size_t bytes_ = 0;              // of both
  bool due_ = false;              // a check may prove something
  uint64_t check_ = 0;            // the id of the last check
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RECEIVED_REPAIRS_H_
