// ReceivedRepairs: entries that other replicas sent for damaged ones, until
// they are known to be equal.
#ifndef KAPPA_SERVER_RECEIVED_REPAIRS_H_
#define KAPPA_SERVER_RECEIVED_REPAIRS_H_

#include <cstddef>
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
  std::vector<storage::StoredEntry> entries;
  std::optional<storage::EntryHeader> before;
};

// One check runs at a time, of entries that follow each other. What finds no
// room, or is not proven, is dropped: the core asks again.
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
  // The check has ended: its first `proven` entries, in order, are equal.
  std::vector<Repair> EndCheck(size_t proven);

 private:
  std::map<LogIndex, Repair> waiting_;
  size_t waiting_bytes_ = 0;
  std::vector<Repair> checking_;
  std::optional<storage::EntryHeader> proven_;  // the last one
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RECEIVED_REPAIRS_H_
