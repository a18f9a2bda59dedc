// ReceivedRepairs: entries that other replicas sent for damaged ones, until
// they are known to be equal.
#ifndef KAPPA_SERVER_RECEIVED_REPAIRS_H_
#define KAPPA_SERVER_RECEIVED_REPAIRS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "proto/wire/types.h"
#include "raft/message.h"
#include "storage/entry_header.h"
#include "storage/log_store.h"

namespace kappa::server {

// What storage::CountProven is to look at.
struct RepairCheck {
  uint64_t id = 0;  // of this check; ascending
  std::vector<storage::StoredEntry> entries;
  std::optional<storage::EntryHeader> before;
};

// One check runs at a time, of entries that follow each other. What finds no
// room, or is being checked already, or is not proven, is dropped: the core
// asks again, and several replicas may answer.
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

  void Add(Repair repair);
  // What is to be checked now; nullopt: nothing, or a check runs.
  std::optional<RepairCheck> TakeCheck();
  // Check `id` has ended: its first `proven` entries, in order, are equal.
  // Nothing when it is not the check that runs.
  std::vector<Repair> EndCheck(uint64_t id, size_t proven);
  // Whether a check runs.
  bool checking() const { return !checking_.empty(); }

 private:
  std::map<LogIndex, Repair> waiting_;
  size_t waiting_bytes_ = 0;
  std::vector<Repair> checking_;
  uint64_t check_ = 0;                          // the id of the last check
  std::optional<storage::EntryHeader> proven_;  // the last one
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RECEIVED_REPAIRS_H_
